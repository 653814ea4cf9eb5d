import fc from "fast-check";
import { fromPlain, type JsonObject } from "../../src/json/value.ts";

/** A definition's tree from plain JSON. */
export function treeOf(definition: object): JsonObject {
  const value = fromPlain(definition);
  if (!(value instanceof Map)) throw new TypeError("a definition is an object");
  return value;
}

// Every kind of word that the classifier knows, and some that it does not.
const words = fc.constantFrom(
  ..."get list read search find create update set send run execute delete remove clear pay refund charge order query".split(
    " ",
  ),
  ..."post comment log build test load export ask take capture wait manage generate watch review star mark close".split(
    " ",
  ),
  ..."all batch and or then by id file files pane terminal screen message messages email secret token database sql".split(
    " ",
  ),
  ..."user repo label invoice payment status history summary issue widget frob flux image types url tool my deep".split(
    " ",
  ),
);

const sentences = fc.constantFrom(
  "Returns the widget.",
  "Gets a user's files and deletes them.",
  "Deletes the label permanently.",
  "Types the given text into the terminal and reads what it answers.",
  "A tool for retrieving messages.",
  "Read-only: never changes a payment.",
  "Runs a read-only SQL query against the database.",
  "Creates an issue. It also sends an email.",
  "Shows status.",
  "Pays an invoice.",
  "Provides a way to update tokens.",
  "Frobs.",
  "",
);

const parameters = fc.constantFrom(
  ["command", { type: "string" }],
  ["sql", { type: "string" }],
  ["url", { type: "string", format: "uri" }],
  ["method", { type: "string", enum: ["GET", "POST"] }],
  ["action", { type: "string", enum: ["list", "delete"] }],
  ["action", { type: "string", enum: ["list", "get"] }],
  ["amount", { type: "number" }],
  ["currency", { type: "string" }],
  ["text", { type: "string" }],
  ["ids", { type: "array", items: { type: "string" } }],
  ["mark_as_read", { type: "boolean" }],
  ["output_path", { type: "string" }],
  ["steps", { type: "array", items: { type: "object", properties: { tool: {}, params: {} } } }],
  ["page", { type: "integer" }],
);

const schema = fc.option(
  fc
    .array(parameters, { maxLength: 4 })
    .map((some) => ({ type: "object", properties: Object.fromEntries(some) })),
  { nil: undefined },
);

const hint = fc.option(fc.boolean(), { nil: undefined });

/** Definitions of every shape: names from known and unknown words, descriptions that agree with them and that do not. */
export const definitions = fc.record(
  {
    name: fc.array(words, { minLength: 1, maxLength: 4 }).map((some) => some.join("_")),
    title: fc.array(words, { minLength: 1, maxLength: 3 }).map((some) => some.join(" ")),
    description: fc.array(sentences, { minLength: 1, maxLength: 3 }).map((some) => some.join(" ")),
    inputSchema: schema,
    annotations: fc.record(
      { readOnlyHint: hint, destructiveHint: hint, title: fc.constant("Get it") },
      { noNullPrototype: true },
    ),
  },
  { requiredKeys: ["name"], noNullPrototype: true },
);
