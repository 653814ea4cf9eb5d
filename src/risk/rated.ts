import { readJson } from "../json/read.ts";
import type { JsonObject } from "../json/value.ts";
import { classify, type Risk } from "./classify.ts";
import { type Parameter, parametersOf } from "./parameters.ts";

/** A tool with all that a recommendation for it comes from. */
export interface Rated {
  readonly name: string;
  readonly risk: Risk;
  readonly parameters: readonly Parameter[];
  /** Whether the schema says that there are no other arguments than its own. */
  readonly closed: boolean;
}

/** Rates a tool by its definition. */
export function rate(definition: JsonObject): Rated {
  const [name, schema] = [definition.get("name"), definition.get("inputSchema")];
  return {
    name: typeof name === "string" ? name : "",
    risk: classify(definition),
    parameters: parametersOf(schema),
    closed: schema instanceof Map && schema.has("properties") && isClosed(schema),
  };
}

/** Rates a tool by its definition's text, as it is stored. */
export function rateText(definition: string): Rated {
  const read = readJson(definition);
  return rate(read.ok && read.value instanceof Map ? read.value : new Map());
}

const isClosed = (schema: JsonObject): boolean =>
  !schema.has("patternProperties") &&
  !["allOf", "anyOf", "oneOf", "if", "$ref"].some((key) => schema.has(key)) &&
  (schema.get("additionalProperties") ?? false) === false;
