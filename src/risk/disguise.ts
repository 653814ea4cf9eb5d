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

/** How a hasty eye reads a name: case, separators and letters that look alike fall together; two for one only perhaps. */
function glances(name: string): readonly string[] {
  const seen = name.toLowerCase().replaceAll(/[_.-]/g, "").replaceAll(/[1i]/g, "l").replaceAll("0", "o");
  return [...new Set([seen, seen.replaceAll("rn", "m").replaceAll("vv", "w")])];
}

interface Glanced {
  readonly tool: Named;
  readonly seen: readonly string[];
}

/** Finds, of these tools, the others that one could be mistaken for. Names are ASCII (`mcp/target.ts`). */
export function lookAlikesAmong(tools: readonly Named[]): (tool: Named) => Named[] {
  const byThird = new Map<string, Glanced[]>();
  for (const tool of tools) {
    const glanced = { tool, seen: glances(tool.name) };
    for (const third of glanced.seen.flatMap((one) => thirdsOf(one, 0))) {
      const others = byThird.get(third);
      if (others) others.push(glanced);
      else byThird.set(third, [glanced]);
    }
  }
  return (named) => {
    const own = glances(named.name);
    const thirds = own.flatMap((one) => thirdsOf(one, differencesMax));
    const candidates = new Set(thirds.flatMap((third) => byThird.get(third) ?? []));
    return [...candidates].flatMap(({ tool, seen }) => {
      const itself = tool.server === named.server && tool.name === named.name;
      const near = (most: number) => own.some((one) => seen.some((other) => within(one, other, most)));
      return !itself && near(differencesMax) && near(allowed(named, tool)) ? tool : [];
    });
  };
}

/**
 * The thirds of a name, each with its place and the name's length. Two differences leave one third as it was: so names
 * that are near have one in common, once those are added that the differences may have moved it to (`slack`).
 */
function thirdsOf(seen: string, slack: number): string[] {
  const found: string[] = [];
  for (let length = seen.length - slack; length <= seen.length + slack; length++) {
    for (const part of [0, 1, 2]) {
      const [start, end] = [Math.floor((length * part) / 3), Math.floor((length * (part + 1)) / 3)];
      for (let at = Math.max(0, start - slack); at <= start + slack; at++) {
        found.push(`${length} ${part} ${seen.slice(at, at + end - start)}`);
      }
    }
  }
  return found;
}

/**
 * How many differences make two names look alike: two at most, and a third of the shorter one. On one server only what
 * is left without the words that both begin with counts: `app_batch` and `app_watch` are a family, not a disguise.
 */
function allowed(a: Named, b: Named): number {
  const [x, y] = [a.name.toLowerCase().split(/[_.-]/), b.name.toLowerCase().split(/[_.-]/)];
  const from = a.server === b.server ? x.findIndex((word, at) => word !== y[at]) : 0;
  const left = (words: readonly string[]): number => words.slice(from).join("").length;
  return from < 0 ? 0 : Math.min(differencesMax, Math.floor(Math.min(left(x), left(y)) / 3));
}

/** Levenshtein's distance, as far as it goes: whether so many letters at most are put in, left out or exchanged. */
function within(a: string, b: string, most: number): boolean {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  if (at === a.length && at === b.length) return true;
  if (most === 0) return false;
  const [restA, restB] = [a.slice(at + 1), b.slice(at + 1)];
  const [fromA, fromB] = [a.slice(at), b.slice(at)];
  return within(restA, restB, most - 1) || within(restA, fromB, most - 1) || within(fromA, restB, most - 1);
}
