import { type Fault, fault } from "../fault.ts";
import type { Json, JsonObject } from "../json/value.ts";
import { impostor } from "./impostor.ts";

/** Something that a message names and a policy judges. */
export interface Target {
  readonly kind: "tool" | "resource" | "prompt";
  readonly name: string;
}

type Naming = (params: JsonObject) => readonly Target[] | Fault;

/** Which of the methods name something that a policy judges, and where in `params` the names are. */
const namings: ReadonlyMap<string, Naming> = new Map<string, Naming>([
  ["tools/call", one("tool", "name")],
  ["prompts/get", one("prompt", "name")],
  ["resources/read", one("resource", "uri")],
  ["resources/subscribe", one("resource", "uri")],
  ["resources/unsubscribe", one("resource", "uri")],
  ["completion/complete", reference],
  ["subscriptions/listen", subscriptions],
]);

/** The field that the modern `Mcp-Name` header repeats (MCP 2026-07-28, transports), per method that has one. */
const mirrored: ReadonlyMap<string, string> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
  ["tasks/get", "taskId"],
  ["tasks/update", "taskId"],
  ["tasks/cancel", "taskId"],
]);

// MCP 2025-11-25, tools: the names a server should use; others are never pinned, so never called.
const toolName = /^[A-Za-z0-9_.-]{1,128}$/;

/** Whether a tool may have this name here. */
export const isToolName = (name: string): boolean => toolName.test(name);

/** Everything that a request names; all of it must be allowed. Empty for a method that names nothing. */
export function targetsOf(method: string, params: JsonObject | undefined): readonly Target[] | Fault {
  return namings.get(method)?.(params ?? new Map()) ?? [];
}

/** What `Mcp-Name` must say of a body; null where the method has no such header or the body no such string. */
export function mirroredName(method: string, params: JsonObject | undefined): string | null {
  const field = mirrored.get(method);
  const value = field === undefined ? undefined : params?.get(field);
  return typeof value === "string" ? value : null;
}

function one(kind: Target["kind"], field: string): Naming {
  return (params) => {
    const name = params.get(field);
    return typeof name === "string" ? [{ kind, name }] : bad(`params.${field} must be a string`);
  };
}

const referenceKeys = new Set(["type", "name", "uri"]);

function reference(params: JsonObject): readonly Target[] | Fault {
  const ref = params.get("ref");
  if (!(ref instanceof Map) || impostor(ref, referenceKeys) !== null) return badReference;
  const [type, name, uri] = [ref.get("type"), ref.get("name"), ref.get("uri")];
  // Naming both would leave it to the server which of them it completes.
  if (type === "ref/prompt" && typeof name === "string" && uri === undefined)
    return [{ kind: "prompt", name }];
  if (type === "ref/resource" && typeof uri === "string" && name === undefined) {
    return [{ kind: "resource", name: uri }];
  }
  return badReference;
}

const subscriptionKeys = new Set(["resourceSubscriptions"]);

function subscriptions(params: JsonObject): readonly Target[] | Fault {
  const wanted = params.get("notifications") ?? new Map<string, Json>();
  if (!(wanted instanceof Map) || impostor(wanted, subscriptionKeys) !== null) return badSubscriptions;
  const uris = wanted.get("resourceSubscriptions") ?? [];
  if (!Array.isArray(uris)) return badSubscriptions;
  const names = uris.filter((uri) => typeof uri === "string");
  if (names.length !== uris.length) return badSubscriptions;
  return names.map((name) => ({ kind: "resource", name }));
}

const bad = (problem: string): Fault => fault("bad_params", `The parameters do not fit: ${problem}.`);
const badReference = bad("params.ref must be a ref/prompt with a name or a ref/resource with a uri");
const badSubscriptions = bad("params.notifications.resourceSubscriptions must be a list of URIs");
