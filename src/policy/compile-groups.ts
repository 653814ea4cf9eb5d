import { type Condition, conditionText, type Group } from "./condition.ts";
import { suggestion } from "./nearest.ts";
import { compileOperator } from "./operator.ts";
import { facts, hasEvery, type Path, parsePath } from "./path.ts";
import { elements, type Place, pointerOf, textAt } from "./pointer.ts";
import { type OperatorName, operatorNames } from "./schema.ts";
import { priceOf } from "./work.ts";

export type GroupKind = "require" | "deny_if" | "approve_if";

/** The groups under `require`, `deny_if` or `approve_if`, each with its stable id (policy.md §3). */
export function compileGroups(at: Place, kind: GroupKind, owner: string): Group[] {
  const name = namer(`${owner}/${kind}`);
  return elements(at).map((group) => {
    const written = elements(group.at("conditions"));
    const first = written[0];
    const conditions = written.flatMap((condition) => compileCondition(condition, kind) ?? []);
    if (written.length === 0 && kind === "require")
      group.warn("an empty group always holds, so it never refuses");
    const id = first ? `${textAt(first.at("path"))}-${textAt(first.at("op"))}` : "always";
    return { id: name(id), conditions, text: textAt(group.at(kind === "approve_if" ? "reason" : "on_deny")) };
  });
}

/** Names the members of one list: the second of a name gets `#2`, and so on. */
export function namer(parent: string): (name: string) => string {
  const seen = new Map<string, number>();
  return (name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return `${parent}${pointerOf([count === 1 ? name : `${name}#${count}`])}`;
  };
}

const isOperator = (op: string | null): op is OperatorName => operatorNames.some((name) => name === op);

function compileCondition(at: Place, kind: GroupKind): Condition | null {
  const [op, text] = [textAt(at.at("op")), textAt(at.at("path"))];
  const path = text === null ? null : compilePath(at.at("path"), text);
  const value = at.at("value");
  if (!isOperator(op) || text === null || value.value === undefined) return null;
  let size = 1;
  const test = compileOperator(op, value.value, (pattern) => {
    const regex = at.regex(pattern);
    if ("size" in regex) size = regex.size;
    return regex;
  });
  if (typeof test !== "function") return value.fail(`${op}: ${test.mistake}`);
  if (!path) return null;
  warnAbout(at, path, op, kind);
  return {
    pointer: at.pointer,
    path,
    op,
    operand: value.value,
    test,
    price: priceOf(op, value.value, size),
    text: conditionText(text, op, value.value),
  };
}

/** A path of the language, or an error with the nearest right one. */
function compilePath(at: Place, text: string): Path | null {
  const path = parsePath(text);
  if (path) return path;
  const asArgument = `args${text.replace(/^[^.[]*/, "")}`;
  const near = suggestion(text, parsePath(asArgument) ? [...facts, asArgument] : facts);
  return at.fail(
    `not a path: ${JSON.stringify(text)}${near || "; paths start with args. or name a fact such as tool.name"}`,
  );
}

/** A path to one argument value, as increments need it. */
export function compileSinglePath(at: Place, text: string): Path | null {
  const path = compilePath(at, text);
  if (!path) return null;
  if (path.root !== "args") return at.fail("expected a path that starts with args.");
  return hasEvery(path.steps) ? at.fail("[*] names several values where one is needed") : path;
}

/** What is legal and often not meant (policy.md §2, Save warns). */
function warnAbout(at: Place, path: Path, op: OperatorName, kind: GroupKind): void {
  if (kind === "deny_if" && (op === "neq" || op === "not_in")) {
    at.warn(
      `${op} in deny_if lets a call without ${path.text} pass: a require with ${op === "neq" ? "eq" : "in"} does not`,
    );
  }
  if (kind !== "require" && op === "path_within") {
    at.warn(
      `path_within holds only where every reading of the path lies inside, so ${kind} can be walked round: use require`,
    );
  }
  // Where such a condition is what lets a call pass, the name is as good as a password that everybody knows.
  const permits = kind === "require" || op === "neq" || op === "not_in";
  if (permits && path.root === "client.name") {
    at.warn("client.name is what the client calls itself, so this permits whoever uses that name");
  }
}
