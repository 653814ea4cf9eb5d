import type { Json, JsonObject } from "../json/value.ts";
import type { Step } from "./path.ts";

/** What a tool's own schema says of a place in its arguments; `types` is null where it does not say. */
export interface Expectation {
  readonly types: readonly string[] | null;
  readonly optional: boolean;
}

const unsaid: Expectation = { types: null, optional: true };

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

/** Walks a tool's input schema along a path: "nothing" where no argument can be there. */
export function expectation(schema: Json, steps: readonly Step[]): Expectation | "nothing" {
  let at: Json = schema;
  let optional = false;
  for (const step of steps) {
    if (!(at instanceof Map) || indirect.some((keyword) => at instanceof Map && at.has(keyword)))
      return unsaid;
    const next = below(at, step);
    if (next === "nothing" || next === null) return next ?? unsaid;
    optional ||= typeof step === "object" && "name" in step && !requires(at, step.name);
    at = next;
  }
  return { types: typesOf(at), optional };
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

function typesOf(schema: Json): string[] | null {
  if (!(schema instanceof Map) || indirect.some((keyword) => schema.has(keyword))) return null;
  const type = schema.get("type");
  const names = (Array.isArray(type) ? type : [type]).filter((name) => typeof name === "string");
  return names.length === 0 ? null : names.map((name) => (name === "integer" ? "number" : name));
}
