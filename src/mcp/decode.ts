import { type Fault, fault, isFault } from "../fault.ts";
import { readJson } from "../json/read.ts";
import type { Json, JsonObject } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type Envelope, type Id, idOf, readEnvelope } from "./envelope.ts";
import { checkMirrors } from "./mirror.ts";
import { type Revision, revisionOf } from "./revision.ts";
import { type Target, targetsOf } from "./target.ts";

/** The largest body that is read (security.md §2). */
export const bodyBytesMax = 1_048_576;

/** What the client said around the body; null where the header was absent. */
export interface BodyHeaders {
  readonly protocolVersion: string | null;
  readonly mcpMethod: string | null;
  readonly mcpName: string | null;
  readonly contentEncoding: string | null;
  readonly contentType: string | null;
}

/** One message as it will be judged, and the only bytes that may be forwarded for it. */
export interface Message extends Envelope, Revision {
  /** Everything the message names; all of it must be allowed. Empty where it names nothing. */
  readonly targets: readonly Target[];
  /** The compact source of `params.arguments` of a tool or prompt, numbers as written. */
  readonly argumentsText?: string;
  /** The compact source of all parameters beside the name, the arguments and `_meta`; absent where there are none. */
  readonly othersText?: string;
  /** Whether the client declares, here, that it can send its user to a URL (`elicitation.url`). */
  readonly elicitsUrls: boolean;
  /** The client's own word for itself; only `initialize` and modern requests say it. */
  readonly clientName?: string;
  readonly body: Uint8Array;
}

/** A refused body, with the id to answer to where one could be read. */
export interface Undecoded extends Fault {
  readonly id: Id | null;
}

const claimKey = "io.modelcontextprotocol/protocolVersion";
const clientKey = "io.modelcontextprotocol/clientInfo";
const capabilitiesKey = "io.modelcontextprotocol/clientCapabilities";
const clientNameMax = 200;
// With parameters apart from this charset a server might decode the bytes differently.
const mediaType = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;

/** Reads a POST body strictly into the one message it can mean, or says why not. Never throws. */
export function decode(bytes: Uint8Array, headers: BodyHeaders): Message | Undecoded {
  const read = checkMedia(headers) ?? readBody(bytes);
  if (isFault(read)) return { ...read, id: null };
  const message = readMessage(read, headers);
  return isFault(message) ? { ...message, id: idOf(read.tree) } : message;
}

/** A fault for a body in another coding, type or charset than JSON in plain UTF-8. */
export function checkMedia(headers: BodyHeaders): Fault | null {
  if (headers.contentEncoding !== null)
    return fault("bad_media", "Send the body without a Content-Encoding.");
  if (!mediaType.test(headers.contentType ?? ""))
    return fault("bad_media", "Send application/json in UTF-8.");
  return null;
}

/** A body as it came, and as it was read. */
export interface Body {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly tree: Json;
}

/** Reads JSON strictly; a message of its own is not looked for yet. */
export function readBody(bytes: Uint8Array): Fault | Body {
  if (bytes.length > bodyBytesMax) return fault("too_large", `A body holds at most ${bodyBytesMax} bytes.`);
  const text = utf8(bytes);
  if (text === null) return fault("bad_json", "The body is not UTF-8.");
  const read = readJson(text);
  if (read.ok) return { bytes, text, tree: read.value };
  const where = read.pointer === "" ? "" : ` in ${read.pointer.slice(0, 200)}`;
  return fault("bad_json", `At character ${read.offset}${where}: ${read.problem}.`);
}

// The mark is kept, so that the reader refuses it: some parsers skip it and others do not.
const strictly = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string | null {
  try {
    return strictly.decode(bytes);
  } catch {
    return null;
  }
}

/** Reads a message strictly, with the bytes that may be forwarded for it. */
export function readMessage(body: Body, headers: BodyHeaders): Fault | Message {
  if (Array.isArray(body.tree)) return fault("bad_message", "The body must be one JSON object, not a batch.");
  if (!(body.tree instanceof Map)) return fault("bad_message", "The body must be one JSON object.");
  const envelope = readEnvelope(body.tree);
  if (isFault(envelope)) return envelope;
  const revision = readRevision(envelope, headers);
  if (isFault(revision)) return revision;
  const targets = readTargets(envelope, revision);
  if (isFault(targets)) return targets;
  return {
    ...envelope,
    ...revision,
    ...about(envelope),
    elicitsUrls: elicitsUrls(envelope),
    targets,
    body: forwardable(body, body.tree),
  };
}

