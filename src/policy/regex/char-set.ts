import { orbit } from "./fold.ts";

/** A set of code points; sets of one key have the same members. */
export interface CharSet {
  readonly key: string;
  readonly has: (codePoint: number) => boolean;
}

/** Inclusive ranges of code points, one after the other: `[lo, hi, lo, hi]`. */
export type Ranges = readonly number[];

const any: Ranges = [0, 0x10ffff];
const digit: Ranges = [48, 57];
const word: Ranges = [48, 57, 65, 90, 95, 95, 97, 122];
// RE2's \s lacks the vertical tab that [[:space:]] has.
const perl: Readonly<Record<string, Ranges>> = { d: digit, s: [9, 10, 12, 13, 32, 32], w: word };
const posix: Readonly<Record<string, Ranges>> = {
  alnum: [48, 57, 65, 90, 97, 122],
  alpha: [65, 90, 97, 122],
  ascii: [0, 127],
  blank: [9, 9, 32, 32],
  cntrl: [0, 31, 127, 127],
  digit,
  graph: [33, 126],
  lower: [97, 122],
  print: [32, 126],
  punct: [33, 47, 58, 64, 91, 96, 123, 126],
  space: [9, 13, 32, 32],
  upper: [65, 90],
  word,
  xdigit: [48, 57, 65, 70, 97, 102],
};

const category = /^(C[cfnos]?|L[CClmotu]?|Lc|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/;
const binary = new Set(
  (
    "ASCII_Hex_Digit Alphabetic Dash Emoji Emoji_Component Emoji_Modifier Emoji_Modifier_Base Emoji_Presentation " +
    "Extended_Pictographic Hex_Digit Lowercase Math Quotation_Mark Terminal_Punctuation Uppercase White_Space"
  ).split(" "),
);
// Names of four letters are ISO 15924 codes, which RE2 does not know, except where a script has no longer one.
const shortScript = /^(Ahom|Cham|Kawi|Lisu|Miao|Modi|Newa|Thai|Toto)$/;

/** The members of some ranges, and with `fold` whatever folds to one. */
export function ranges(members: Ranges, fold: boolean): CharSet {
  const among = (codePoint: number) => inRanges(members, codePoint);
  return { key: `${fold ? "i" : ""}${members.join()}`, has: fold ? folding(among) : among };
}

/** One code point, and with `fold` those that it folds with. */
export function letterSet(codePoint: number, fold: boolean): CharSet {
  const members = fold ? orbit(codePoint) : [codePoint];
  return ranges(
    members.flatMap((member) => [member, member]),
    false,
  );
}

/** `.`: every code point, or every one but the newline. */
export function dot(newline: boolean): CharSet {
  return ranges(newline ? any : [0, 9, 11, 0x10ffff], false);
}

/** The letter of `\d`, `\s`, `\w` and their complements. */
export function perlSet(letter: string, fold: boolean): CharSet | undefined {
  return signed(perl, letter.toLowerCase(), letter !== letter.toLowerCase(), fold);
}

/** What stands between `[:` and `:]`. */
export function posixSet(name: string, fold: boolean): CharSet | undefined {
  return signed(posix, name.replace(/^\^/, ""), name.startsWith("^"), fold);
}

function signed(
  named: Readonly<Record<string, Ranges>>,
  name: string,
  negated: boolean,
  fold: boolean,
): CharSet | undefined {
  const members = Object.hasOwn(named, name) ? named[name] : undefined;
  if (members === undefined) return undefined;
  return negated ? complement(ranges(members, fold)) : ranges(members, fold);
}

/** The name of `\p{…}`: a general category, a script or one of RE2's binary properties. */
export function unicodeSet(name: string, fold: boolean): CharSet | undefined {
  if (name === "Any") return ranges(any, false);
  if (name === "Ascii") return ranges([0, 127], fold);
  if (name === "Assigned") return property(name, "\\P{Cn}", false);
  // The script of whatever has none.
  if (name === "Unknown") return property(name, "[\\p{Cn}\\p{Co}\\p{Cs}]", fold);
  if (name === "Lc") return property("LC", "\\p{LC}", fold);
  if (category.test(name) || binary.has(name)) return property(name, `\\p{${name}}`, fold);
  const script = /^[A-Z][A-Za-z_]*$/.test(name) && (name.length !== 4 || shortScript.test(name));
  return script ? property(name, `\\p{Script=${name}}`, fold) : undefined;
}

/** Whatever is in none of the sets, or with `negated` false in one of them. */
export function union(sets: readonly CharSet[], negated: boolean): CharSet {
  const one = sets.length === 1 ? sets[0] : undefined;
  const all = one ?? {
    key: `[${sets.map((set) => set.key).join(" ")}]`,
    has: (codePoint: number) => sets.some((set) => set.has(codePoint)),
  };
  return negated ? complement(all) : all;
}

function complement(set: CharSet): CharSet {
  return { key: `^${set.key}`, has: (codePoint) => !set.has(codePoint) };
}

/** The engine's own Unicode tables, asked for one code point at a time: no input makes that slow. */
function property(name: string, source: string, fold: boolean): CharSet | undefined {
  const table = tableOf(source);
  if (table === undefined) return undefined;
  const has = (codePoint: number) => table.test(String.fromCodePoint(codePoint));
  return { key: `${fold ? "i" : ""}${name}`, has: fold ? folding(has) : has };
}

// Compiling a table costs far more than asking it, and there are some 230 names.
const tables = new Map<string, RegExp>();

function tableOf(source: string): RegExp | undefined {
  try {
    const table = tables.get(source) ?? new RegExp(`^${source}$`, "u");
    tables.set(source, table);
    return table;
  } catch {
    return undefined;
  }
}

function folding(has: (codePoint: number) => boolean): (codePoint: number) => boolean {
  return (codePoint) => orbit(codePoint).some(has);
}

function inRanges(members: Ranges, codePoint: number): boolean {
  for (let at = 0; at < members.length; at += 2) {
    if (codePoint >= (members[at] ?? 0) && codePoint <= (members[at + 1] ?? -1)) return true;
  }
  return false;
}
