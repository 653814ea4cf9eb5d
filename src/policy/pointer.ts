import type { Finding } from "../fault.ts";
import type { Json } from "../json/value.ts";
import type { CompileRegex } from "./regex.ts";

const escaped = (token: string | number): string =>
  typeof token === "number" ? String(token) : token.replaceAll("~", "~0").replaceAll("/", "~1");

/** An RFC 6901 pointer, also the form of rule ids (policy.md §3). */
export const pointerOf = (tokens: readonly (string | number)[]): string =>
  tokens.map((token) => `/${escaped(token)}`).join("");

/** A place in a document, and a way to say what is wrong there. */
export interface Place {
  readonly value: Json | undefined;
  readonly pointer: string;
  readonly fail: (message: string) => null;
  readonly warn: (message: string) => void;
  readonly at: (token: string | number) => Place;
  /** Compiles a pattern out of what the whole document may spend on them. */
  readonly regex: CompileRegex;
}

/** What is found in one document, and what it may still spend. */
export interface Reading {
  readonly errors: Finding[];
  readonly warnings: Finding[];
  readonly regex: CompileRegex;
}

export function place(value: Json | undefined, pointer: string, reading: Reading): Place {
  return {
    value,
    pointer,
    fail: (message) => {
      reading.errors.push({ pointer, message });
      return null;
    },
    warn: (message) => {
      reading.warnings.push({ pointer, message });
    },
    at: (token) => place(child(value, token), pointer + pointerOf([token]), reading),
    regex: reading.regex,
  };
}

function child(value: Json | undefined, token: string | number): Json | undefined {
  if (typeof token === "number") return Array.isArray(value) ? value[token] : undefined;
  return value instanceof Map ? value.get(token) : undefined;
}

/** The members of an object in their order; none where it is not one (its shape has been refused elsewhere). */
export function members(at: Place): readonly (readonly [string, Place])[] {
  return at.value instanceof Map ? [...at.value.keys()].map((key) => [key, at.at(key)]) : [];
}

/** The elements of an array; none where it is not one. */
export function elements(at: Place): readonly Place[] {
  return Array.isArray(at.value) ? at.value.map((_, index) => at.at(index)) : [];
}

export const textAt = (at: Place): string | null => (typeof at.value === "string" ? at.value : null);
