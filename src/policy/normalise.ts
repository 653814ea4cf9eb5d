import { type Json, JsonNumber, type JsonObject } from "../json/value.ts";

const sections = ["tools", "resources", "prompts"];

/** The document with its short forms written out (policy.md §1, dialect B into A); all else as it was. */
export function longForm(document: Json): Json {
  if (!(document instanceof Map)) return document;
  const long: JsonObject = new Map();
  for (const [key, value] of document) {
    if (key === "hide" && typeof value === "string") long.set(key, [value]);
    else if (sections.includes(key) && value instanceof Map) long.set(key, longRules(value));
    else long.set(key, value);
  }
  return long;
}

const longRules = (rules: JsonObject): JsonObject =>
  new Map([...rules].map(([key, rule]) => [key, rule instanceof Map ? longRule(key, rule) : rule]));

function longRule(key: string, rule: JsonObject): JsonObject {
  const long: JsonObject = new Map();
  for (const [name, value] of rule) {
    if (name === "action" && value === "require_approval") long.set(name, "approve");
    else if (name !== "rate_limit") long.set(name, value);
  }
  const short = rule.get("rate_limit");
  if (short instanceof Map) {
    const limits = long.get("limits");
    long.set("limits", [...(Array.isArray(limits) ? limits : []), longLimit(key, short)]);
  }
  return long;
}

/** `rate_limit` is one limit on a counter of the key's own name. */
export const longLimit = (key: string, short: JsonObject): JsonObject =>
  new Map<string, Json>([
    ["counter", `${key}_rate`],
    ["window", short.get("window") ?? new JsonNumber("60")],
    ["max", short.get("max") ?? new JsonNumber("0")],
    ["scope", "grant"],
  ]);
