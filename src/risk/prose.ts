import { type Category, riskier } from "./category.ts";
import { type Verb, verbOf } from "./verbs.ts";
import { basesOf, wordSet } from "./words.ts";

/** What a description says that the tool does, with the words that say it; null where it does not say. */
export interface Account {
  readonly category: Category;
  readonly token: string;
}

// What stands before the verb: "This tool can be used to …", "A safe, read-only way to …".
const leads = wordSet(
  `this that the a an it tool tools function functions endpoint api method operation command utility helper action server
   service use used using to for which who you your users user agents agent allow allows allowing let lets enable enables
   enabling help helps helping can could will may be is are able ability way designed meant intended and please when want
   wants need needs if i we optionally safely quickly simply also directly automatically efficiently easily new readonly
   read-only only async asynchronously always mcp capability functionality of in on from with their by fast simple powerful
   convenient lightweight advanced wrapper interface access`,
);
const toolWords = wordSet(
  "tool function endpoint api command utility method operation action server service query",
);
/** Verbs of descriptions alone: in a name they are things. */
const reading = wordSet(
  "return output supply see look give provide answer present contain iterate access report plan design query",
);
const performing = wordSet("perform conduct do");
const inquiries = wordSet(
  "search searches lookup lookups check checks analysis scan comparison calculation calculations reasoning",
);

const claims =
  /\bread[- ]?only\b|\b(?:does not|doesn't|do not|never|without|won't|will not) (?:chang|modif|alter|mutat|writ|updat)\w*|\bno side[- ]effects?\b/i;

/**
 * What the whole description amounts to. Its first sentence says what the tool does; what a further verb adds, in it or
 * behind an "also", counts if it is worse.
 */
export function accountOf(description: string): Account | null {
  const [first = "", ...rest] = sentencesOf(description);
  const main = leadingVerb(first);
  const claim = claims.exec(description)?.[0];
  const head =
    main ?? (claim === undefined ? thingShown(first) : { category: "Read" as const, token: claim });
  if (!head) return null;
  return [...coordinated(first), ...rest.flatMap(furtherVerbs), ...warnings(description)].reduce(
    (a, b) => (riskier(a.category, b.category) === a.category ? a : b),
    head,
  );
}

