import { type Json, JsonNumber } from "../json/value.ts";
import { compileGlob } from "./glob.ts";
import type { OperatorName } from "./schema.ts";

/** What one decision may still cost, in steps of about ten nanoseconds, all its comparisons and inner calls together. */
export interface Work {
  left: number;
}

// Each comparison is bounded by itself, but a document holds thousands of them, and a message thousands of elements.
const stepsMax = 2_500_000;
export const newWork = (): Work => ({ left: stepsMax });

/** Takes whole steps; false where there are not as many left, and then for the rest of the decision. */
export function spend(work: Work, steps: number): boolean {
  const enough = steps <= work.left;
  work.left = enough ? work.left - steps : 0;
  return enough;
}

export const tooMuchWork = { why: "the call is more work than a decision may be" };

/** How many steps it takes to compare with a value: measured once, and counted so that no clock decides. */
export type Price = (value: Json) => number;

// Whole numbers only: a fraction in `left` would make every decision several times slower.
const base = 8;
// policy.md §2: a pattern on a longer text is not tried.
const matchMax = 1_000_000;

// Such a comparison ends with the operand, which the document's own size bounds, or at the first difference.
const cheap: Price = (value) => (value instanceof JsonNumber ? base + (value.text.length >> 2) : base);

/** The price of an operator; `size` is that of its pattern's program. */
export function priceOf(op: OperatorName, operand: Json, size: number): Price {
  switch (op) {
    case "regex":
      return (value) => base + (typeof value === "string" ? matchPrice(size, value) : 0);
    case "glob": {
      const { words } = compileGlob(typeof operand === "string" ? operand : "", false);
      return (value) => base + words * lengthOf(value);
    }
    case "path_within":
      return (value) => base + lengthOf(value) * (typeof value === "string" && value.includes("%") ? 20 : 12);
    case "host_in": {
      const members = Array.isArray(operand) ? operand.length : 1;
      return (value) => base + members + (lengthOf(value) >> 2);
    }
    case "contains":
      return (value) => base + (Array.isArray(value) ? base * value.length : lengthOf(value) >> 2);
    case "length_lte":
      return (value) => base + (lengthOf(value) >> 2);
    default:
      return cheap;
  }
}

/** The price of one pattern on one text; a pattern is not tried on a text that is too long for it. */
export const matchPrice = (size: number, text: string): number => Math.min(size * text.length, matchMax) >> 1;

/** Characters, elements or members. */
export function lengthOf(value: Json): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  return value instanceof JsonNumber ? value.text.length : 0;
}
