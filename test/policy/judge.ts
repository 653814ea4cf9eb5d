import { readJson } from "../../src/json/read.ts";
import type { JsonObject } from "../../src/json/value.ts";
import { type Policy, readPolicy } from "../../src/policy/document.ts";
import { type Decision, evaluate, type Question, type ToolFacts } from "../../src/policy/evaluate.ts";

/** The compiled policy of a document that must be without mistakes. */
export function policy(document: unknown): Policy {
  const read = readPolicy(typeof document === "string" ? document : JSON.stringify(document));
  if (!read.ok) throw new Error(JSON.stringify(read.errors, null, 1));
  return read.policy;
}

/** Arguments from their source text, so that numbers stay as written. */
export function argumentsOf(text: string): JsonObject {
  const read = readJson(text);
  if (!read.ok || !(read.value instanceof Map)) throw new Error(`not arguments: ${text}`);
  return read.value;
}

export const context: Question["context"] = {
  server: { name: "github" },
  grant: { label: "ci", tags: ["nightly", "eu"] },
  member: { email: "ada@example.com", role: "admin" },
  client: { name: "inspector" },
  now: { hour: 9, weekday: 1, date: "2026-11-02" },
};

const pins: ReadonlyMap<string, ToolFacts> = new Map(
  ["pay", "read_status", "delete_branch", "batch", "send", "look"].map((name) => [
    name,
    { category: name === "look" ? "Read" : "Write", risk: "medium" },
  ]),
);

export interface Asked extends Partial<Omit<Question, "call">> {
  readonly name?: string;
  readonly args?: string;
  readonly call?: Partial<Question["call"]>;
}

/** Judges `pay` (or another tool) by a server policy, everything else as it usually is. */
export function judge(document: unknown, asked: Asked = {}): Decision {
  const { name = "pay", args, call, ...rest } = asked;
  return evaluate({
    call: {
      method: "tools/call",
      kind: "tool",
      name,
      arguments: args === undefined ? undefined : argumentsOf(args),
      ...call,
    },
    team: null,
    server: document === null ? null : policy(document),
    frozen: "off",
    tools: pins,
    context,
    ...rest,
  });
}

/** A policy with one tool, `pay`, and this rule for it. */
export const onPay = (rule: unknown) => ({ version: "1", default: "deny", tools: { pay: rule } });

/** Effect, rule and reason: what most promises are about. */
export const verdict = ({ effect, rule, reason }: Decision) => ({ effect, rule, reason });

export const allow = { effect: "allow", rule: "", reason: "" };

export const deny = (rule: string, reason = `Denied by rule ${rule}.`) => ({ effect: "deny", rule, reason });
