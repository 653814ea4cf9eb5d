/** A tool's name, and the server (its slug) that lists it. */
export interface Named {
  readonly server: string;
  readonly name: string;
}

/** Something of a tool's text that people or models are to misread. */
export interface Disguise {
  readonly kind: "hidden_character" | "borrowed_letters";
  /** The character as `U+200B`, or the word. */
  readonly says: string;
}

const differencesMax = 2;
// What an emoji is made of is hidden in it for a good reason.
const emoji = /\p{RGI_Emoji}/gv;
const unseen =
  /[[\p{Cf}\p{Co}\p{Cs}\p{Cc}\p{Variation_Selector}\u034f\u115f\u1160\u2800\u3164\uffa0]--[\t\n\r]]/gv;
const latin = /\p{Script=Latin}/u;
// Cyrillic has a twin of nearly every Latin letter; Greek among Latin is mostly science, as in Δx.
const cyrillic = /\p{Script=Cyrillic}/u;
const styled = /[\uff21-\uff5a\u{1d400}-\u{1d7ff}]/u;

/** The characters of a text that nobody sees or that turn its direction, each once as `U+200B`; tabs and line ends are none. */
export function hiddenCharacters(text: string): string[] {
  const found = text.replace(emoji, "").match(unseen) ?? [];
  return [...new Set(found)].map(
    (one) => `U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`,
  );
}

/** Words whose letters only look like Latin ones, each once: Cyrillic among them, or characters that NFKC makes Latin. */
export const borrowedWords = (text: string): string[] => [
  ...new Set(
    // Word by word, so that no text makes a pattern try again and again.
    text.match(/\p{L}+/gu)?.filter((one) => styled.test(one) || (latin.test(one) && cyrillic.test(one))),
  ),
];

/** What in a definition is not what it seems, in words; `definition` is its JSON text, all of whose keys and strings count. */
export function disguisesOf(definition: string): Disguise[] {
  const texts: string[] = [];
  JSON.parse(definition, (key, value) => {
    texts.push(key);
    if (typeof value === "string") texts.push(value);
    return value;
  });
  const text = texts.join("\n");
  return [
    ...hiddenCharacters(text).map((says): Disguise => ({ kind: "hidden_character", says })),
    ...borrowedWords(text).map((says): Disguise => ({ kind: "borrowed_letters", says })),
  ];
}

/** The name as a hasty eye reads it: case, separators and letters that look alike fall together. */
const glance = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[_.-]/g, "")
    .replaceAll("rn", "m")
    .replaceAll("vv", "w")
    .replaceAll(/[1i]/g, "l")
    .replaceAll("0", "o");

interface Glanced extends Named {
  readonly seen: string;
  readonly letters: number;
}

const glanced = (named: Named): Glanced => {
  const seen = glance(named.name);
  let letters = 0;
  for (let at = 0; at < seen.length; at++) letters |= 1 << (seen.charCodeAt(at) & 31);
  return { server: named.server, name: named.name, seen, letters };
};

/**
 * For each tool the others that could be mistaken for it: that read alike, or differ in two places at most (short names in
 * fewer: a third of their length). Their names are ASCII (`mcp/target.ts`), so other alphabets need no table here.
 */
export function lookAlikes(tools: readonly Named[], others: readonly Named[]): Named[][] {
  const known = others.map(glanced);
  return tools.map((tool) => {
    const own = glanced(tool);
    return known
      .filter((other) => (other.server !== tool.server || other.name !== tool.name) && near(own, other))
      .map(({ server, name }) => ({ server, name }));
  });
}

function near(a: Glanced, b: Glanced): boolean {
  const most = Math.min(differencesMax, Math.floor(Math.min(a.seen.length, b.seen.length) / 3));
  if (Math.abs(a.seen.length - b.seen.length) > most) return false;
  // A change in one place changes two of the letters at most: nearly all pairs end here.
  return bits(a.letters ^ b.letters) <= 2 * most && distance(a.seen, b.seen) <= most;
}

function bits(set: number): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Levenshtein's: how many letters must be put in, left out or exchanged. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const exchanged = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, exchanged));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
