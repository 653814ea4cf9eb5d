import { Matcher } from "./regex/match.ts";
import { type Node, parsePattern } from "./regex/parse.ts";
import { NotPattern } from "./regex/pattern-text.ts";
import { compileProgram, programSize } from "./regex/program.ts";
import { requiredText } from "./regex/required.ts";

/** A pattern of the linear-time engine: `test` says null where program size × input is over the cap. */
export interface Regex {
  readonly size: number;
  readonly test: (text: string) => boolean | null;
}

export type CompileRegex = (pattern: string) => Regex | { readonly mistake: string };

const patternMax = 512;
// policy.md §2: past this product a match could take longer than a call may wait.
const workMax = 1_000_000;
// Instructions of all patterns of a document: a quarter of a second to write them all.
const documentMax = 200_000;

/** Compiles RE2 syntax, unanchored; says what is wrong with it otherwise. */
export function compileRegex(pattern: string): Regex | { readonly mistake: string } {
  if ([...pattern].length > patternMax) return { mistake: `a pattern has at most ${patternMax} characters` };
  try {
    return regexOf(parsePattern(pattern));
  } catch (error) {
    if (error instanceof NotPattern) return { mistake: `not a pattern of RE2: ${error.message}` };
    throw error;
  }
}

/** Compiles the patterns of one document, until they are too much together. */
export function documentRegex(): CompileRegex {
  let left = documentMax;
  return (pattern) => {
    if (left <= 0) return { mistake: "the patterns of this document are too large together" };
    const regex = compileRegex(pattern);
    left -= "size" in regex ? regex.size : 1;
    return regex;
  };
}

// The program is written when a text first needs it: most patterns of a document meet no call.
function regexOf(node: Node): Regex {
  const size = programSize(node);
  const required = requiredText(node);
  let matcher: Matcher | null = null;
  const test = (text: string) => {
    if (required.whole || !text.includes(required.text)) return text.includes(required.text);
    matcher ??= new Matcher(compileProgram(node));
    return matcher.test(text);
  };
  return { size, test: (text) => (size * text.length > workMax ? null : test(text)) };
}
