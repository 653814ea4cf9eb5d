import { pointerOf } from "./pointer.ts";

const always = new Set([
  "initialize",
  "ping",
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "prompts/list",
  "server/discover",
  "logging/setLevel",
]);

/** What `tools`, `resources` and `prompts` judge by name; `methods` has no say in these (policy.md §2). */
const judged = new Set([
  "tools/call",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "subscriptions/listen",
  "prompts/get",
]);

export const isAlwaysAllowed = (method: string): boolean =>
  always.has(method) || method.startsWith("notifications/");

export const isJudgedByName = (method: string): boolean => judged.has(method);

/** `/methods/completion~1complete`. */
export const methodRuleId = (method: string): string => pointerOf(["methods", method]);
