import type { Json, JsonObject } from "../json/value.ts";
import { wordSet, wordsOf } from "./words.ts";

export type Role =
  | "url"
  | "path"
  | "sql"
  | "shell"
  | "recipient"
  | "amount"
  | "currency"
  | "id"
  | "free_text";

/** A top-level parameter as the schema declares it. */
export interface Parameter {
  readonly name: string;
  readonly words: readonly string[];
  readonly role: Role | null;
  /** The JSON type; "" where none or several are declared. */
  readonly type: string;
  /** The strings that it may be, or null where it may be any. */
  readonly choices: readonly string[] | null;
  readonly schema: JsonObject;
}

/** The tool's top-level parameters by name, so that the order in which a server writes them says nothing. */
export function parametersOf(inputSchema: Json | undefined): Parameter[] {
  return [...propertiesOf(inputSchema)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, property]) => parameter(name, objectOf(resolved(property, inputSchema)) ?? new Map()));
}

function parameter(name: string, schema: JsonObject): Parameter {
  const words = wordsOf(name);
  const type = typeOf(schema);
  const choices = choicesOf(schema);
  return { name, words, type, choices, schema, role: roleOf({ words, type, choices, schema }) };
}

/** `["string", "null"]` is a string that may be left away. */
function typeOf(schema: JsonObject): string {
  const type = schema.get("type");
  if (typeof type === "string") return type;
  const types = (Array.isArray(type) ? type : variants(schema).map((one) => one.get("type"))).filter(
    (one) => one !== "null",
  );
  return types.length === 1 && typeof types[0] === "string" ? types[0] : "";
}

const variants = (schema: JsonObject): JsonObject[] => {
  const any = schema.get("anyOf") ?? schema.get("oneOf");
  return Array.isArray(any) ? any.flatMap((one) => objectOf(one) ?? []) : [];
};

function choicesOf(schema: JsonObject): readonly string[] | null {
  const given = [schema, ...variants(schema)].flatMap((one) => {
    const [list, only] = [one.get("enum"), one.get("const")];
    return Array.isArray(list) ? [list] : only === undefined ? [] : [[only]];
  });
  const texts = given.flat().filter((one) => typeof one === "string");
  return texts.length > 0 ? texts : null;
}

interface Declared {
  readonly words: readonly string[];
  readonly type: string;
  readonly choices: readonly string[] | null;
  readonly schema: JsonObject;
}

const code = wordSet(
  `command commands cmd commandline shell bash powershell script scripts expression javascript js python lua ruby
   keystrokes keys stdin argv source_code snippet procedure lambda`,
);
const sql = wordSet("sql cypher statement statements soql dml ddl");
const url = wordSet("url urls uri uris href webhook endpoint website link");
const path = wordSet("path paths file files filename filepath directory dir folder cwd workdir");
const recipient = wordSet("recipient recipients to cc bcc payee beneficiary attendees invitees");
const freeText = wordSet(
  "text body content message prompt input description title comment note summary subject caption reply instructions question html markdown",
);

/** A parameter's role, by the head of its name (its last word), its type and its format. Only free strings run or lead anywhere. */
function roleOf({ words, type, choices, schema }: Declared): Role | null {
  const head = words.at(-1) ?? "";
  const said = described(schema);
  const isText = (type === "string" || type === "" || type === "array") && choices === null;
  if (head === "currency" || words.join("_") === "currency_code") return "currency";
  if (!isText)
    return /^(?:amount|amounts|value|price|total)$/.test(head) && type !== "boolean" && head !== "value"
      ? amountOf(head)
      : idOf(head);
  if (sql.has(head) || (/^(?:query|queries|filter|where)$/.test(head) && /\b(?:sql|cypher)\b/i.test(said)))
    return "sql";
  if (
    code.has(head) ||
    (head === "code" && isProgram(words, said)) ||
    (head === "function" && /javascript/i.test(said))
  )
    return "shell";
  if (schema.get("format") === "uri" || url.has(head)) return "url";
  if (path.has(head)) return "path";
  if (recipient.has(head) || (head === "email" && words.length > 1) || schema.get("format") === "email")
    return "recipient";
  if (head === "amount") return "amount";
  if (idOf(head)) return "id";
  return freeText.has(head) ? "free_text" : null;
}

const amountOf = (head: string): Role | null => (head === "amount" || head === "amounts" ? "amount" : null);
const idOf = (head: string): Role | null => (/^(?:id|ids|uuid|uuids|guid|slug)$/.test(head) ? "id" : null);

/** `country_code` is none; `code` and `js_code` are, where the schema speaks of running it. */
const isProgram = (words: readonly string[], said: string): boolean =>
  words.some((word) => code.has(word) || word === "source") ||
  (words.length === 1 &&
    /\b(?:execut|run|script|snippet|javascript|python|typescript|program|source|function)/i.test(said));

export const described = (schema: JsonObject): string => {
  const text = schema.get("description");
  return typeof text === "string" ? text : "";
};

/** Follows one local reference, as generators of schemas write them. */
export function resolved(schema: Json | undefined, root: Json | undefined): Json | undefined {
  const reference = objectOf(schema)?.get("$ref");
  const found = typeof reference === "string" ? /^#\/(\$defs|definitions)\/([^/~%]+)$/.exec(reference) : null;
  const [, group, name] = found ?? [];
  if (group === undefined || name === undefined) return schema;
  return objectOf(objectOf(root)?.get(group))?.get(name);
}

export const propertiesOf = (schema: Json | undefined): JsonObject =>
  objectOf(objectOf(schema)?.get("properties")) ?? new Map();

export const objectOf = (value: Json | undefined): JsonObject | undefined =>
  value instanceof Map ? value : undefined;
