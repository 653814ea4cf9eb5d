import { compareDecimals, decimal } from "../json/decimal.ts";
import { type Json, JsonNumber, typeName } from "../json/value.ts";
import { compareCodePoints } from "../json/write.ts";
import { compileGlob, matchesGlob } from "./glob.ts";
import { type HostPattern, hostMatches, hostOf, hostPattern } from "./host.ts";
import type { CompileRegex } from "./regex.ts";
import type { OperatorName } from "./schema.ts";
import { absolute, isWithin } from "./within.ts";

/** Whether a comparison holds, or why it cannot be evaluated; the latter denies wherever it stands. */
export type Outcome = boolean | Unclear;

/** `unread`: a value that was not kept would be needed (`unread.ts`); whoever had it could say more. */
export interface Unclear {
  readonly why: string;
  readonly unread?: true;
}

/** A comparison with its operand built in. It takes a present value; a missing one is the caller's affair. */
export type Test = (value: Json) => Outcome;

/** Builds the test of `op` for an operand, or says what operand the operator takes. */
export function compileOperator(op: OperatorName, operand: Json, compile: CompileRegex): Test | Mistake {
  if (hasHugeNumber(operand)) return mistake("a number of more than 64 digits or an exponent beyond ±400");
  return operators[op](operand, compile);
}

export interface Mistake {
  readonly mistake: string;
}
const mistake = (text: string): Mistake => ({ mistake: text });

const operators: Record<OperatorName, (operand: Json, compile: CompileRegex) => Test | Mistake> = {
  eq: (operand) => membership([operand], true),
  neq: (operand) => membership([operand], false),
  in: (operand) => listed(operand, true),
  not_in: (operand) => listed(operand, false),
  lt: (operand) => ordering(operand, (order) => order < 0),
  lte: (operand) => ordering(operand, (order) => order <= 0),
  gt: (operand) => ordering(operand, (order) => order > 0),
  gte: (operand) => ordering(operand, (order) => order >= 0),
  // The caller answers for a missing path; a present one is all there is to see here.
  exists: (operand) => (typeof operand === "boolean" ? () => operand : mistake("exists takes true or false")),
  contains: (operand) =>
    isScalar(operand) ? containing(operand) : mistake("contains takes one value, not a list"),
  starts_with: (operand) => textual("starts_with", operand, (value, text) => value.startsWith(text)),
  ends_with: (operand) => textual("ends_with", operand, (value, text) => value.endsWith(text)),
  regex: matching,
  glob: globbing,
  length_lte: shorter,
  host_in: hosting,
  path_within: within,
};

const isScalar = (value: Json): boolean => !Array.isArray(value) && !(value instanceof Map);

const hugeNumber = "a number of at most 64 digits and an exponent within ±400";
export const hasHugeNumber = (value: Json): boolean =>
  value instanceof JsonNumber
    ? decimal(value.text) === null
    : Array.isArray(value)
      ? value.some(hasHugeNumber)
      : value instanceof Map && [...value.values()].some(hasHugeNumber);

const article = (type: string): string =>
  type === "null" ? type : /^[ao]/.test(type) ? `an ${type}` : `a ${type}`;

/** Words for a value of the wrong type. */
export function unlike(expected: string, value: Json): { readonly why: string } {
  const huge = value instanceof JsonNumber && decimal(value.text) === null;
  return { why: huge ? `expected ${hugeNumber}` : `expected ${expected}, got ${article(typeName(value))}` };
}

/** `eq`, `neq`, `in` and `not_in`: a value is comparable with the members of its own type, and needs one at least. */
function membership(members: readonly Json[], wanted: boolean): Test | Mistake {
  if (!members.every(isScalar))
    return mistake("takes strings, numbers, booleans and null, not lists or objects");
  const types = [...new Set(members.map(typeName))];
  const expected = types.map(article).join(" or ");
  const texts = new Set(members.filter((member) => typeof member === "string"));
  const [only] = texts;
  if (texts.size === 1 && members.length === 1)
    return (value) => (typeof value === "string" ? (value === only) === wanted : unlike(expected, value));
  const others = new Set(members.map(identity));
  return (value) => {
    if (typeof value === "string")
      return texts.size === 0 ? unlike(expected, value) : texts.has(value) === wanted;
    const found = identity(value);
    if (found === undefined || !types.includes(typeName(value))) return unlike(expected, value);
    return others.has(found) === wanted;
  };
}