const tokensOf = (text: string): string[] => text.match(/[A-Za-z][A-Za-z'-]*/g) ?? [];

function leadingVerb(sentence: string): Account | null {
  const tokens = tokensOf(sentence).slice(0, 16);
  const from = startOf(tokens);
  const found = verbAt(tokens, from);
  if (found) return found;
  // "TFT tool for retrieving …": whatever the tool is called comes before the word tool.
  const tool = tokens.slice(0, 8).findIndex((token) => toolWords.has(token.toLowerCase()));
  return tool < 0 ? null : verbAt(tokens, tool + 1 + startOf(tokens.slice(tool + 1)));
}

/** Where the first word stands that is no lead. */
function startOf(tokens: readonly string[]): number {
  const at = tokens.findIndex((token) => !leads.has(token.toLowerCase()));
  return at < 0 ? tokens.length : at;
}

function verbAt(tokens: readonly string[], at: number): Account | null {
  const token = tokens[at] ?? "";
  if (/^(?:provid(?:es?|ing)|giv(?:es?|ing)|offer(?:s|ing)?)$/i.test(token)) return provided(tokens, at);
  const verb = inflected(token);
  if (verb) {
    // "Performs a search" searches; "runs a command" runs.
    const bases = basesOf(token.toLowerCase());
    const rest = tokens.slice(at + 1, at + 12).join(" ");
    if (bases.some((base) => objects.get(base)?.test(rest))) return { category: "Read", token };
    const next = tokens.slice(at + 1, at + 4).find((word) => inquiries.has(word.toLowerCase()));
    const inquires = next !== undefined && bases.some((base) => performing.has(base));
    return { category: inquires ? "Read" : verb, token };
  }
  return null;
}

/** "Provides comments" answers with them; "provides a way to create …" creates. */
function provided(tokens: readonly string[], at: number): Account {
  const way = tokens.findIndex(
    (token, i) => i > at && /^(?:to|for|of)$/i.test(token) && inflected(tokens[i + 1] ?? ""),
  );
  const token = way < 0 ? (tokens[at] ?? "") : (tokens[way + 1] ?? "");
  return { category: way < 0 ? "Read" : (inflected(token) ?? "Read"), token };
}

/** Verbs whose object tells: what the answer then holds is only read. */
const objects: ReadonlyMap<string, RegExp> = new Map([
  [
    "load",
    /\b(?:contents?|text|guides?|guidelines|instructions|docs|documentation|context|details|metadata)\b/i,
  ],
  ["ask", /\b(?:questions?|about)\b/i],
  [
    "generate",
    /\b(?:ya?ml|json|markdown|links?|deeplinks?|uuids?|regex|types|typings|outlines?|explanations?|summar(?:y|ies)|hash(?:es)?|commands?|suggestions?|recommendations?|quer(?:y|ies)|diagrams?)\b/i,
  ],
  ["download", /^(?!.*\b(?:to|into|disk|locally|sav(?:e|es|ing)|director(?:y|ies)|folder|path)\b)/i],
  [
    "export",
    /^(?!.*\b(?:files?|disk|sav(?:e|es|ing)|director(?:y|ies)|folder|path|bucket|storage|spreadsheet|destination)\b)/i,
  ],
  ["track", /\b(?:shipments?|packages?|parcels?|deliver(?:y|ies)|status|flights?|orders?)\b/i],
]);

function inflected(token: string): Category | null {
  const bases = basesOf(token.toLowerCase());
  if (bases.some((base) => reading.has(base))) return "Read";
  const verb = bases.map(verbOf).find((found): found is Verb => found !== undefined);
  return verb ? verb.category : null;
}

/** "…, and imports it": verbs that a conjunction puts beside the first. */
function coordinated(sentence: string): Account[] {
  return [
    ...sentence.matchAll(/(?:\b(?:and|then|or|also)|[,;&])\s+(?:\w+ly\s+|then\s+|also\s+)?([a-z]+)/gi),
  ].flatMap(([, token = ""]) => changing(token));
}

function furtherVerbs(sentence: string): Account[] {
  const found =
    /^(?:it|this tool|this|the tool)?\s*(?:also|then|will|can also|will also)\s+(?:\w+ly\s+)?([a-z]+)/i.exec(
      sentence,
    ) ?? /^(?:it|this tool|the tool)\s+([a-z]+)/i.exec(sentence);
  return found ? changing(found[1] ?? "") : [];
}

/** Firm verbs only: beside nouns in a list everything else looks like a verb. */
function changing(token: string): Account[] {
  const verb = basesOf(token.toLowerCase())
    .map(verbOf)
    .find((one) => one !== undefined);
  return verb?.strength === "firm" && verb.category !== "Read" ? [{ category: verb.category, token }] : [];
}

const typing =
  /\b(?:typ(?:es?|ed|ing)|send(?:s|ing)?|sent|run(?:s|ning)?|execut(?:es?|ed|ing)|press(?:es|ed|ing)?|injects?|writ(?:es?|ing)|paste[sd]?)\b[^.]{0,60}\b(?:terminals?|panes?|shells?|keystrokes?|consoles?|tty|repl|prompts?)\b/i;
/** To ask an agent at work is to type into its session. */
const prompting =
  /\b(?:prompt(?:s|ing)?|ask(?:s|ing)?|quer(?:y|ies|ying)|instruct(?:s|ing)?|tell(?:s|ing)?|nudge[sd]?)\b[^.]{0,40}\b(?:agents?|clis?)\b|\bagents?\b[^.]{0,20}\bprompts? (?:it|them|each)\b/i;
const warning =
  /\b(?:irreversibl[ey]|permanently|cannot be undone|can't be undone|has side[- ]effects|mutates?|billed|overwrites?|(?<!not |n't |never |without |to )modif(?:y|ies))\b/i;

/** What no reading tool says of itself. */
function warnings(description: string): Account[] {
  const typed = (typing.exec(description) ?? prompting.exec(description))?.[0];
  const warned = warning.exec(description)?.[0];
  return [
    ...(typed === undefined ? [] : [{ category: "Execute" as const, token: typed }]),
    ...(warned === undefined ? [] : [{ category: "Write" as const, token: warned }]),
  ];
}

/** "Map data of a region": a short description without any verb names what is shown. */
function thingShown(sentence: string): Account | null {
  const tokens = tokensOf(sentence);
  if (tokens.length > 14 || tokens.some((token) => changing(token).length > 0)) return null;
  const token = tokens.find((one) =>
    /^(?:data|information|info|list|details|statistics|stats|overview|summary|metadata)$/i.test(one),
  );
  return token === undefined ? null : { category: "Read", token };
}

/** Whether it is about what the name names: they have a word in common, in whatever form. */
export function isAbout(description: string, words: readonly string[]): boolean {
  const told = tokensOf(description.toLowerCase());
  const named = words.filter((word) => word.length > 2);
  return named.length === 0 || named.some((word) => told.some((token) => akin(word, token)));
}

/** `summarizer` and `summaries`: what is the same from the front is most of the shorter one. */
function akin(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  let same = 0;
  while (same < shorter && a[same] === b[same]) same++;
  return same > 2 && same >= shorter * 0.7;
}

/** Whether no verb of its first sentence changes anything, wherever it stands; what the name names is a thing there. */
export const changesNowhere = (description: string, words: readonly string[]): boolean =>
  tokensOf((sentencesOf(description)[0] ?? "").replace(new RegExp(claims, "gi"), "")).every(
    (token, at) => changing(token).length === 0 || (at > 0 && words.includes(token.toLowerCase())),
  );

/** Whether it says outright that nothing is changed. */
export const claimsToRead = (description: string): boolean => claims.test(description);

const sentencesOf = (description: string): string[] =>
  description.split(/(?<=[.!?])\s+|\n+|\\n/).filter((one) => /[a-z]/i.test(one));

/** Of languages whose statements may change what they are run on. */
export const speaksOfCode = (description: string): boolean =>
  /\b(?:sql|cypher|gremlin|mutations?|statements?|stored procedures?|aggregation pipeline|javascript|python|shell|bash|code|databases?|warehouses?)\b/i.test(
    description,
  );
