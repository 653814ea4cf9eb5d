import { type CharSet, perlSet, unicodeSet, union } from "./char-set.ts";
import type { PatternText } from "./pattern-text.ts";

const control: ReadonlyMap<string, number> = new Map([
  ["a", 7],
  ["t", 9],
  ["n", 10],
  ["v", 11],
  ["f", 12],
  ["r", 13],
]);

/** `\d`, `\pL`, `\P{Greek}` and their like; leaves the place alone where none stands. */
export function escapedSet(text: PatternText, fold: boolean): CharSet | undefined {
  if (text.match(/\\[pP]/y) !== null) return unicodeEscape(text, fold);
  const letter = /^\\([dDsSwW])/.exec(text.rest)?.[1];
  if (letter === undefined) return undefined;
  text.at += 2;
  return perlSet(letter, fold);
}

function unicodeEscape(text: PatternText, fold: boolean): CharSet {
  const start = text.at - 2;
  const written = text.match(/\{([^}]*)\}|([^{])/uy);
  const name = written?.[1] ?? written?.[2] ?? "";
  const caret = name.startsWith("^");
  const set = unicodeSet(caret ? name.slice(1) : name, fold);
  if (set === undefined) return text.refuse("no such Unicode class", start);
  return union([set], caret !== text.since(start).startsWith("\\P"));
}

/** The code point that an escape stands for; the place is on its backslash. */
export function escapedCodePoint(text: PatternText): number {
  const start = text.at;
  text.take();
  const octal = text.match(/0[0-7]{0,2}|[1-7][0-7]{1,2}/y)?.[0];
  if (octal !== undefined) return Number.parseInt(octal, 8);
  const hex = text.match(/x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})/y);
  const codePoint = hex ? Number.parseInt(hex[1] ?? hex[2] ?? "", 16) : plainEscape(text.take());
  if (codePoint !== undefined && codePoint <= 0x10ffff) return codePoint;
  const written = text.since(start);
  if (written === "\\") return text.refuse("it ends in a backslash", start);
  return text.refuse(/[1-9]/.test(written) ? "back-references are no part of it" : "no such escape", start);
}

function plainEscape(letter: string): number | undefined {
  return /^[!-/:-@[-`{-\x7f\0- ]$/.test(letter) ? letter.codePointAt(0) : control.get(letter);
}
