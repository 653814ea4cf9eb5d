import { riskier } from "./category.ts";
import { changedThings, plainReading, readingThings, thingsWithStatus, type Verb, verbOf } from "./verbs.ts";
import { basesOf, joinPhrases, wordsOf } from "./words.ts";

/** A verb where it stands in a name. Where it is not `settled`, it may as well be a thing. */
export interface Found extends Verb {
  readonly word: string;
  readonly settled: boolean;
}

/** The riskier of two, the first where they are alike. */
export const worst = <T extends Found>(a: T, b: T): T =>
  riskier(a.category, b.category) === a.category ? a : b;

/** The verb of a name, whose words these are; null where it has none that we know. */
export const verbIn = (name: string, words: readonly string[]): Found | null =>
  lastPart(name) ?? verbAmong(words) ?? gluedVerb(words) ?? gerund(words);

/** `server__get_x` and `chat.postMessage`: what comes before the last mark names the server or the thing. */
function lastPart(name: string): Found | null {
  const at = Math.max(name.lastIndexOf("__"), name.lastIndexOf("."), name.lastIndexOf("/"));
  return at < 0 ? null : verbAmong(joinPhrases(wordsOf(name.slice(at + 1))));
}

function verbAmong(words: readonly string[]): Found | null {
  return firmVerb(words) ?? softVerb(words);
}

type Placed = Found & { readonly at: number };

/**
 * The verb opens the name, or ends it (`email_send`), or comes behind a prefix (`github_get_file`). A verb that opens it
 * and a soft one there outrank those behind, and where two could be meant it is the riskier one.
 */
function firmVerb(words: readonly string[]): Found | null {
  const firm = words.flatMap((word, at): Placed[] => {
    const verb = verbOf(word);
    return verb?.strength === "firm" ? [{ ...verb, word, at, settled: true }] : [];
  });
  const [first, last] = [firm[0], firm.at(-1)];
  if (!first || !last) return null;
  const end = last.at === words.length - 1 ? last : null;
  if (first.at === 0)
    return first.category === "Read" ? looking(words, firm, end) : changing(firm, first, end);
  const chosen = end && readsOnly(end) ? end : firm.reduce(worst);
  const soft = verbOf(words[0] ?? "");
  const opens = soft && soft.strength !== "firm" && !(end && readsAtTheEnd(words, end.word));
  return opens && riskier(soft.category, chosen.category) !== chosen.category
    ? { ...soft, word: words[0] ?? "", settled: true }
    : chosen;
}

const commanding = new Set([
  "run",
  "start",
  "trigger",
  "call",
  "request",
  "share",
  "schedule",
  "push",
  "command",
]);
const beginning = new Set(["start", "trigger"]);
const neverThings = new Set(["get", "describe", "retrieve", "fetch"]);

/**
 * `list_create`, `monitor_start`, `crawl_cancel`: what is read may be a thing, and the verb come behind it. Behind
 * a verb that is no thing, as in `check_update`, what is as often a thing is one.
 */
function looking(words: readonly string[], firm: readonly Placed[], end: Placed | null): Found {
  const [first] = firm as [Placed];
  if (neverThings.has(first.word)) return first;
  const isThing = readingThings.has(first.word);
  const begins = beginningOf(words);
  if (begins) return begins;
  if (end && end.category !== "Read" && (isThing || !changedThings.has(end.word))) return end;
  const next = firm.find(({ at }) => at === 1);
  return isThing && next && next.category !== "Read" && !changedThings.has(next.word) ? next : first;
}

/** A soft verb that ends a name and begins something: `stream_start`. */
function beginningOf(words: readonly string[]): Found | null {
  const word = words.at(-1) ?? "";
  const verb = words.length > 1 && beginning.has(word) ? verbOf(word) : undefined;
  return verb ? { ...verb, word, settled: true } : null;
}

/** `deploy_plan_get` reads; `append_execute_cell` does both. */
function changing(firm: readonly Placed[], first: Placed, end: Placed | null): Found {
  if (end && end !== first && readsOnly(end)) return end;
  const next = firm.find(({ at }) => at === 1);
  return next ? worst(first, next) : first;
}

/** Hardly ever a thing; a list is one. */
const readsOnly = ({ word }: Found): boolean => plainReading.has(word) && word !== "list";

/** `run_list` lists runs, and `post_search` is how HTTP says search. */
const readsAtTheEnd = (words: readonly string[], last: string): boolean =>
  plainReading.has(last) ||
  last === "lookup" ||
  (last === "search" && !commanding.has(words[0] ?? "")) ||
  (words.includes("post") && readingThings.has(last)) ||
  (words.length === 2 &&
    thingsWithStatus.has(words[0] ?? "") &&
    readingThings.has(last) &&
    words[0] !== "run");

/** A soft verb opens the name, ends it, or comes behind one word of prefix; of several the riskiest counts. */
function softVerb(words: readonly string[]): Found | null {
  const places = [...new Set([0, 1, words.length - 1])];
  const found = places.flatMap((at): Found[] => {
    const [word = "", before, behind] = [words[at], words[at - 1], words[at + 1]];
    const verb = verbOf(word);
    if (!verb || behind === "id" || (at === 1 && verbOf(before ?? ""))) return [];
    const settled = at === 0 && verb.strength === "soft" && words.length > 1;
    return [{ ...verb, word, settled }];
  });
  const [first] = found;
  if (!first) return null;
  if (first.category === "Read") return beginningOf(words) ?? found.reduce(worst);
  // What comes behind a changing verb is its object: `run_test`, but `scan_request` may well be one.
  return words.at(-1) === first.word ? found.reduce(worst) : first;
}

/** `crawling_sites`: a gerund in front, where there is no other verb. */
function gerund([word = ""]: readonly string[]): Found | null {
  if (!word.endsWith("ing")) return null;
  const base = basesOf(word).find((one) => verbOf(one));
  const verb = base === undefined ? undefined : verbOf(base);
  return base && verb ? { ...verb, word, settled: false } : null;
}

/** `getuser`, `deletepage`, `websearch`: written as one word. */
function gluedVerb(words: readonly string[]): Found | null {
  const [word = ""] = words;
  const verb =
    /^(?:get|list|read|search|fetch|find|create|delete|remove|update|insert|upload|execute|send|write)(?=[a-z]{4})(?!e[dnr]|or|ion|ing|able|y|s)/.exec(
      word,
    )?.[0] ?? /(?<=^[a-z]{3,})(?:search|fetch|lookup|delete|update|create)$/.exec(words.at(-1) ?? "")?.[0];
  const known = verb === undefined ? undefined : verbOf(verb);
  return known && verb ? { ...known, strength: "soft", word: verb, settled: true } : null;
}
