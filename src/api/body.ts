import { en } from "zod/locales";
import type * as z from "zod/mini";
import { type Fault, type Finding, fault } from "../fault.ts";
import { type Caps, readJson } from "../json/read.ts";
import { type Json, toPlain } from "../json/value.ts";

const bodyBytesMax = 1_048_576;
// A policy may have 2,000 tools with several keys each (policy.md §9), so more members than a message.
export const bodyCaps: Caps = { depthMax: 64, membersMax: 200_000, stringMax: 262_144 };

/** A request's body as a strict JSON tree: one value, no duplicate keys, 1 MiB at most. None is `{}` where it is optional. */
export async function readBody(request: Request, optional = false): Promise<Json | Fault> {
  const bytes = await readBytes(request);
  if (!bytes) return fault("too_large", `A body may be ${bodyBytesMax} bytes at most.`);
  // Not by `request.body`: clients say `Content-Length: 0` for a POST of nothing (RFC 9110 §8.6), and that is a body of none.
  if (optional && bytes.byteLength === 0) return new Map();
  const [media, ...parameters] = (request.headers.get("Content-Type") ?? "").toLowerCase().split(";");
  const charset = parameters.map((parameter) => parameter.trim()).find((text) => text.startsWith("charset="));
  if (media?.trim() !== "application/json" || (charset && charset !== "charset=utf-8")) {
    return fault("bad_media", "Send the body as `Content-Type: application/json`, in UTF-8.");
  }
  if (request.headers.has("Content-Encoding"))
    return fault("bad_media", "Send the body without an encoding.");
  const text = decodeUtf8(bytes);
  if (text === null) return fault("bad_json", "The body is not UTF-8.");
  const read = readJson(text, bodyCaps);
  if (read.ok && !hasProto(read.value)) return read.value;
  if (read.ok) return fault("bad_json", "The key __proto__ is not taken anywhere.");
  const detail = `${read.problem} (at character ${read.offset})`;
  return fault("bad_json", `The body is not acceptable JSON: ${detail}.`, [
    { pointer: read.pointer, message: read.problem },
  ]);
}

// Schema libraries treat this key apart, so what is under it would pass unchecked.
function hasProto(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasProto);
  if (!(value instanceof Map)) return false;
  return value.has("__proto__") || value.values().some(hasProto);
}

/** The body's bytes, or null past the cap: counted while reading, whatever Content-Length says. */
async function readBytes(request: Request): Promise<Uint8Array | null> {
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let count = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    count += chunk.byteLength;
    if (count > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

const english = { error: en().localeError };

/** A value that fits the schema, or every mistake in it with its pointer. */
export function checkShape<S extends z.ZodMiniType>(schema: S, value: unknown): z.output<S> | Fault {
  const checked = schema.safeParse(value, english);
  if (checked.success) return checked.data;
  const errors = checked.error.issues.flatMap(findings);
  return fault("invalid", "The request has mistakes; `errors` says where.", errors);
}

/** As `checkShape`, for a strict tree. Exact numbers are taken from the tree, not from the result. */
export const checkBody = <S extends z.ZodMiniType>(schema: S, tree: Json): z.output<S> | Fault =>
  checkShape(schema, toPlain(tree));

function findings(issue: z.core.$ZodIssue): Finding[] {
  if (issue.code === "invalid_key") {
    return issue.issues.map(({ message }) => ({ pointer: pointer(issue.path), message }));
  }
  if (issue.code !== "unrecognized_keys") return [{ pointer: pointer(issue.path), message: issue.message }];
  return issue.keys.map((key) => ({
    pointer: pointer([...issue.path, key]),
    message: `unknown key ${JSON.stringify(key)}`,
  }));
}

/** An RFC 6901 pointer. */
export const pointer = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
