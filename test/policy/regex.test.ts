import * as fc from "fast-check";
import { RE2JS } from "re2js";
import { expect, test } from "vitest";
import { compileRegex } from "../../src/policy/regex.ts";
import { pattern, text } from "./random-pattern.ts";

/** What our engine says: null where it refuses the pattern. */
function ours(source: string, texts: readonly string[]): readonly (boolean | null)[] | null {
  const regex = compileRegex(source);
  return "mistake" in regex ? null : texts.map((each) => regex.test(each));
}

function theirs(source: string, texts: readonly string[]): readonly boolean[] | null {
  try {
    const regex = RE2JS.compile(source);
    return texts.map((each) => regex.test(each));
  } catch {
    return null;
  }
}

const scalars = [...codePoints()];

function* codePoints(): Generator<string> {
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    if (codePoint === 0xd800) codePoint = 0xe000;
    yield String.fromCodePoint(codePoint);
  }
}

/** The code points that a pattern of one matches, by an engine's answer for each. */
function members(is: (letter: string) => boolean | null): string {
  return scalars.filter((letter) => is(letter) === true).join("");
}

test("a pattern is refused where RE2 refuses it, and else matches what RE2 matches", {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 2, maxLength: 2 }), (source, texts) => {
      expect(ours(source, texts)).toEqual(theirs(source, texts));
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ...["(?i)[^s]", "(?i)\\W", "(?i)\\p{Lu}", "(?i)\\P{Lt}", "(?i)[\\x{390}-\\x{3b0}ﬀ-ﬆı]"],
  ...["\\pL", "\\p{^Cn}", "\\p{Sidetic}", "\\p{Unknown}", "\\p{Common}", "[^\\PN\\d]"],
])("%s has RE2's members among all code points", { timeout: 60_000 }, (source) => {
  const regex = compileRegex(source);
  if ("mistake" in regex) throw new Error(regex.mistake);
  const oracle = RE2JS.compile(source);
  expect(members(regex.test)).toBe(members((letter) => oracle.test(letter)));
});

test("every letter folds to those to which RE2 folds it", { timeout: 60_000 }, () => {
  const folding = scalars.filter((letter) =>
    /\p{Changes_When_Casemapped}|\p{Changes_When_Casefolded}/u.test(letter),
  );
  const all = folding.join("");
  for (const letter of folding) {
    const source = `(?i)${letter}`;
    const regex = compileRegex(source);
    if ("mistake" in regex) throw new Error(regex.mistake);
    const orbit = folding.filter((other) => regex.test(other) === true);
    expect(orbit, source).toEqual(all.match(new RegExp(letter, "giu")));
    expect(theirs(source, orbit), source).toEqual(orbit.map(() => true));
  }
});

test.each([
  ["(?=a)", "look-around is no part of it: `(?=`"],
  ["(?<!a)", "look-around is no part of it: `(?<!`"],
  ["(a)\\1", "back-references are no part of it: `\\1`"],
  ["a*+", "a repetition of a repetition: `*+`"],
  ["(a", "( is never closed: `(a`"],
  ["a)", ") closes no group"],
  ["[a", "[ is never closed: `[a`"],
  ["[b-a]", "a range runs backwards: `b-a`"],
  ["*a", "nothing to repeat: `*`"],
  ["a{1001}", "no such repetition: `{1001}`"],
  ["(a{100}){11}", "nested repetitions count past 1000: `{11}`"],
  ["a\\", "it ends in a backslash: `\\`"],
  ["\\y", "no such escape: `\\y`"],
  ["\\p{Grek}", "no such Unicode class: `\\p{Grek}`"],
  ["[[:foo:]]", "no such named class: `[:foo:]`"],
  ["(?x)a", "no such group or flag: `(?x`"],
  ["(?P<é>a)", "a group's name is letters, digits and _: `(?P<`"],
  ["(?P<n>a)(?<n>b)", "two groups of one name: `(?<n>`"],
])("%s is refused, saying why", (source, why) => {
  expect(compileRegex(source)).toEqual({ mistake: `not a pattern of RE2: ${why}` });
});

test("a pattern that met many kinds of text still answers like RE2", () => {
  const source = "(?i)(\\p{Greek}|[^a-m]){3}.*\\bk\\pL?$";
  const oracle = RE2JS.compile(source);
  const regex = compileRegex(source);
  if ("mistake" in regex) throw new Error(regex.mistake);
  for (let at = 0; at + 40 < scalars.length; at += 300) {
    const each = `${scalars.slice(at, at + 40).join("")} K${scalars[at]}`;
    expect(regex.test(each)).toBe(oracle.test(each));
  }
});

// On any of these a backtracking engine is still busy when the test times out.
test.each([
  ...[
    "(a+)+$",
    "(a|a)*b",
    "(a|aa)+$",
    "(.*a){12}$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a?){64}a{64}!!",
    "(x+x+)+y",
  ],
  ...[
    "^([a-zA-Z]+)*$",
    "^(a|b|ab)*c$",
    "((a{1,10}){1,10}){1,10}$",
    "(?:(?:a*)*)*\\b!!",
    "(?i)(a+|\\pL+)+[\\pL\\d]$",
  ],
])("%s has no match in many letters, found in linear time", (source) => {
  const regex = compileRegex(source);
  if ("mistake" in regex) throw new Error(regex.mistake);
  const letters = Math.min(60_000, Math.floor(1_000_000 / regex.size)) - 1;
  expect(regex.test(`${"a".repeat(letters)}!`)).toBe(false);
});
