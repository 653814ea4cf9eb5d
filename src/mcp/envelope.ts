import { type Fault, fault } from "../fault.ts";
import { type Json, JsonNumber, type JsonObject } from "../json/value.ts";
import { impostor } from "./impostor.ts";

/** A request's id: a string, or an integer as it was written. */
export type Id = string | JsonNumber;

/** One JSON-RPC message, its envelope checked and its meaning not yet. */
export interface Envelope {
  readonly kind: "request" | "notification" | "response";
  readonly id: Id | null;
  /** Empty for a response. */
  readonly method: string;
  readonly params: JsonObject | undefined;
}

const keys = new Set(["jsonrpc", "id", "method", "params", "result", "error"]);
// What decides: keys of `params` that say which thing is meant, with what, and on whose behalf.
const decisive = new Set([
  "name",
  "uri",
  "arguments",
  "ref",
  "_meta",
  "taskId",
  "notifications",
  "inputResponses",
  "requestState",
]);
const methodPattern = /^[A-Za-z0-9_$./-]{1,128}$/;
const notificationPrefix = "notifications/";

/** Reads one message strictly (JSON-RPC 2.0 §4, §5, as MCP narrows it), so that no two readers see two messages. */
export function readEnvelope(message: JsonObject): Fault | Envelope {
  const unknown = [...message.keys()].find((key) => !keys.has(key));
  if (unknown !== undefined) return bad(`the key ${shown(unknown)} has no place in a message`);
  if (message.get("jsonrpc") !== "2.0") return bad('jsonrpc must be "2.0"');
  const given = ["method", "result", "error"].filter((key) => message.has(key));
  if (given.length !== 1) return bad("exactly one of method, result and error is needed");
  return given[0] === "method" ? readCall(message) : readResponse(message);
}

/** The id of a message that may be broken elsewhere, so that its refusal can be matched to it; null where it has none. */
export function idOf(message: Json): Id | null {
  const id = message instanceof Map ? message.get("id") : undefined;
  return isId(id) ? id : null;
}

function readCall(message: JsonObject): Fault | Envelope {
  const method = message.get("method");
  if (typeof method !== "string" || !methodPattern.test(method))
    return bad("method is not an MCP method's name");
  const params = message.get("params");
  if (params !== undefined && !(params instanceof Map)) return bad("params must be an object");
  const wrong = params && checkParams(params);
  if (wrong) return wrong;
  return method.startsWith(notificationPrefix)
    ? readNotification(message, method, params)
    : readRequest(message, method, params);
}

function readRequest(message: JsonObject, method: string, params: JsonObject | undefined): Fault | Envelope {
  const id = message.get("id");
  // A request without an id is a notification in JSON-RPC, which lax servers run all the same.
  if (!isId(id)) return bad(`${method} needs a string or an integer as its id`);
  return { kind: "request", id, method, params };
}

function readNotification(
  message: JsonObject,
  method: string,
  params: JsonObject | undefined,
): Fault | Envelope {
  if (message.has("id")) return bad(`${method} is a notification and takes no id`);
  return { kind: "notification", id: null, method, params };
}

function checkParams(params: JsonObject): Fault | null {
  const wrong = impostor(params, decisive);
  if (wrong !== null) return badParams(`params.${shown(wrong)} can be mistaken for another key`);
  if (!isObjectOrAbsent(params.get("arguments"))) return badParams("params.arguments must be an object");
  if (!isObjectOrAbsent(params.get("_meta"))) return badParams("params._meta must be an object");
  return null;
}

function readResponse(message: JsonObject): Fault | Envelope {
  if (message.has("params")) return bad("a response has no params");
  const body = message.get("result") ?? message.get("error");
  if (!(body instanceof Map)) return bad("result and error must be objects");
  const id = message.get("id") ?? null;
  // Only an error may answer nothing in particular (JSON-RPC 2.0 §5).
  if (!isId(id) && !(id === null && message.has("error"))) return bad("a response needs the id it answers");
  return { kind: "response", id: isId(id) ? id : null, method: "", params: undefined };
}

const isId = (value: Json | undefined): value is Id =>
  typeof value === "string" || (value instanceof JsonNumber && /^-?[0-9]+$/.test(value.text));

const isObjectOrAbsent = (value: Json | undefined): boolean => value === undefined || value instanceof Map;

const shown = (key: string): string => JSON.stringify(key.slice(0, 64));
const bad = (problem: string): Fault => fault("bad_message", `Not one JSON-RPC message: ${problem}.`);
const badParams = (problem: string): Fault => fault("bad_params", `The parameters do not fit: ${problem}.`);
