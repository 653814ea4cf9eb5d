import type { Json } from "../json/value.ts";
import type { NestedFields } from "./category.ts";
import { objectOf, propertiesOf, resolved } from "./parameters.ts";

const toolFields = ["tool", "tool_name", "toolName", "name", "function", "method", "action", "command"];
const argumentFields = [
  "arguments",
  "args",
  "params",
  "parameters",
  "input",
  "tool_args",
  "toolArgs",
  "arguments_json",
  "payload",
];

/** The list of calls inside the arguments, if the schema has an array whose elements name a tool and its arguments. */
export function nestedIn(inputSchema: Json | undefined): NestedFields | null {
  for (const [name, property] of [...propertiesOf(inputSchema)].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const each = objectOf(resolved(property, inputSchema))?.get("items");
    const inner = propertiesOf(resolved(each, inputSchema));
    const tool = toolFields.find((field) => inner.has(field));
    const args = argumentFields.find((field) => inner.has(field));
    if (tool !== undefined && args !== undefined) return { each: `args.${name}[*]`, tool, arguments: args };
  }
  return null;
}
