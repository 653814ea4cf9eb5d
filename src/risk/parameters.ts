import type { Json, JsonObject } from "../json/value.ts";
import { parameterWords, type Role, wordsOf } from "./words.ts";

export interface Parameter {
  readonly name: string;
  readonly role: Role | null;
}

/** Where a tool that runs other tools carries their calls, in the words of a policy's `nested`. */
export interface NestedFields {
  readonly each: string;
  readonly tool: string;
  readonly arguments: string;
}

/** The tool's top-level parameters, in the schema's order. */
export function parametersOf(inputSchema: Json | undefined): Parameter[] {
  return [...propertiesOf(inputSchema)].map(([name]) => ({ name, role: roleOf(name) }));
}

function roleOf(name: string): Role | null {
  const words = wordsOf(name);
  const found = parameterWords.find(([, known]) => words.some((word) => known.has(word)));
  return found ? found[0] : null;
}

const toolFields = ["tool", "tool_name", "toolName", "name", "function", "method", "action"];
const argumentFields = ["arguments", "args", "params", "parameters", "input", "tool_args", "arguments_json"];

/** The list of calls inside the arguments, if the schema has an array whose elements name a tool and its arguments. */
export function nestedIn(inputSchema: Json | undefined): NestedFields | null {
  for (const [name, schema] of propertiesOf(inputSchema)) {
    const each = objectOf(schema)?.get("items");
    const inner = propertiesOf(resolved(each, inputSchema));
    const tool = toolFields.find((field) => inner.has(field));
    const args = argumentFields.find((field) => inner.has(field));
    if (tool !== undefined && args !== undefined) return { each: `args.${name}[*]`, tool, arguments: args };
  }
  return null;
}

/** Follows one local reference, as generators of schemas write them for an array's elements. */
function resolved(schema: Json | undefined, root: Json | undefined): Json | undefined {
  const reference = objectOf(schema)?.get("$ref");
  const found = typeof reference === "string" ? /^#\/(\$defs|definitions)\/([^/~%]+)$/.exec(reference) : null;
  const [, group, name] = found ?? [];
  if (group === undefined || name === undefined) return schema;
  return objectOf(objectOf(root)?.get(group))?.get(name);
}

const propertiesOf = (schema: Json | undefined): JsonObject =>
  objectOf(objectOf(schema)?.get("properties")) ?? new Map();

const objectOf = (value: Json | undefined): JsonObject | undefined =>
  value instanceof Map ? value : undefined;
