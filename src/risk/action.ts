import type { Category, Evidence } from "./classify.ts";
import { connectors, endingVerbs, firmVerbs, moneyNouns, softVerbs, viewNouns, wordsOf } from "./words.ts";

export interface Action {
  readonly category: Category;
  readonly confidence: "high" | "medium" | "low";
  readonly evidence: Evidence;
}

const order: readonly Category[] = ["Read", "Write", "Execute", "Financial", "Destructive"];

/** The riskier of two categories, by what it takes to undo a mistake. */
export const riskier = (a: Category, b: Category): Category => (order.indexOf(a) >= order.indexOf(b) ? a : b);

/** What a tool does, from its name; where that has no verb, from the first verb of its title or description. */
export function actionOf(name: string, prose: readonly string[]): Action {
  return fromName(wordsOf(name)) ?? fromProse(prose) ?? unknown(name);
}

const unknown = (name: string): Action => ({
  category: "Execute",
  confidence: "low",
  evidence: { source: "name", token: name, says: "no known verb: taken for Execute" },
});

function fromName(words: readonly string[]): Action | null {
  const verb = verbOf(words);
  if (!verb) return fromNoun(words);
  const category = joined(words, verb.category);
  const says = (what: Category): Evidence => ({ source: "name", token: verb.word, says: what });
  const confidence = verb.firm ? "high" : "medium";
  if (category === "Read") {
    return queriesAtWill(verb.word, words)
      ? { category: "Execute", confidence, evidence: says("Execute") }
      : { category, confidence, evidence: says("Read") };
  }
  const money = words.find((word) => word !== verb.word && moneyNouns.has(word));
  if (money !== undefined && category !== "Destructive") {
    return { category: "Financial", confidence, evidence: { ...says("Financial"), token: money } };
  }
  const lost = endingVerbs.has(verb.word) && words.includes("all");
  return { category: lost ? "Destructive" : category, confidence, evidence: says(category) };
}

interface Verb {
  readonly word: string;
  readonly category: Category;
  readonly firm: boolean;
}

/**
 * The first firm verb, else the first soft one. A soft verb that opens the name outranks a reading verb behind it
 * (`run_get_script` runs), unless that one ends the name (`run_list` lists).
 */
function verbOf(words: readonly string[]): Verb | null {
  const firm = verbIn(words, firmVerbs, true);
  const soft = verbIn(words, softVerbs, false);
  if (!firm || !soft) return firm ?? soft;
  const opens = words[0] === soft.word && !(words.at(-1) === firm.word && listing.has(firm.word));
  return opens && riskier(firm.category, soft.category) !== firm.category ? soft : firm;
}

const listing = new Set(["list", "get", "show", "describe"]);

function verbIn(words: readonly string[], verbs: ReadonlyMap<string, Category>, firm: boolean): Verb | null {
  for (const word of words) {
    const category = verbs.get(word);
    if (category) return { word, category, firm };
  }
  return null;
}

/** `find_and_modify` does both: the riskiest verb behind a connector counts too. */
function joined(words: readonly string[], first: Category): Category {
  const behind = words.filter((_, i) => connectors.has(words[i - 1] ?? ""));
  return behind.map((word) => firmVerbs.get(word) ?? softVerbs.get(word) ?? "Read").reduce(riskier, first);
}

const languages = ["sql", "database", "db", "cypher", "postgres", "mysql", "sqlite"];

/** A query in a language that can also write is as much as running it. */
const queriesAtWill = (verb: string, words: readonly string[]): boolean =>
  verb === "query" && words.some((word) => languages.includes(word));

function fromNoun(words: readonly string[]): Action | null {
  const last = words.at(-1) ?? "";
  if (!viewNouns.has(last)) return null;
  return { category: "Read", confidence: "medium", evidence: { source: "name", token: last, says: "Read" } };
}

/** Only the first word of a sentence: further on, verbs are about something else. */
function fromProse(prose: readonly string[]): Action | null {
  for (const text of prose) {
    const word = /^[A-Za-z]+/.exec(text.trim())?.[0].toLowerCase() ?? "";
    const forms = [word, word.replace(/s$/, ""), word.replace(/es$/, "")];
    const token = word.startsWith("return") ? "get" : forms.find((form) => firmVerbs.has(form));
    const category = token === undefined ? undefined : firmVerbs.get(token);
    if (category)
      return {
        category,
        confidence: "medium",
        evidence: { source: "description", token: word, says: category },
      };
  }
  return null;
}
