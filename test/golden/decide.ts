import { type Json, type JsonObject, toPlain } from "../../src/json/value.ts";
import type { Policy } from "../../src/policy/document.ts";
import {
  type Call,
  type Decision,
  evaluate,
  type Question,
  type ToolFacts,
} from "../../src/policy/evaluate.ts";
import { methodRule } from "../../src/policy/method.ts";
import { policy } from "../policy/judge.ts";
import { type Golden, textOf } from "./golden.ts";

/** What the engine itself decides, without the API in between. */
export function decide(golden: Golden): Pick<Decision, "effect" | "rule" | "reason"> {
  const question = questionOf(golden);
  if (question) return evaluate(question);
  const { team, server } = policiesOf(golden);
  const rule = methodRule(methodOf(golden), team, server);
  if (rule.allowed) return { effect: "allow", rule: "", reason: "" };
  return { effect: "deny", rule: rule.rule, reason: rule.reason };
}

/** The engine's question of a golden decision; null where its call names nothing. */
export function questionOf(golden: Golden): Question | null {
  const call = callOf(golden);
  return call && { call, ...policiesOf(golden), ...circumstancesOf(golden.tree, call) };
}

const policiesOf = ({ tree }: Golden): Pick<Question, "team" | "server"> => ({
  team: policyAt(tree, "team_document"),
  server: policyAt(tree, "document"),
});

function policyAt(tree: JsonObject, name: string): Policy | null {
  const text = textOf(tree.get(name));
  return text === null ? null : policy(text);
}

function saidOf({ tree }: Golden): JsonObject {
  const said = tree.get("call");
  if (!(said instanceof Map)) throw new Error("a golden decision without a call");
  return said;
}

const methodOf = (golden: Golden): string => String(saidOf(golden).get("method"));

function callOf(golden: Golden): Call | null {
  const method = methodOf(golden);
  const name = saidOf(golden).get("name");
  if (typeof name !== "string") return null;
  const args = saidOf(golden).get("arguments");
  const kind = method === "tools/call" ? "tool" : method.startsWith("resources/") ? "resource" : "prompt";
  return { method, kind, name, arguments: args instanceof Map ? args : undefined };
}

interface Said {
  readonly server?: { readonly name: string };
  readonly grant?: Question["context"]["grant"];
  readonly member?: Question["context"]["member"];
  readonly client?: Question["context"]["client"];
  readonly now?: Question["context"]["now"];
  readonly frozen?: Question["frozen"];
}

function circumstancesOf(tree: JsonObject, call: Call): Omit<Question, "call" | "team" | "server"> {
  const said = toPlain(tree.get("context") ?? new Map()) as Said;
  const listed = tree.get("tools");
  const pins = Array.isArray(listed) ? listed : [call.name, ...innerNames(call.arguments ?? null)];
  return {
    frozen: said.frozen ?? "off",
    tools: new Map(pins.map(pinOf)),
    quarantined: new Set(
      pins.filter((pin) => pin instanceof Map && pin.get("quarantined") === true).map((pin) => pinOf(pin)[0]),
    ),
    context: {
      server: said.server ?? { name: "" },
      grant: said.grant ?? { label: "", tags: [] },
      member: said.member ?? null,
      client: said.client ?? null,
      now: said.now ?? { hour: 9, weekday: 1, date: "2026-11-02" },
    },
  };
}

/** Every name under a `tool` anywhere in the arguments: without a list of tools all of them count as known. */
function innerNames(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(innerNames);
  if (!(value instanceof Map)) return [];
  const name = value.get("tool");
  return [...(typeof name === "string" ? [name] : []), ...[...value.values()].flatMap(innerNames)];
}

function pinOf(pin: Json): [string, ToolFacts] {
  if (!(pin instanceof Map)) return [String(pin), { category: "", risk: "" }];
  const text = (name: string) => String(pin.get(name) ?? "");
  return [text("name"), { category: text("category"), risk: text("risk") }];
}