/** What is alike for equal numbers, booleans and nulls; undefined where there is no comparing. */
function identity(value: Json): string | boolean | null | undefined {
  if (typeof value !== "object" || value === null) return value;
  const exact = value instanceof JsonNumber ? decimal(value.text) : null;
  return exact === null ? undefined : `${exact.digits}e${exact.exponent}`;
}

function listed(operand: Json, wanted: boolean): Test | Mistake {
  if (!Array.isArray(operand) || operand.length === 0) return mistake("takes a list of at least one value");
  return membership(operand, wanted);
}

function ordering(operand: Json, holds: (order: number) => boolean): Test | Mistake {
  if (typeof operand === "string") {
    return (value) =>
      typeof value === "string" ? holds(compareCodePoints(value, operand)) : unlike("a string", value);
  }
  const bound = operand instanceof JsonNumber ? decimal(operand.text) : null;
  if (!bound) return mistake("takes a number or a string");
  return (value) => {
    const found = value instanceof JsonNumber ? decimal(value.text) : null;
    return found ? holds(compareDecimals(found, bound)) : unlike("a number", value);
  };
}

function containing(operand: Json): Test {
  const isMember = membership([operand], true);
  return (value) => {
    if (typeof value === "string" && typeof operand === "string") return value.includes(operand);
    if (typeof value === "string") return { why: `expected an array, got a string` };
    if (!Array.isArray(value)) return unlike("a string or an array", value);
    let held = false;
    for (const element of value) {
      const outcome = typeof isMember === "function" ? isMember(element) : { why: isMember.mistake };
      if (typeof outcome === "object") return { why: `${outcome.why} as an element` };
      held ||= outcome;
    }
    return held;
  };
}

function textual(
  op: string,
  operand: Json,
  holds: (value: string, operand: string) => boolean,
): Test | Mistake {
  if (typeof operand !== "string") return mistake(`${op} takes a string`);
  return (value) => (typeof value === "string" ? holds(value, operand) : unlike("a string", value));
}

function matching(operand: Json, compile: CompileRegex): Test | Mistake {
  if (typeof operand !== "string") return mistake("regex takes a string");
  const regex = compile(operand);
  if ("mistake" in regex) return regex;
  return (value) => {
    if (typeof value !== "string") return unlike("a string", value);
    return regex.test(value) ?? { why: "the text is too long for this pattern" };
  };
}

// Bounds the work of one match: 256 × the longest string of a message.
const globMax = 256;

function globbing(operand: Json): Test | Mistake {
  if (typeof operand !== "string") return mistake("glob takes a string");
  if (operand.length > globMax) return mistake(`a glob has at most ${globMax} characters`);
  const glob = compileGlob(operand, false);
  return (value) => (typeof value === "string" ? matchesGlob(glob, value) : unlike("a string", value));
}

function shorter(operand: Json): Test | Mistake {
  const most = operand instanceof JsonNumber ? Number(operand.text) : Number.NaN;
  if (!Number.isSafeInteger(most) || most < 0) return mistake("length_lte takes a whole number from 0");
  return (value) => {
    if (typeof value === "string") return codePoints(value) <= most;
    return Array.isArray(value) ? value.length <= most : unlike("a string or an array", value);
  };
}

/** The length in code points of a text without lone surrogates: each second half of a pair is not counted. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xdc00) count--;
  }
  return count;
}

const strings = (operand: Json): string[] | null => {
  const list = Array.isArray(operand) ? operand : [operand];
  const texts = list.filter((member) => typeof member === "string");
  return texts.length === list.length && texts.length > 0 ? texts : null;
};

function hosting(operand: Json): Test | Mistake {
  const patterns = strings(operand)?.map(hostPattern) ?? [null];
  const known = patterns.filter((pattern): pattern is HostPattern => pattern !== null);
  if (known.length < patterns.length)
    return mistake('host_in takes hosts such as "example.com" or "*.example.com"');
  return (value) => {
    if (typeof value !== "string") return unlike("a string", value);
    const host = hostOf(value);
    if (host === null) return { why: "expected an http or https URL with one plain host" };
    return known.some((pattern) => hostMatches(host, pattern));
  };
}

function within(operand: Json): Test | Mistake {
  const root = typeof operand === "string" && !operand.includes("\0") ? absolute(operand) : null;
  if (!root) return mistake("path_within takes an absolute path");
  return (value) => (typeof value === "string" ? isWithin(value, root) : unlike("a string", value));
}
