import { type Json, JsonNumber } from "../../json/value.ts";

const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
// Hexadecimal, octal, binary, underscores, a leading zero, plus or point, infinities: YAML 1.1 and 1.2 differ on them.
const otherNumber =
  /^[-+]?(?:0[xob][0-9a-f_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+]?[0-9_]+)?|\.[0-9][0-9_]*(?:e[-+]?[0-9_]+)?|\.inf)$|^\.nan$/i;
// Some readers make a date of it, some a string.
const date = /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?$/s;

const words = new Map<string, null | boolean>([
  ...["", "~", "null", "Null", "NULL"].map((text) => [text, null] as const),
  ...["true", "True", "TRUE"].map((text) => [text, true] as const),
  ...["false", "False", "FALSE"].map((text) => [text, false] as const),
]);

/**
 * The value of a scalar without quotes (YAML 1.2.2 §10.3.2), its number as it is written; undefined where readers of YAML
 * disagree on what it is.
 */
export function plainValue(text: string): Json | undefined {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (jsonNumber.test(text)) return new JsonNumber(text);
  return otherNumber.test(text) || date.test(text) ? undefined : text;
}
