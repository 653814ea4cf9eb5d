import { type Fault, fault } from "../fault.ts";
import { readJson } from "../json/read.ts";
import type { Json, JsonObject } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type Message, withParams } from "./decode.ts";

/** What a server hands out to be given back: a call's state between its rounds (MCP 2026-07-28), the id of a task. */
export type HandleKind = "requestState" | "taskId";

/** Without one of these a message holds no handle, and is given none. */
export const handleWords = /requestState|taskId|input_required/;

const relatedTask = "io.modelcontextprotocol/related-task";

/** What a client gets in the place of a server's handles. */
export interface Bind {
  readonly task: (id: string) => string;
  /** For the state of a result, null where it has none; `asks`: it wants the call repeated. Null leaves the result as it is. */
  readonly state: (state: string | null, asks: boolean) => string | null;
}

/** What a server gets in the place of a client's; null for what this client was not given. */
export interface Open {
  readonly task: (text: string) => string | null;
  /** A null state goes to the server as none. */
  readonly state: (text: string) => { readonly state: string | null } | null;
}

/** A server's message with each of its handles bound. Tasks that the server is only asked about are the client's own. */
export function bindHandles(message: JsonObject, bind: Bind): JsonObject {
  const method = message.get("method");
  const told = typeof method === "string" && method.startsWith("notifications/tasks");
  const bindTask = (task: JsonObject) => changed(task, "taskId", bind.task);
  const bindMeta = (holder: JsonObject) =>
    within(holder, "_meta", (meta) => within(meta, relatedTask, bindTask));
  const bindResult = (result: JsonObject): JsonObject => {
    const state = bindState(result, bind);
    const task = within(isTask(state) ? bindTask(state) : state, "task", bindTask);
    return bindMeta(each(task, "tasks", bindTask));
  };
  const params = within(message, "params", (given) => bindMeta(told ? bindTask(given) : given));
  return within(params, "result", bindResult);
}

/** An answer that asks gets a state though its server gave it none: by it the gateway knows the next round. */
function bindState(result: JsonObject, bind: Bind): JsonObject {
  const given = result.get("requestState");
  if (given !== undefined && typeof given !== "string") return result;
  const state = bind.state(given ?? null, result.get("resultType") === "input_required");
  return state === null ? result : new Map([...result, ["requestState", state]]);
}

/** A task as an answer gives it, in its own right or between other things. */
const isTask = (value: JsonObject): boolean => value.has("taskId") && value.has("status");

/** A client's message as its server gave it the handles; a fault where one is not this client's to give. */
export function openHandles(message: Message, open: Open): Message | Fault {
  if (message.kind === "response") return openResponse(message, open);
  const { method, params } = message;
  if (params === undefined) return message;
  const opened = new Map<string, Json>(params);
  const [state, task] = [params.get("requestState"), params.get("taskId")];
  if (typeof state === "string") {
    const given = open.state(state);
    if (given === null) return notGiven("requestState");
    if (given.state === null) opened.delete("requestState");
    else opened.set("requestState", given.state);
  }
  if (typeof task === "string" && method.startsWith("tasks/")) {
    const id = open.task(task);
    if (id === null) return notGiven("taskId");
    opened.set("taskId", id);
  }
  const same = [...params].every(([key, value]) => opened.get(key) === value);
  return same ? message : withParams(message, opened);
}

const notGiven = (kind: HandleKind): Fault =>
  fault("bad_params", `params.${kind} is not what this gateway gave to this grant.`);

/** The answer to a server's request names the task that asked; a task of the client's own stays as it is. */
function openResponse(message: Message, open: Open): Message {
  const text = new TextDecoder().decode(message.body);
  const read = text.includes(relatedTask) ? readJson(text) : null;
  if (!read?.ok || !(read.value instanceof Map)) return message;
  const openTask = (task: JsonObject) => changed(task, "taskId", (id) => open.task(id) ?? id);
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
