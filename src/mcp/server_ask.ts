import type { Fault } from "../fault.ts";
import type { Json, JsonObject } from "../json/value.ts";
import type { ServerRequest } from "../policy/rule.ts";
import { unreadable } from "./edit.ts";
import { impostor } from "./impostor.ts";

const kinds: ReadonlyMap<Json, ServerRequest> = new Map([
  ["sampling/createMessage", "sampling"],
  ["elicitation/create", "elicitation"],
  ["roots/list", "roots"],
]);

/** Without one of these nothing is asked, nor seems to be; a backslash, because JSON has other ways to write a letter. */
export const askWords = /sampling|elicitation|roots|\\[u/]/i;

const messageKeys = new Set(["method", "id", "result", "error"]);
const resultKeys = new Set(["inputRequests"]);
const inputKeys = new Set(["method"]);
const errorKeys = new Set(["data"]);
const dataKeys = new Set(["elicitations"]);

/**
 * What a server's message asks of the client: with a request, with a result that needs input (MCP 2026-07-28), or with the
 * error that sends the user to a URL (2025-11-25). A fault where a lax client could read something else in it.
 */
export function asksOf(message: JsonObject): readonly ServerRequest[] | Fault {
  const result = message.get("result");
  const inputs = objectIn(result, "inputRequests");
  const entries = [...(inputs?.values() ?? [])];
  const data = objectIn(message.get("error"), "data");
  const disguised =
    isDisguised(message, messageKeys) ||
    isDisguised(result, resultKeys) ||
    isDisguised(message.get("error"), errorKeys) ||
    isDisguised(data, dataKeys) ||
    entries.some((entry) => isDisguised(entry, inputKeys));
  if (disguised) return unreadable("a key in it can be mistaken for another");
  const asksInput = result instanceof Map && result.has("inputRequests");
  if (asksInput && (!inputs || !entries.every((entry) => entry instanceof Map))) {
    return unreadable("its inputRequests are no requests");
  }
  const methods = [message, ...entries].flatMap((one) => (one instanceof Map ? [one.get("method")] : []));
  const asked = methods.flatMap((method) => kinds.get(method ?? null) ?? []);
  return data?.has("elicitations") ? [...asked, "elicitation"] : asked;
}

const isDisguised = (value: Json | undefined, names: ReadonlySet<string>): boolean =>
  value instanceof Map && impostor(value, names) !== null;

function objectIn(value: Json | undefined, key: string): JsonObject | undefined {
  const member = value instanceof Map ? value.get(key) : undefined;
  return member instanceof Map ? member : undefined;
}
