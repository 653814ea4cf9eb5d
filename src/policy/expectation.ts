import type { Json, JsonObject } from "../json/value.ts";
import type { Step } from "./path.ts";

/** What a tool's own schema says of a place in its arguments; null where it does not say. */
export interface Expectation {
  readonly types: readonly string[] | null;
  readonly optional: boolean;
  /** The only values that it takes. */
  readonly values: readonly Json[] | null;
  readonly minimum: Json | null;
  readonly maximum: Json | null;
}

const unsaid: Expectation = { types: null, optional: true, values: null, minimum: null, maximum: null };

// These may say more about a place than can be read off step by step, so nothing is concluded past them.
const indirect = [
  "$ref",
  "$dynamicRef",
  "anyOf",
  "oneOf",
  "allOf",
  "if",
  "patternProperties",
  "dependentSchemas",
  "not",
];
const isIndirect = (schema: JsonObject): boolean => indirect.some((keyword) => schema.has(keyword));

/** Walks a tool's input schema along a path: "nothing" where no argument can be there. */
export function expectation(schema: Json, steps: readonly Step[]): Expectation | "nothing" {
  let at: Json = schema;
  let optional = false;
  for (const step of steps) {
    if (!(at instanceof Map) || isIndirect(at)) return unsaid;
    const next = below(at, step);
    if (next === "nothing" || next === null) return next ?? unsaid;
    optional ||= typeof step === "object" && "name" in step && !requires(at, step.name);
    at = next;
  }
  return at instanceof Map && !isIndirect(at) ? { ...saidBy(at), optional } : { ...unsaid, optional };
}

function below(schema: JsonObject, step: Step): Json | "nothing" {
  if (step === "every" || "index" in step) return schema.get("items") ?? null;
  const properties = schema.get("properties");
  const property = properties instanceof Map ? properties.get(step.name) : undefined;
  if (property !== undefined) return property;
  return schema.get("additionalProperties") === false ? "nothing" : null;
}

function requires(schema: JsonObject, name: string): boolean {
  const required = schema.get("required");
  return Array.isArray(required) && required.includes(name);
}

function saidBy(schema: JsonObject): Omit<Expectation, "optional"> {
  const [only, several] = [schema.get("const"), schema.get("enum")];
  return {
    types: typesOf(schema),
    values: only !== undefined ? [only] : Array.isArray(several) ? several : null,
    minimum: schema.get("minimum") ?? null,
    maximum: schema.get("maximum") ?? null,
  };
}

function typesOf(schema: JsonObject): string[] | null {
  const type = schema.get("type");
  const names = (Array.isArray(type) ? type : [type]).filter((name) => typeof name === "string");
  return names.length === 0 ? null : names.map((name) => (name === "integer" ? "number" : name));
}
