import { canonicalNumber } from "./decimal.ts";
import { type Json, JsonNumber } from "./value.ts";

/** The compact text: numbers, key order and all content as read; white space gone, escapes as `JSON.stringify` writes them. */
export function compactJson(value: Json): string {
  return write(value, (number) => number.text, false);
}

/**
 * The canonical text, for hashes and fingerprints: keys by code point, numbers by value (`1e3`, `1000` and `1000.0` are
 * one), strings as `JSON.stringify` writes them.
 */
export function canonicalJson(value: Json): string {
  return write(value, (number) => canonicalNumber(number.text), true);
}

function write(value: Json, number: (value: JsonNumber) => string, sorted: boolean): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof JsonNumber) return number(value);
  if (Array.isArray(value)) return `[${value.map((element) => write(element, number, sorted)).join(",")}]`;
  const entries = [...value];
  if (sorted) entries.sort(([a], [b]) => compareCodePoints(a, b));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${write(member, number, sorted)}`).join(",")}}`;
}

/** Orders strings by code point (JavaScript's own order is by UTF-16 unit, which puts U+FF5E behind U+1F600). */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    const bothOrNeither = isSurrogate(left) === isSurrogate(right);
    return bothOrNeither ? left - right : isSurrogate(left) ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