function readRevision(envelope: Envelope, headers: BodyHeaders): Fault | Revision {
  const claim = metaOf(envelope)?.get(claimKey) ?? null;
  if (claim !== null && typeof claim !== "string") {
    return fault("bad_params", `The parameters do not fit: params._meta["${claimKey}"] must be a string.`);
  }
  const revision = revisionOf(headers.protocolVersion, claim);
  if (isFault(revision) || revision.era === "legacy") return revision;
  return checkMirrors(envelope, headers, claim !== null) ?? revision;
}

const removedFromModern = new Set(["resources/subscribe", "resources/unsubscribe"]);

function readTargets(envelope: Envelope, { era }: Revision): readonly Target[] | Fault {
  if (era === "modern" && removedFromModern.has(envelope.method)) {
    return fault(
      "unknown_method",
      `${envelope.method} is not in this revision; it has subscriptions/listen.`,
    );
  }
  return targetsOf(envelope.method, envelope.params);
}

const metaOf = ({ params }: Envelope): JsonObject | undefined => objectAt(params, "_meta");

function about(envelope: Envelope): Pick<Message, "argumentsText" | "othersText" | "clientName"> {
  const args = withArguments.has(envelope.method) ? envelope.params?.get("arguments") : undefined;
  const info =
    envelope.method === "initialize"
      ? objectAt(envelope.params, "clientInfo")
      : objectAt(metaOf(envelope), clientKey);
  const name = info?.get("name");
  return {
    ...(args !== undefined && { argumentsText: compactJson(args) }),
    ...othersOf(envelope),
    ...(typeof name === "string" && name.length <= clientNameMax && { clientName: name }),
  };
}

// Where the target stands; it and the arguments are told apart from all other parameters.
const targetKeys: ReadonlyMap<string, string> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
  ["resources/subscribe", "uri"],
  ["resources/unsubscribe", "uri"],
]);

function othersOf({ method, params }: Pick<Envelope, "method" | "params">): Pick<Message, "othersText"> {
  const told = ["_meta", targetKeys.get(method), withArguments.has(method) ? "arguments" : undefined];
  const others = [...(params ?? [])].filter(([key]) => !told.includes(key));
  return others.length === 0 ? {} : { othersText: compactJson(new Map(others)) };
}

/** MCP 2025-11-25, elicitation: declared when the session begins; since 2026-07-28 by every request. */
function elicitsUrls(envelope: Envelope): boolean {
  const declared =
    envelope.method === "initialize"
      ? objectAt(envelope.params, "capabilities")
      : objectAt(metaOf(envelope), capabilitiesKey);
  return objectAt(objectAt(declared, "elicitation"), "url") !== undefined;
}

/** What a call carries from one round to the next, in its source text; null for nothing. */
export function carriedText({ params }: Message): string | null {
  const carried = [...(params ?? [])].filter(([key]) => carriedKeys.has(key));
  return carried.length === 0 ? null : compactJson(new Map(carried));
}

/** The same message, carrying that text of `carriedText` and nothing else. */
export function carrying(message: Message, text: string | null): Message {
  const read = text === null ? null : readJson(text);
  const carried = read?.ok && read.value instanceof Map ? read.value : [];
  const own = [...(message.params ?? [])].filter(([key]) => !carriedKeys.has(key));
  return withParams(message, new Map([...own, ...carried]));
}

/** The same request or notification with other parameters. What it names, and its arguments, must be as they were. */
export function withParams(message: Message, params: JsonObject): Message {
  const { id, method, othersText: _, ...rest } = message;
  const whole = new Map<string, Json>([["jsonrpc", "2.0"]]);
  if (id !== null) whole.set("id", id);
  whole.set("method", method).set("params", params);
  const body = new TextEncoder().encode(compactJson(whole));
  return { ...rest, id, method, params, ...othersOf({ method, params }), body };
}

const carriedKeys = new Set(["requestState", "inputResponses"]);

const withArguments = new Set(["tools/call", "prompts/get"]);

function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = object?.get(key);
  return value instanceof Map ? value : undefined;
}

/** The client's own bytes where they are already the compact text of what was judged; else that text. */
function forwardable({ bytes, text }: Body, judged: Json): Uint8Array {
  const compact = compactJson(judged);
  return compact === text ? bytes : new TextEncoder().encode(compact);
}
