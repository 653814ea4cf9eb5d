import { RE2JS } from "re2js";

/** A pattern of the linear-time engine: `test` says null where program size × input is over the cap. */
export interface Regex {
  readonly size: number;
  readonly test: (text: string) => boolean | null;
}

export type CompileRegex = (pattern: string) => Regex | { readonly mistake: string };

const patternMax = 512;
// policy.md §2: past this product a match could take longer than a call may wait.
const workMax = 1_000_000;
// Instructions of all patterns of a document: about a tenth of a second to compile.
const documentMax = 200_000;

/** Compiles RE2 syntax, unanchored; says what is wrong with it otherwise. */
export function compileRegex(pattern: string): Regex | { readonly mistake: string } {
  if ([...pattern].length > patternMax) return { mistake: `a pattern has at most ${patternMax} characters` };
  try {
    const compiled = RE2JS.compile(pattern);
    const size = Math.max(1, compiled.programSize());
    return { size, test: (text) => (size * text.length > workMax ? null : compiled.test(text)) };
  } catch (error) {
    return { mistake: `not a pattern of RE2: ${error instanceof Error ? error.message : String(error)}` };
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
