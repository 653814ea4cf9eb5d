import { compareDecimals, type Decimal, decimal } from "../json/decimal.ts";
import { type Json, JsonNumber, typeName } from "../json/value.ts";
import { canonicalJson } from "../json/write.ts";
import { type Check, canonicalIn, type Keyword } from "./argument-check.ts";
import { formats } from "./format.ts";
import { codePoints } from "./operator.ts";
import type { Place } from "./pointer.ts";
import { matchPrice, spend } from "./work.ts";

const typeNames = ["null", "boolean", "string", "number", "integer", "array", "object"];
// policy.md §2: comparing all pairs of more items than this is not worth a call's time.
const uniqueItemsMax = 256;

/** The keywords that look at one value and at no schema below it (JSON Schema 2020-12, validation). */
export const assertions: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ["type", type],
  ["enum", (at) => (Array.isArray(at.value) ? oneOf(at, at.value) : at.fail("expected a list of values"))],
  ["const", (at) => oneOf(at, [at.value ?? null])],
  ["minimum", numeric((order) => order >= 0)],
  ["maximum", numeric((order) => order <= 0)],
  ["exclusiveMinimum", numeric((order) => order > 0)],
  ["exclusiveMaximum", numeric((order) => order < 0)],
  ["multipleOf", multipleOf],
  ["minLength", sized(textLength, (size, bound) => size >= bound)],
  ["maxLength", sized(textLength, (size, bound) => size <= bound)],
  ["minItems", sized(itemCount, (size, bound) => size >= bound)],
  ["maxItems", sized(itemCount, (size, bound) => size <= bound)],
  ["minProperties", sized(propertyCount, (size, bound) => size >= bound)],
  ["maxProperties", sized(propertyCount, (size, bound) => size <= bound)],
  ["uniqueItems", uniqueItems],
  ["pattern", pattern],
  ["format", format],
  ["required", required],
  ["dependentRequired", dependentRequired],
]);

function type(at: Place): Check | null {
  const wanted = Array.isArray(at.value) ? at.value : [at.value];
  if (wanted.length === 0 || !wanted.every((name) => typeof name === "string" && typeNames.includes(name))) {
    return at.fail(`expected one or more of ${typeNames.join(", ")}`);
  }
  return (value) => wanted.includes(typeName(value)) || (wanted.includes("integer") && isInteger(value));
}

const isInteger = (value: Json): boolean =>
  value instanceof JsonNumber && (decimal(value.text)?.exponent ?? -1) >= 0;

function oneOf(at: Place, values: readonly Json[]): Check | null {
  if (values.length === 0) return at.fail("expected a list of at least one value");
  const texts = new Set(values.map(canonicalJson));
  const types = new Set(values.map(typeName));
  return (value, run) => types.has(typeName(value)) && texts.has(canonicalIn(run, value));
}

const numberAt = (at: Place): Decimal | null =>
  at.value instanceof JsonNumber ? decimal(at.value.text) : null;

function numeric(holds: (order: number) => boolean): Keyword {
  return (at) => {
    const bound = numberAt(at);
    if (!bound) return at.fail("expected a number");
    return (value) => {
      const found = value instanceof JsonNumber ? decimal(value.text) : null;
      return found === null || holds(compareDecimals(found, bound));
    };
  };
}

function multipleOf(at: Place): Check | null {
  const divisor = numberAt(at);
  if (!divisor || divisor.digits <= 0n) return at.fail("expected a number above 0");
  return (value) => {
    const found = value instanceof JsonNumber ? decimal(value.text) : null;
    if (!found) return true;
    const exponent = Math.min(found.exponent, divisor.exponent);
    const whole = (one: Decimal): bigint => one.digits * 10n ** BigInt(one.exponent - exponent);
    return whole(found) % whole(divisor) === 0n;
  };
}

function textLength(value: Json): number | null {
  return typeof value === "string" ? codePoints(value) : null;
}

function itemCount(value: Json): number | null {
  return Array.isArray(value) ? value.length : null;
}

function propertyCount(value: Json): number | null {
  return value instanceof Map ? value.size : null;
}

/** A whole number from 0, as the size keywords take it. */
export function countAt(at: Place): number | null {
  const count = at.value instanceof JsonNumber ? Number(at.value.text) : Number.NaN;
  return Number.isSafeInteger(count) && count >= 0 ? count : at.fail("expected a whole number from 0");
}

function sized(
  measure: (value: Json) => number | null,
  holds: (size: number, bound: number) => boolean,
): Keyword {
  return (at) => {
    const bound = countAt(at);
    if (bound === null) return null;
    return (value) => {
      const size = measure(value);
      return size === null || holds(size, bound);
    };
  };
}

function uniqueItems(at: Place): Check | null {
  if (typeof at.value !== "boolean") return at.fail("expected true or false");
  if (!at.value) return null;
  return (value, run) => {
    if (!Array.isArray(value)) return true;
    if (value.length > uniqueItemsMax) {
      run.unclear ??= `more than ${uniqueItemsMax} items to compare`;
      return false;
    }
    return new Set(value.map((item) => canonicalIn(run, item))).size === value.length;
  };
}

/** A pattern on the linear-time engine; over its cap the whole schema cannot be evaluated. */
export function patternCheck(at: Place, text: string): Check | null {
  const regex = at.regex(text);
  if ("mistake" in regex) return at.fail(regex.mistake);
  return (value, run) => {
    if (typeof value !== "string") return true;
    const matched = spend(run.work, matchPrice(regex.size, value)) ? regex.test(value) : null;
    if (matched === null) run.unclear ??= "a text is too long for its pattern";
    return matched === true;
  };
}

function pattern(at: Place): Check | null {
  return typeof at.value === "string" ? patternCheck(at, at.value) : at.fail("expected a pattern");
}

function format(at: Place): Check | null {
  const check = typeof at.value === "string" ? formats.get(at.value) : undefined;
  if (!check)
    return at.fail(`expected one of the formats that are checked here: ${[...formats.keys()].join(", ")}`);
  return (value) => typeof value !== "string" || check(value);
}

const names = (value: Json | undefined): string[] | null => {
  if (!Array.isArray(value)) return null;
  const texts = value.filter((name) => typeof name === "string");
  return texts.length === value.length ? texts : null;
};

function required(at: Place): Check | null {
  const wanted = names(at.value);
  if (!wanted) return at.fail("expected a list of names");
  return (value) => !(value instanceof Map) || wanted.every((name) => value.has(name));
}

function dependentRequired(at: Place): Check | null {
  if (!(at.value instanceof Map)) return at.fail("expected lists of names under names");
  const rules = [...at.value].map(([name, list]) => ({ name, wanted: names(list) }));
  if (rules.some(({ wanted }) => wanted === null)) return at.fail("expected lists of names under names");
  return (value) =>
    !(value instanceof Map) ||
    rules.every(({ name, wanted }) => !value.has(name) || wanted?.every((one) => value.has(one)) === true);
}
