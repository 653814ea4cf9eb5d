/**
 * A number as its author wrote it. Doubles lose integers past 2^53 and cannot tell `1` from `1.0`; what is judged and
 * what is forwarded must be the same, so numbers stay text until somebody needs their value (`decimal.ts`).
 */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Objects are Maps: insertion order is the author's, and no key can reach a prototype. */
export type JsonObject = Map<string, Json>;
export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject;

/** The JSON type's own name, as messages to people use it. */
export function typeName(value: Json): "null" | "boolean" | "string" | "number" | "array" | "object" {
  if (value === null) return "null";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "string") return "string";
  if (value instanceof JsonNumber) return "number";
  return Array.isArray(value) ? "array" : "object";
}

/**
 * The plain JavaScript value, for schemas that take one (zod, JSON Schema). Numbers become doubles, so decide nothing
 * exact on it; objects have no prototype's keys.
 */
export function toPlain(value: Json): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Map) {
    const plain: Record<string, unknown> = {};
    for (const [key, member] of value) {
      Object.defineProperty(plain, key, {
        value: toPlain(member),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return plain;
  }
  return value;
}

/** The tree of a plain value that came from our own code. Throws on what JSON cannot say: that is a bug. */
export function fromPlain(value: unknown): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return new JsonNumber(JSON.stringify(value));
  if (value instanceof JsonNumber) return value;
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return new Map(members.map(([key, member]) => [key, fromPlain(member)]));
  }
  throw new TypeError(`not a JSON value: ${typeof value}`);
}
