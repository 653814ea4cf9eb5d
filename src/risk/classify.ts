import type { Json, JsonObject } from "../json/value.ts";
import { type Action, actionOf, riskier } from "./action.ts";
import { type NestedFields, nestedIn, type Parameter, parametersOf } from "./parameters.ts";
import { flagWords, sinkVerbs, wordsOf } from "./words.ts";

export type Category = "Read" | "Write" | "Execute" | "Destructive" | "Financial";
export type Level = "low" | "medium" | "high" | "critical";
export type Flag =
  | "private_data"
  | "untrusted_content"
  | "public_sink"
  | "secret"
  | "code_exec"
  | "bulk"
  | "nested_calls";

/** What said so: which word or field, and what it was taken to mean. */
export interface Evidence {
  readonly source: "name" | "description" | "parameter" | "annotation";
  readonly token: string;
  readonly says: string;
  /** Where the calls are, for `nested_calls`. */
  readonly nested?: NestedFields;
}

export interface Risk {
  readonly category: Category;
  readonly level: Level;
  readonly flags: readonly Flag[];
  readonly confidence: "high" | "medium" | "low";
  readonly evidence: readonly Evidence[];
}

/**
 * How risky a tool is, from its definition alone; pure, and the same for the same definition. Unknown is Execute/high. All
 * of it is a stranger's word, so annotations are believed only where they make it worse.
 */
export function classify(definition: JsonObject): Risk {
  const name = textAt(definition, "name");
  const parameters = parametersOf(definition.get("inputSchema"));
  const description = textAt(definition, "description");
  const action = actionOf(name, [textAt(definition, "title"), description]);
  const raised = [
    ...fromParameters(action, parameters),
    ...fromDescription(description),
    ...fromHints(definition),
  ];
  const category = raised.map((raise) => raise.category).reduce(riskier, action.category);
  const flagged = flagsOf(name, category, parameters, definition.get("inputSchema"));
  const flags = [...new Set(flagged.map(({ flag }) => flag))];
  const evidence = [action, ...raised, ...flagged].map((said) => said.evidence);
  const level = levelOf(category, flags, destructiveHint(definition));
  return { category, level, flags, confidence: action.confidence, evidence };
}

interface Raise {
  readonly category: Category;
  readonly evidence: Evidence;
}

/** What a parameter lets the caller do, whatever the name calls it. */
function fromParameters({ category }: Action, parameters: readonly Parameter[]): Raise[] {
  const raise = (to: Category, name: string, says: string): Raise => ({
    category: to,
    evidence: { source: "parameter", token: name, says },
  });
  const code = parameters.filter(({ role }) => role === "shell" || role === "sql");
  const raised = code.map(({ name }) => raise("Execute", name, "the caller's own code"));
  const amount = parameters.find(({ role }) => role === "amount");
  const pays = amount && category !== "Read" && parameters.some(({ role }) => role === "currency");
  return pays ? [...raised, raise("Financial", amount.name, "an amount of money")] : raised;
}

const typesIntoTerminal =
  /\b(?:typ(?:es?|ing)|send(?:s|ing)?|run(?:s|ning)?|execut(?:es?|ing)|press(?:es|ing)?)\b[^.]{0,60}\b(?:terminals?|panes?|shells?|keystrokes?|consoles?)\b/i;

/** A tool that reads by typing into a terminal runs what it types. */
function fromDescription(description: string): Raise[] {
  const found = typesIntoTerminal.exec(description)?.[0];
  if (found === undefined) return [];
  return [
    { category: "Execute", evidence: { source: "description", token: found, says: "acts on a terminal" } },
  ];
}

function fromHints(definition: JsonObject): Raise[] {
  const hints = definition.get("annotations");
  if (!(hints instanceof Map)) return [];
  const token = hints.get("readOnlyHint") === false ? "readOnlyHint: false" : "destructiveHint: true";
  const writes = hints.get("readOnlyHint") === false || hints.get("destructiveHint") === true;
  return writes ? [{ category: "Write", evidence: { source: "annotation", token, says: "not Read" } }] : [];
}

function destructiveHint(definition: JsonObject): boolean {
  const hints = definition.get("annotations");
  return hints instanceof Map && hints.get("destructiveHint") === true;
}

interface Flagged {
  readonly flag: Flag;
  readonly evidence: Evidence;
}

function flagsOf(
  name: string,
  category: Category,
  parameters: readonly Parameter[],
  inputSchema: Json | undefined,
): Flagged[] {
  const words = wordsOf(name);
  const flagged = flagWords.flatMap(([flag, known]) =>
    words.filter((word) => known.has(word)).map((word) => flagFrom(flag, "name", word)),
  );
  if (category !== "Read") {
    const sinks = words.filter((word) => sinkVerbs.has(word));
    flagged.push(...sinks.map((word) => flagFrom("public_sink", "name", word)));
  }
  for (const { name: parameter, role } of parameters) {
    if (role === "shell" || role === "sql") flagged.push(flagFrom("code_exec", "parameter", parameter));
    if (role === "url") {
      flagged.push(
        flagFrom(category === "Read" ? "untrusted_content" : "public_sink", "parameter", parameter),
      );
    }
  }
  const nested = nestedIn(inputSchema);
  if (nested) {
    const evidence: Evidence = { source: "parameter", token: nested.each, says: "nested_calls", nested };
    flagged.push({ flag: "nested_calls", evidence });
  }
  return flagged;
}

const flagFrom = (flag: Flag, source: Evidence["source"], token: string): Flagged => ({
  flag,
  evidence: { source, token, says: flag },
});

/** The level follows the category, and what the flags add to it: the same verb costs more on a secret or on everything. */
function levelOf(category: Category, flags: readonly Flag[], destructive: boolean): Level {
  const has = (flag: Flag): boolean => flags.includes(flag);
  switch (category) {
    case "Read":
      return has("secret") ? "high" : has("private_data") ? "medium" : "low";
    case "Write":
      return has("secret") || has("bulk") || destructive ? "high" : "medium";
    case "Execute":
      return has("code_exec") ? "critical" : "high";
    case "Destructive":
      return has("bulk") || has("secret") ? "critical" : "high";
    default:
      return "critical";
  }
}

function textAt(definition: JsonObject, key: string): string {
  const value = definition.get(key);
  return typeof value === "string" ? value : "";
}
