import { type Json, JsonNumber } from "../json/value.ts";
import { compileArgumentSchema } from "./argument-schema.ts";
import { compileGroups } from "./compile-groups.ts";
import { compileLimits, type Increments } from "./compile-limits.ts";
import type { Kind } from "./key.ts";
import { longLimit } from "./normalise.ts";
import { hasEvery, type Path, parsePath, parseRelative, type Step } from "./path.ts";
import { elements, type Place, pointerOf, textAt } from "./pointer.ts";
import type { ApprovalTerms, Checks, Nested, Rule } from "./rule.ts";
import { type Template, usualTemplate } from "./template.ts";

export const sectionNames: Readonly<Record<Kind, string>> = {
  tool: "tools",
  resource: "resources",
  prompt: "prompts",
};

/** `all_tools`: the checks without a rule around them. */
export const compileAllTools = (at: Place, increments: Increments): Checks =>
  compileChecks(at, null, "/all_tools", increments);

function compileChecks(at: Place, short: Place | null, owner: string, increments: Increments): Checks {
  return {
    require: compileGroups(at.at("require"), "require", owner),
    denyIf: compileGroups(at.at("deny_if"), "deny_if", owner),
    approveIf: compileGroups(at.at("approve_if"), "approve_if", owner),
    limits: compileLimits(at.at("limits"), short, owner, increments, owner === "/all_tools"),
  };
}

/** One rule of `tools`, `resources` or `prompts`. What has the wrong shape is passed over: it has been refused already. */
export function compileRule(kind: Kind, key: string, at: Place, increments: Increments): Rule {
  const id = pointerOf([sectionNames[kind], key]);
  const short = at.at("rate_limit");
  const long = short.value instanceof Map ? { ...short, at: longPlace(short, key) } : null;
  const checks = compileChecks(at, long, id, increments);
  const schema = at.at("arguments");
  const action = actionOf(textAt(at.at("action")));
  const approve = at.at("approve");
  if (approve.value !== undefined && action !== "approve" && checks.approveIf.length === 0) {
    approve.warn("nothing here asks for approval, so this is never used");
  }
  return {
    ...checks,
    id,
    key,
    mode: choice(at.at("mode"), "enforce", "shadow"),
    action,
    reason: textAt(at.at("reason")),
    approve: termsOf(approve),
    arguments: schema.value === undefined ? null : compileArgumentSchema(schema),
    nested:
      kind === "tool" && at.at("nested").value instanceof Map ? compileNested(at.at("nested"), id) : null,
    record: choice(at.at("record"), "keys", "values"),
    redact: elements(at.at("redact")).flatMap(redactPath),
  };
}

/** Reads a `rate_limit` as the limit that it stands for, while mistakes point at what was written. */
function longPlace(short: Place, key: string): Place["at"] {
  const long = short.value instanceof Map ? longLimit(key, short.value) : new Map<string, Json>();
  return (token) => ({ ...short.at(token), value: long.get(String(token)) });
}

export function choice<A extends string, B extends string>(at: Place, a: A, b: B): A | B | null {
  return at.value === a ? a : at.value === b ? b : null;
}

function actionOf(text: string | null): Rule["action"] {
  if (text === "approve" || text === "require_approval") return "approve";
  return text === null || text === "allow" ? "allow" : "deny";
}

function termsOf(at: Place): ApprovalTerms {
  const number = (name: string, otherwise: number): number => {
    const { value } = at.at(name);
    return value instanceof JsonNumber ? Number(value.text) : otherwise;
  };
  return {
    approvers: at.at("approvers").value === "admin" ? "admin" : "approver",
    expires: number("expires", 900),
    quorum: number("quorum", 1),
    hold: number("hold", 0),
  };
}

function redactPath(at: Place): string[] {
  const text = textAt(at);
  if (text === null) return [];
  if (parsePath(text)?.root === "args") return [text];
  at.fail(`not an argument path: ${JSON.stringify(text)}`);
  return [];
}

function compileNested(at: Place, owner: string): Nested | null {
  const each = eachOf(at.at("each"));
  const tool = relativeOf(at.at("tool"));
  const args = relativeOf(at.at("arguments"));
  const template = templateOf(at.at("template"));
  if (!each || !tool || !args || !template) return null;
  const same = ["each", "tool", "arguments", "template"].map((name) => textAt(at.at(name)));
  return { id: `${owner}/nested`, each, tool, arguments: args, template, sameAs: JSON.stringify(same) };
}

function eachOf(at: Place): Path | null {
  const text = textAt(at);
  if (text === null) return null;
  const path = parsePath(text);
  const steps = path?.steps.slice(0, -1) ?? [];
  if (path?.root !== "args" || path.steps.at(-1) !== "every" || steps.length === 0 || hasEvery(steps)) {
    return at.fail("expected the path of one array of calls, such as args.steps[*]");
  }
  return { text: text.slice(0, -"[*]".length), root: "args", steps };
}

function relativeOf(at: Place): readonly Step[] | null {
  const text = textAt(at);
  if (text === null) return null;
  const steps = parseRelative(text);
  return steps && !hasEvery(steps) ? steps : at.fail("expected a path inside one call, such as params");
}

function templateOf(at: Place): Template | null {
  const text = textAt(at);
  if (text === null) return usualTemplate;
  const regex = at.regex(text);
  if ("mistake" in regex) return at.fail(regex.mistake);
  // A text too long to search may hold one.
  return { size: regex.size, holds: (value) => regex.test(value) ?? true };
}
