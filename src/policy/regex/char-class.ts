import { type CharSet, posixSet, ranges, union } from "./char-set.ts";
import { escapedCodePoint, escapedSet } from "./escape.ts";
import type { PatternText } from "./pattern-text.ts";

/** What stands between brackets; the place is on the opening one. */
export function charClass(text: PatternText, fold: boolean): CharSet {
  const start = text.at;
  text.skip("[");
  const negated = text.skip("^");
  const sets: CharSet[] = [];
  const members: number[] = [];
  do {
    if (text.ended) text.refuse("[ is never closed", start);
    const set = namedClass(text, fold) ?? escapedSet(text, fold);
    if (set === undefined) members.push(...range(text, start));
    else sets.push(set);
  } while (text.next !== "]");
  text.skip("]");
  if (members.length > 0) sets.push(ranges(members, fold));
  return union(sets, negated);
}

/** `[:alpha:]`; without a `:]` anywhere after it the bracket is one of the members. */
function namedClass(text: PatternText, fold: boolean): CharSet | undefined {
  const end = text.rest.indexOf(":]");
  if (!text.rest.startsWith("[:") || end < 0) return undefined;
  const start = text.at;
  text.at += end + 2;
  return posixSet(text.since(start).slice(2, -2), fold) ?? text.refuse("no such named class", start);
}

function range(text: PatternText, start: number): [number, number] {
  const from = text.at;
  const lo = member(text, start);
  if (text.next !== "-" || /^-\]/.test(text.rest)) return [lo, lo];
  text.skip("-");
  const hi = member(text, start);
  return hi < lo ? text.refuse("a range runs backwards", from) : [lo, hi];
}

function member(text: PatternText, start: number): number {
  if (text.next === "\\") return escapedCodePoint(text);
  return text.take().codePointAt(0) ?? text.refuse("[ is never closed", start);
}
