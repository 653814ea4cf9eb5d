import type { Json } from "../json/value.ts";
import type { Category, Evidence, NestedFields, Verdict } from "./category.ts";
import type { Action } from "./name.ts";
import { nestedIn } from "./nested.ts";
import { terminalNouns, vagueNouns } from "./nouns.ts";
import { takesPicture } from "./object.ts";
import { type Parameter, parametersOf } from "./parameters.ts";
import { fileVerbs, runsCode, verbOf } from "./verbs.ts";
import { joinPhrases, wordSet, wordsOf } from "./words.ts";

/** What the schema says beyond the name. `parameters` is null where a definition has no schema: then nobody knows what it takes. */
export interface Shape {
  readonly words: readonly string[];
  readonly parameters: readonly Parameter[] | null;
  readonly nested: NestedFields | null;
}

const verdict = (category: Category, token: string, says: string): Verdict => ({
  category,
  evidence: { source: "parameter", token, says },
});

/** What the parameters let a caller do, whatever the name calls it. Each raises the category to at least its own. */
export function raisedBy(action: Action | null, shape: Shape): Verdict[] {
  const parameters = shape.parameters ?? [];
  return [
    ...parameters.flatMap((parameter) => raisedByOne(action, parameter)),
    ...requestShape(parameters),
    ...(action?.category === "Read" ? [] : moneyShape(parameters)),
    ...(shape.nested ? [verdict("Execute", shape.nested.each, "runs other tools")] : []),
  ];
}

function raisedByOne(action: Action | null, parameter: Parameter): Verdict[] {
  const { name, role, choices } = parameter;
  if (choices) return choiceOfAction(parameter, choices);
  if (runsCode(action?.verb ?? "", role)) {
    return [verdict("Execute", name, "the caller's own code")];
  }
  if (changesBesides(parameter)) return [verdict("Write", name, "changes something besides")];
  const writes = savesTo(parameter) || (role === "path" && fileVerbs.has(action?.verb ?? ""));
  return writes ? [verdict("Write", name, "writes a file")] : [];
}

const actionWords = wordSet("action actions operation operations op mode verb method command task");
const changingMethod = /^(?:post|put|patch|delete)$/i;

/** A parameter that chooses what is done: the riskiest choice counts, since the caller may choose it. */
function choiceOfAction({ name, words }: Parameter, choices: readonly string[]): Verdict[] {
  if (!actionWords.has(words.at(-1) ?? "")) return [];
  const method = words.at(-1) === "method" && choices.find((choice) => changingMethod.test(choice));
  if (method) return [verdict("Execute", `${name}: ${method}`, "any HTTP request")];
  return choices.flatMap((choice) => {
    const category = choiceCategory(choice);
    return category && category !== "Read" ? [verdict(category, `${name}: ${choice}`, category)] : [];
  });
}

function choiceCategory(choice: string): Category | null {
  const [first = ""] = joinPhrases(wordsOf(choice));
  return verbOf(first)?.category ?? null;
}

/** Whether the schema lists all that the tool can do, and it is all reading: then `manage_x` only looks. */
export function onlyReadingChoices({ parameters }: Shape): string | null {
  const chooser = parameters?.find(({ words, choices }) => choices && actionWords.has(words.at(-1) ?? ""));
  if (!chooser?.choices || chooser.words.at(-1) === "mode") return null;
  return chooser.choices.every((choice) => choiceCategory(choice) === "Read") ? chooser.name : null;
}

const besides = wordSet(
  "mark delete save overwrite write create update purge acknowledge archive reset drop execute send submit move install",
);

/** `mark_as_read: true` on a tool that reads. */
const changesBesides = ({ words, type }: Parameter): boolean =>
  type === "boolean" && besides.has(words[0] ?? "") && words.at(-1) !== "cache";

const saves =
  /^(?:output|save|dest|destination|download|export)_?(?:to_?)?(?:local_?)?(?:file_?)?(?:path|file|filename|filepath|dir|directory|folder|location|to)$/;

const savesTo = ({ words, type }: Parameter): boolean => type !== "boolean" && saves.test(words.join("_"));

/** A URL with a method or a body of the caller's: any request at all. */
function requestShape(parameters: readonly Parameter[]): Verdict[] {
  const has = (...names: string[]): Parameter | undefined =>
    parameters.find(({ words, choices }) => choices === null && names.includes(words.join("_")));
  const url = parameters.find(({ role }) => role === "url");
  const body = has("method", "http_method", "body", "payload", "request_body");
  return url && body ? [verdict("Execute", body.name, "any HTTP request")] : [];
}

/** An amount with its currency, or with whom it goes to; a price with a quantity is an order. */
function moneyShape(parameters: readonly Parameter[]): Verdict[] {
  const amount = parameters.find(({ role }) => role === "amount");
  const besideIt = parameters.some(
    ({ role, words }) =>
      role === "currency" || role === "recipient" || /^(?:wallet|payee|iban)$/.test(words.at(-1) ?? ""),
  );
  if (amount && besideIt) return [verdict("Financial", amount.name, "an amount of money")];
  const named = new Set(parameters.flatMap(({ words }) => words));
  const side = parameters.find(({ words }) => words.join("_") === "side");
  const trades =
    side && (named.has("quantity") || named.has("qty")) && (named.has("symbol") || named.has("ticker"));
  return trades ? [verdict("Financial", side.name, "an order to trade")] : [];
}

const typed = /^(?:text|input|keys|keystrokes|message|prompt|content|command|query)$/;
/** What no reading tool takes to look something up by. */
const directing = /^(?:keys|keystrokes|prompt|input)$/;

/**
 * Why a tool that is called reading may be no such thing: it may type the caller's text into a terminal to read what comes.
 * A description may lift this; what its schema takes from the caller decides, and where there is none, its name.
 */
export function mayType({ words, parameters }: Shape): Evidence | null {
  const terminal = words.find((word) => terminalNouns.has(word));
  const text = parameters?.find(
    ({ words: named, role, choices }) =>
      choices === null && (role === "shell" || typed.test(named.join("_"))),
  );
  const directs = text !== undefined && directing.test(text.words.join("_"));
  const objects = words.filter((word) => !verbOf(word) || word === "screen" || word === "prompt");
  const vague =
    objects.length > 0 && objects.slice(-1).every((word) => vagueNouns.has(word)) && words.length > 2;
  if (text && (terminal !== undefined || vague || directs)) {
    return { source: "parameter", token: text.name, says: "may be typed into a terminal" };
  }
  if (parameters !== null || (terminal === undefined && !vague)) return null;
  return { source: "name", token: terminal ?? objects.at(-1) ?? "", says: "may type into a terminal" };
}

/** A picture only looks where the schema shows that it is saved nowhere. */
export const picturesOnly = (action: Action, { words, parameters }: Shape): boolean =>
  takesPicture(action.verb, words) &&
  parameters !== null &&
  !parameters.some((parameter) => parameter.role === "path" || savesTo(parameter));

/** The definition's name and schema, taken apart. */
export function shapeOf(name: string, schema: Json | undefined): Shape {
  return {
    words: joinPhrases(wordsOf(name)),
    parameters: schema instanceof Map ? parametersOf(schema) : null,
    nested: nestedIn(schema),
  };
}
