import type * as z from "zod/mini";
import type { Finding } from "../fault.ts";
import { type Json, JsonNumber, typeName } from "../json/value.ts";
import { suggestion } from "./nearest.ts";
import { pointerOf } from "./pointer.ts";
import { policySchema } from "./schema.ts";

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** Zod's issues as findings: one per mistake, with a pointer and the nearest right word (policy.md §9). */
export const findingsOf = (issues: readonly Issue[], document: Json): Finding[] =>
  issues.flatMap((issue) => findings(issue, document));

function findings(issue: Issue, document: Json): Finding[] {
  const path = issue.path.map((token) => (typeof token === "symbol" ? String(token) : token));
  const pointer = pointerOf(path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        pointer: pointerOf([...path, key]),
        message: `unknown key ${JSON.stringify(key)}${suggestion(key, keysAt(path))}`,
      }));
    case "invalid_value":
      return [{ pointer, message: unexpected(valueAt(document, path), issue.values.map(String)) }];
    case "invalid_type": {
      const value = valueAt(document, path);
      if (value instanceof JsonNumber && !Number.isFinite(Number(value.text)))
        return [{ pointer, message: "the number is too large" }];
      const got = value === undefined ? "it is missing" : `got ${typeName(value)}`;
      return [{ pointer, message: `expected ${plain[issue.expected] ?? issue.expected}, ${got}` }];
    }
    case "too_small":
      return [{ pointer, message: `expected at least ${issue.minimum}${unitOf(issue.origin)}` }];
    case "too_big":
      return [{ pointer, message: `expected at most ${issue.maximum}${unitOf(issue.origin)}` }];
    case "invalid_key":
      return [{ pointer, message: "a key has 1 to 1,024 characters" }];
    default:
      return [{ pointer, message: issue.message }];
  }
}

/** The schema library's words for what JSON calls otherwise. */
const plain: Readonly<Record<string, string>> = {
  record: "object",
  int: "a whole number",
  nonoptional: "a value",
};

function unitOf(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" ? " elements" : "";
}

function unexpected(value: Json | undefined, allowed: readonly string[]): string {
  const choices = allowed.map((word) => JSON.stringify(word)).join(", ");
  if (value === undefined) return `expected ${choices}: it is missing`;
  if (typeof value !== "string") return `expected ${choices}, got ${typeName(value)}`;
  return `unknown value ${JSON.stringify(value)}${suggestion(value, allowed) || `: expected ${choices}`}`;
}

function valueAt(document: Json, path: readonly (string | number)[]): Json | undefined {
  let value: Json | undefined = document;
  for (const token of path) {
    if (value instanceof Map) value = value.get(String(token));
    else value = Array.isArray(value) ? value[Number(token)] : undefined;
  }
  return value;
}

/** The keys that the schema knows at a place. */
function keysAt(path: readonly (string | number)[]): string[] {
  let schema: Schema | undefined = policySchema;
  for (const token of path) schema = schema && below(schema, token);
  const def = schema && definition(schema);
  return def?.type === "object" ? Object.keys(def.shape) : [];
}

function below(schema: Schema, token: string | number): Schema | undefined {
  const def = definition(schema);
  if (def.type === "object") return def.shape[token];
  if (def.type === "record") return def.valueType;
  return def.type === "array" ? def.element : undefined;
}

/** The schema's own definition, with `optional` taken off. */
function definition(schema: Schema): z.core.$ZodTypes["_zod"]["def"] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  return def.type === "optional" ? definition(def.innerType) : def;
}
