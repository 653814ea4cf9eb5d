/** A number as its author wrote it; the oracle never turns one into a double. */
export class Num {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

export interface Obj {
  [key: string]: Value;
}
export type Value = null | boolean | string | Num | Value[] | Obj;
export type Kind = "null" | "boolean" | "string" | "number" | "array" | "object";

/** Reads a JSON text and keeps every number's source. */
export function parse(text: string): Value {
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" ? new Num(context?.source ?? "no source text") : value;
  return JSON.parse(text, keep) as Value;
}

/** The compact JSON text, numbers as written. */
export function write(value: Value): string {
  if (value instanceof Num) return value.source;
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).map((key) => `${JSON.stringify(key)}:${write(own(value, key) ?? null)}`);
  return `{${members.join(",")}}`;
}

export function kindOf(value: Value): Kind {
  if (value === null) return "null";
  if (value instanceof Num) return "number";
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "string" : "object";
}

/** The member itself, never one that a prototype lends. */
export function own(object: Obj, key: string): Value | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets an own member, `__proto__` included. */
export function put(object: Obj, key: string, value: Value): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

export const isObj = (value: Value | undefined): value is Obj =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Num);
export const objAt = (object: Obj | null, key: string): Obj | null => {
  const found = object === null ? undefined : own(object, key);
  return isObj(found) ? found : null;
};
export const listAt = (object: Obj | null, key: string): Value[] => {
  const found = object === null ? undefined : own(object, key);
  return Array.isArray(found) ? found : [];
};
export const textAt = (object: Obj | null, key: string): string | null => {
  const found = object === null ? undefined : own(object, key);
  return typeof found === "string" ? found : null;
};

/** `units × 10^-places`, exactly. */
export interface Exact {
  readonly units: bigint;
  readonly places: number;
}

/** The number's value, or null past 64 digits or an exponent of ±400, both counted as written. */
export function exact(number: Num): Exact | null {
  const found = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number.source);
  if (found === null) throw new Error(`not a number: ${number.source}`);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = found;
  if (whole.length + fraction.length > 64 || Math.abs(Number(exponent)) > 400) return null;
  return { units: BigInt(sign + whole + fraction), places: fraction.length - Number(exponent) };
}

/** Below, at or above zero as `a` is below, equal to or above `b`. */
export function compareExact(a: Exact, b: Exact): number {
  const places = Math.max(a.places, b.places);
  const left = a.units * 10n ** BigInt(places - a.places);
  const right = b.units * 10n ** BigInt(places - b.places);
  return left === right ? 0 : left < right ? -1 : 1;
}

/** Below, at or above zero, code point by code point. */
export function compareStrings(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (const [at, character] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    if (character !== other) return (character.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
  }
  return left.length - right.length;
}
