import { fromJsonSchema, type McpServer } from "@modelcontextprotocol/server";
import { answer, audio, embedded, image, said } from "./content.ts";

/** Tools that answer at once, each with another kind of content. */
export function registerPlainTools(server: McpServer): void {
  const answers = {
    test_simple_text: answer(said("A plain text.")),
    test_image_content: answer(image),
    test_audio_content: answer(audio),
    test_embedded_resource: answer(embedded("test://embedded", "text/plain", "Embedded text.")),
    test_multiple_content_types: answer(
      said("Several kinds:"),
      image,
      embedded("test://mixed", "application/json", '{"kind":"mixed"}'),
    ),
    test_error_handling: { ...answer(said("This tool always fails.")), isError: true },
  };
  for (const [name, result] of Object.entries(answers)) {
    server.registerTool(name, { description: `Always gives the same answer: ${name}.` }, () => result);
  }
  const keeps = { description: "Has a schema of many keywords.", inputSchema: fromJsonSchema(manyKeywords) };
  server.registerTool("json_schema_2020_12_tool", keeps, () => answer(said("Accepted.")));
  const mirrors = { description: "Repeats an argument in a header.", inputSchema: fromJsonSchema(mirrored) };
  server.registerTool("test_x_mcp_header", mirrors, () => answer(said("The header agreed.")));
}

// The keywords that the suite looks for; a gateway that rebuilt schemas would lose some.
const manyKeywords = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const mirrored = {
  type: "object",
  properties: { region: { type: "string", "x-mcp-header": "Region" } },
  required: ["region"],
};
