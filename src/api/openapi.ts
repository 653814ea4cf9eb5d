import * as z from "zod/mini";
import { policySchema } from "../policy/schema.ts";
import type { Operation } from "./operation.ts";

export interface OpenApi {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Record<string, Record<string, OpenApiOperation>>;
  readonly components: { schemas: Record<string, JsonSchema>; securitySchemes: Record<string, unknown> };
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security: readonly Record<string, readonly string[]>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { required: boolean; content: Content };
  readonly responses: Record<string, { description: string; content?: Content }>;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

type JsonSchema = Record<string, unknown>;
type Content = Record<string, { schema: JsonSchema }>;

const problemShape = z.strictObject({
  type: z.url(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  errors: z.optional(z.array(z.strictObject({ pointer: z.string(), message: z.string() }))),
  request_id: z.string(),
});

/** The OpenAPI 3.1 document of these operations, made from the schemas that the router itself checks with. */
export function openApi(operations: readonly Operation[]): OpenApi {
  const schemas: Record<string, JsonSchema> = {};
  const paths: OpenApi["paths"] = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation, schemas) };
  }
  schemas["Problem"] = jsonSchema(problemShape, "output", schemas);
  schemas["PolicyDocument"] = jsonSchema(policySchema, "input", schemas);
  return {
    openapi: "3.1.0",
    info: {
      title: "Portcullis control plane",
      version: "1",
      description: "Teams, MCP servers, policies, grants and the log of decisions.",
    },
    paths,
    components: {
      schemas,
      securitySchemes: { session: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  };
}

function describe(operation: Operation, schemas: Record<string, JsonSchema>): OpenApiOperation {
  const { access } = operation;
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    description: `${accessText(access)}${operation.inPerson ? " Not with a script's token." : ""}`,
    security: access === "public" ? [] : [{ session: [] }],
    parameters: [...pathParameters(operation), ...queryParameters(operation, schemas), ...headers(operation)],
    ...(operation.body
      ? {
          requestBody: {
            required: !operation.bodyOptional,
            content: { "application/json": { schema: jsonSchema(operation.body, "input", schemas) } },
          },
        }
      : {}),
    responses: responses(operation, schemas),
  };
}

function accessText(access: Operation["access"]): string {
  if (access === "public") return "Needs no sign-in.";
  if (access === "user") return "For every signed-in user.";
  if (access === "session") return "For every signed-in user, but not with a script's token.";
  return access === "person"
    ? "For a person with an account of their own, signed in for all of their teams."
    : `Needs the role ${access} in the team, or a higher one.`;
}

const slugOrId = new Set(["team", "server", "policy"]);

const pathParameters = ({ path }: Operation): Parameter[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    ...(slugOrId.has(name) ? { description: "Slug or id." } : {}),
    schema: { type: "string" },
  }));

function queryParameters({ query }: Operation, schemas: Record<string, JsonSchema>): Parameter[] {
  if (!query) return [];
  const { properties = {}, required = [] } = jsonSchema(query, "input", schemas) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

const headerText: Record<string, string> = {
  "Idempotency-Key":
    "Your name for this request. Repeated within a day it is answered as before, and nothing is done twice.",
  "If-Match": "The revision that you read; 412 when somebody was faster.",
  "Last-Event-ID": "The id of the last event that you have.",
};

const takesKey = ({ access, method }: Operation): boolean => access !== "public" && method !== "get";

const headers = (operation: Operation): Parameter[] =>
  [...(operation.headers ?? []), ...(takesKey(operation) ? ["Idempotency-Key"] : [])].map((name) => ({
    name,
    in: "header",
    required: false,
    description: headerText[name] ?? "",
    schema: { type: "string" },
  }));

function responses(operation: Operation, schemas: Record<string, JsonSchema>): OpenApiOperation["responses"] {
  const good = Object.entries(operation.answers).map(([status, shape]) => [
    status,
    {
      description: statusText[status] ?? "Done.",
      ...(shape ? { content: contentOf(operation, jsonSchema(shape, "output", schemas)) } : {}),
    },
  ]);
  const problem = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  return {
    ...Object.fromEntries(good),
    "4XX": { description: "Refused; `code` and `errors` say why.", content: problem },
    "5XX": { description: "A part of the gateway does not answer.", content: problem },
  };
}

const contentOf = ({ media = ["application/json"] }: Operation, schema: JsonSchema): Content =>
  Object.fromEntries(media.map((type) => [type, { schema }]));

const statusText: Record<string, string> = {
  200: "Done, and in force where it is an edit.",
  201: "Created.",
  202: "Saved; some gates have yet to hear of it.",
  204: "Done.",
};

/** A schema with its named parts moved into `schemas`. */
function jsonSchema(
  shape: z.ZodMiniType,
  io: "input" | "output",
  schemas: Record<string, JsonSchema>,
): JsonSchema {
  const {
    $schema: _,
    $defs,
    ...schema
  } = z.toJSONSchema(shape, { io, unrepresentable: "any" }) as JsonSchema;
  for (const [name, part] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>)) {
    schemas[name] ??= moved(part);
  }
  return moved(schema);
}

const moved = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema).replaceAll("#/$defs/", "#/components/schemas/"));
