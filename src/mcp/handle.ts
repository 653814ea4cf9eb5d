import { type Fault, fault } from "../fault.ts";
import { readJson } from "../json/read.ts";
import type { Json, JsonObject } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type Message, withParams } from "./decode.ts";

/** What a server hands out to be given back: a call's state between its rounds (MCP 2026-07-28), the id of a task. */
export type HandleKind = "requestState" | "taskId";

/** Without one of these a message holds no handle. */
export const handleWords = /requestState|taskId/;

const relatedTask = "io.modelcontextprotocol/related-task";
type Bind = (kind: HandleKind, handle: string) => string;
type Open = (kind: HandleKind, text: string) => string | null;

/** A server's message with each of its handles bound. Tasks that the server is only asked about are the client's own. */
export function bindHandles(message: JsonObject, bind: Bind): JsonObject {
  const method = message.get("method");
  const told = typeof method === "string" && method.startsWith("notifications/tasks");
  const bindTask = (task: JsonObject) => changed(task, "taskId", (id) => bind("taskId", id));
  const bindMeta = (holder: JsonObject) =>
    within(holder, "_meta", (meta) => within(meta, relatedTask, bindTask));
  const bindResult = (result: JsonObject): JsonObject => {
    const state = changed(result, "requestState", (text) => bind("requestState", text));
    const task = within(isTask(state) ? bindTask(state) : state, "task", bindTask);
    return bindMeta(each(task, "tasks", bindTask));
  };
  const params = within(message, "params", (given) => bindMeta(told ? bindTask(given) : given));
  return within(params, "result", bindResult);
}

/** A task as an answer gives it, in its own right or between other things. */
const isTask = (value: JsonObject): boolean => value.has("taskId") && value.has("status");

/** A client's message as its server gave it the handles; a fault where one is not this client's to give. */
export function openHandles(message: Message, open: Open): Message | Fault {
  if (message.kind === "response") return openResponse(message, open);
  const { method, params } = message;
  let opened = params ?? new Map<string, Json>();
  for (const kind of ["requestState", "taskId"] as const) {
    const text = opened.get(kind);
    if (typeof text !== "string" || (kind === "taskId" && !method.startsWith("tasks/"))) continue;
    const handle = open(kind, text);
    if (handle === null)
      return fault("bad_params", `params.${kind} is not what this gateway gave to this grant.`);
    opened = new Map([...opened, [kind, handle]]);
  }
  return opened === params || params === undefined ? message : withParams(message, opened);
}

/** The answer to a server's request names the task that asked; a task of the client's own stays as it is. */
function openResponse(message: Message, open: Open): Message {
  const text = new TextDecoder().decode(message.body);
  const read = text.includes(relatedTask) ? readJson(text) : null;
  if (!read?.ok || !(read.value instanceof Map)) return message;
  const openTask = (task: JsonObject) => changed(task, "taskId", (id) => open("taskId", id) ?? id);
  const whole = within(read.value, "result", (result) =>
    within(result, "_meta", (meta) => within(meta, relatedTask, openTask)),
  );
  return whole === read.value ? message : { ...message, body: new TextEncoder().encode(compactJson(whole)) };
}

function changed(object: JsonObject, key: string, change: (text: string) => string): JsonObject {
  const value = object.get(key);
  return typeof value === "string" ? new Map([...object, [key, change(value)]]) : object;
}

function within(object: JsonObject, key: string, change: (inner: JsonObject) => JsonObject): JsonObject {
  const inner = object.get(key);
  if (!(inner instanceof Map)) return object;
  const other = change(inner);
  return other === inner ? object : new Map([...object, [key, other]]);
}

function each(object: JsonObject, key: string, change: (inner: JsonObject) => JsonObject): JsonObject {
  const list = object.get(key);
  if (!Array.isArray(list)) return object;
  return new Map([...object, [key, list.map((one) => (one instanceof Map ? change(one) : one))]]);
}
