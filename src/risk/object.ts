import {
  archives,
  calls,
  connections,
  disks,
  films,
  guides,
  moneyless,
  moneyNouns,
  people,
  pictures,
  quantities,
  queryEngines,
  settledThings,
  statusNouns,
  textsToMake,
  toldOf,
  vagueNouns,
  watched,
} from "./nouns.ts";
import { type Found, worst } from "./placement.ts";
import { endingVerbs, readingThings, thingsWithStatus, verbOf } from "./verbs.ts";
import { wordSet } from "./words.ts";

const makingGuides = wordSet("create add update set edit save write publish upload delete remove");

/** What its object makes of the verb. */
export function settledBy(found: Found, words: readonly string[]): Found {
  const decided = byObject(found, words);
  return decided === found && mayBeTold(found, words)
    ? { ...found, settled: found.category === "Read" }
    : decided;
}

/** `migrate_to_workers_guide` may be a guide to it, and `import_status` tell of one. */
function mayBeTold({ word }: Found, words: readonly string[]): boolean {
  const last = words.at(-1) ?? "";
  return last !== word && ((guides.has(last) && !makingGuides.has(word)) || toldOf.has(last));
}

/** Verbs whose object decides whether they change anything; the same one where it decides nothing. */
function byObject(found: Found, words: readonly string[]): Found {
  const about = (things: ReadonlySet<string>): boolean => words.some((word) => things.has(word));
  const reads: Found = { ...found, category: "Read", settled: true };
  const writes: Found = { ...found, category: "Write", settled: true };
  switch (found.word) {
    case "query": {
      // What a query without a known object is written in, nobody knows.
      const known = words[0] === "query" && words.length > 1 && !about(vagueNouns) && !about(queryEngines);
      return known ? reads : { ...found, settled: false };
    }
    case "report":
      // To report is to tell somebody; a report is there to be read.
      return words[0] === "report" && words.length > 1 ? found : reads;
    case "format":
      return about(disks) ? { ...found, category: "Destructive", settled: true } : found;
    case "map":
      return about(disks) ? writes : found;
    case "render":
      return about(films) ? { ...writes, settled: false } : found;
    case "recall":
    case "ping":
      return about(people) ? { ...found, category: "Execute" } : found;
    case "resolve":
      return about(settledThings) ? writes : found;
    case "watch":
      return about(watched) ? writes : found;
    case "list":
      return words.includes("sale") ? { ...writes, category: "Financial" } : found;
    case "extract":
      return about(archives) ? writes : found;
    case "convert":
      return about(quantities) ? reads : found;
    case "make":
      return about(calls) ? { ...found, category: "Execute" } : found;
    case "test":
      return about(connections) ? reads : found;
    case "generate":
      return about(textsToMake) ? reads : found;
    default:
      return found;
  }
}

const connectors = new Set(["and", "or", "then"]);

/** `find_and_modify` does both; what ends everything loses it. */
export function atItsWorst(found: Found, words: readonly string[]): Found {
  const joined = words.flatMap((word, at) => {
    const verb = connectors.has(words[at - 1] ?? "") ? verbOf(word) : undefined;
    return verb && at > 1 ? [{ ...verb, word, settled: true }] : [];
  });
  const all = [found, ...joined, ...pairOf(words)].reduce(worst);
  const ends = endingVerbs.has(all.word) && (words.includes("all") || words.includes("everything"));
  return ends ? { ...all, category: "Destructive" } : all;
}

/** `search_replace`: two verbs and nothing else are both meant. */
function pairOf(words: readonly string[]): Found[] {
  const second = words.length === 2 && readingThings.has(words[0] ?? "") ? verbOf(words[1] ?? "") : undefined;
  return second?.strength === "firm" ? [{ ...second, word: words[1] ?? "", settled: true }] : [];
}

/** The word that makes it a payment: `create_refund` moves money, and so does what changes what money hangs on; or null. */
export function moneyIn(found: Found, words: readonly string[]): string | null {
  if (found.category !== "Write" && found.category !== "Execute") return null;
  // To track or export an order pays nothing; to capture a payment does.
  if (found.strength === "open" && found.word !== "capture" && found.word !== "collect") return null;
  if (words.some((word) => moneyless.has(word))) return null;
  const chain = ["send", "sign", "submit", "broadcast"].includes(found.word);
  const money = words.find(
    (word) => word !== found.word && (moneyNouns.has(word) || (chain && /^(?:transactions?|tx)$/.test(word))),
  );
  return money ?? null;
}

/** `transfer_ownership`: a word of money that means none here. */
export const isMoneyless = (found: Found, words: readonly string[]): boolean =>
  found.category === "Financial" &&
  found.strength === "soft" &&
  words.some((word) => word !== found.word && moneyless.has(word));

/** `build_status`: the verb is a thing, and what is told of it comes behind. */
export const isAboutStatus = (found: Found, words: readonly string[]): boolean =>
  found.strength !== "firm" &&
  thingsWithStatus.has(found.word) &&
  statusNouns.has(words.at(-1) ?? "") &&
  words.at(-1) !== found.word;

/** Whether a picture is taken. */
export const takesPicture = (verb: string, words: readonly string[]): boolean =>
  (verb === "take" || verb === "capture") && words.some((word) => pictures.has(word));
