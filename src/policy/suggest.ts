import { fromPlain, type Json, type JsonObject } from "../json/value.ts";
import { type Kind, keyTable, lookUp } from "./key.ts";
import { listFilter, listRules } from "./list.ts";
import { isAlwaysAllowed, isJudgedByName } from "./method-names.ts";
import type { Limit, Policy, Rule } from "./rule.ts";
import {
  type Evidence,
  evidenceOf,
  type Gap,
  gapsOf,
  type LeftOut,
  type Permitted,
  type Rate,
  type UsedServer,
  wholeGaps,
} from "./suggest-reasons.ts";
import { peak, type Use, withHeadroom } from "./use.ts";

export type { Evidence, Gap, UsedServer } from "./suggest-reasons.ts";

/** A policy that permits what was used, and why it says what it says. */
export interface Suggestion {
  readonly document: JsonObject | null;
  readonly evidence: readonly Evidence[];
  readonly notKnown: readonly Gap[];
}

const sections: readonly [section: string, kind: Kind][] = [
  ["tools", "tool"],
  ["resources", "resource"],
  ["prompts", "prompt"],
];
const rewritten = new Set(["$schema", "version", "description", "default", "mode", "methods", "tools"]);
const windows = [
  ["minute", 60_000],
  ["hour", 3_600_000],
] as const;
const keysMax = 2_000;
const keyMax = 1_024;

/**
 * The least that still permits these uses: default deny, what was used by name, each with the rule that it has now and
 * the highest rates that were seen with headroom. Never looser than the current policy: what that denies is left out.
 */
export function suggestPolicy(server: UsedServer, uses: readonly Use[]): Suggestion {
  const counters = countersOf(server.current);
  const judged = sections.flatMap(([, kind]) => {
    const permits = permitsOf(server, kind);
    const its = uses.filter((use) => use.kind === kind);
    return fewEnough(its.map((use) => permit(server, use, permits, counters)));
  });
  const kept = judged.filter(isPermitted);
  return {
    document: documentOf(server, kept),
    evidence: kept.map(({ evidence }) => evidence),
    notKnown: [...wholeGaps(server), ...judged.flatMap(gapsOf)],
  };
}

const isPermitted = (one: Permitted | LeftOut): one is Permitted => "rule" in one;

/** The most used, as many as one section takes. */
function fewEnough(judged: readonly (Permitted | LeftOut)[]): (Permitted | LeftOut)[] {
  let names = 0;
  return judged.map((one) =>
    isPermitted(one) && ++names > keysMax ? { use: one.use, why: `a policy names at most ${keysMax}` } : one,
  );
}

/** Which names the current policy does not deny always. */
const permitsOf = ({ current }: UsedServer, kind: Kind): ((name: string) => boolean) =>
  current ? listFilter([listRules(current, kind, null)]) : () => true;

function permit(
  server: UsedServer,
  use: Use,
  permits: (name: string) => boolean,
  counters: ReadonlySet<string>,
): Permitted | LeftOut {
  const { kind, name } = use;
  if (kind === "tool" && !server.pinned.has(name))
    return { use, why: "it has no accepted definition any more" };
  if (!permits(name)) return { use, why: "the policy that is attached now denies it always" };
  const key = keyOf(use);
  if (key === null) return { use, why: "no key can name it" };
  const from = ruleInForce(server, use);
  const limits = kind === "tool" ? ratesOf(use, from, freeCounter(counters, name)) : [];
  const rule = withLimits(from ? documentRule(server, kind, from) : new Map(), limits);
  return { use, key, rule, from, evidence: evidenceOf(use, limits, from) };
}

/** The name as a key, where that means this name and no other. */
function keyOf({ kind, name }: Use): string | null {
  const means = (key: string): boolean =>
    key.length <= keyMax && key !== "__proto__" && lookUp(keyTable([[key, true]], kind), null, name) === true;
  return means(name) ? name : null;
}

/** The rule that refuses now; one in shadow refuses nothing. */
function ruleInForce({ current }: UsedServer, { kind, name }: Use): Rule | null {
  const rule = current ? lookUp(current.ruleFor[kind], null, name) : undefined;
  if (!rule || !current) return null;
  const shadow = rule.mode ? rule.mode === "shadow" : current.shadow;
  return shadow ? null : rule;
}

function documentRule({ current }: UsedServer, kind: Kind, rule: Rule): JsonObject {
  const section = sections.find(([, its]) => its === kind)?.[0] ?? "";
  const rules = current?.document instanceof Map ? current.document.get(section) : undefined;
  const written = rules instanceof Map ? rules.get(rule.key) : undefined;
  return written instanceof Map ? written : new Map();
}

/** The rates that were seen, with headroom, less those that the rule keeps lower anyway. */
function ratesOf(use: Use, from: Rule | null, counter: string): Rate[] {
  if (use.allowedAtMs.length === 0) return [];
  return windows.flatMap(([window, windowMs]) => {
    const max = withHeadroom(peak(use.allowedAtMs, windowMs));
    const lower = from?.limits.some((limit) => isLower(limit, windowMs, max)) ?? false;
    return lower ? [] : [{ counter, window, max, scope: "grant" as const }];
  });
}

const isLower = (limit: Limit, windowMs: number, max: number): boolean =>
  limit.windowMs === windowMs &&
  limit.scope === "grant" &&
  limit.incrementFrom === null &&
  limit.maxMicros <= BigInt(max) * 1_000_000n;

function countersOf(current: Policy | null): ReadonlySet<string> {
  const checks = current ? [current.allTools, ...Object.values(current.rules).flat()] : [];
  return new Set(checks.flatMap(({ limits }) => limits.map(({ counter }) => counter)));
}

/** A counter that nothing of the current policy adds to: others' calls must not count here. */
function freeCounter(taken: ReadonlySet<string>, name: string): string {
  for (let number = 1; ; number++) {
    const counter = number === 1 ? `${name}_rate` : `${name}_rate_${number}`;
    if (!taken.has(counter)) return counter;
  }
}

function withLimits(rule: JsonObject, rates: readonly Rate[]): JsonObject {
  const limits = rule.get("limits");
  const all = [...(Array.isArray(limits) ? limits : []), ...rates.map(fromPlain)];
  return all.length === 0 ? rule : new Map([...rule, ["limits", all]]);
}

function documentOf({ current }: UsedServer, kept: readonly Permitted[]): JsonObject {
  const rest = current && !current.shadow && current.document instanceof Map ? current.document : [];
  const methods = methodsOf(current, kept);
  return new Map<string, Json>([
    ["version", "1"],
    ["default", "deny"],
    ...[...rest].filter(([key]) => !rewritten.has(key) && !sections.some(([section]) => section === key)),
    ...(methods.size > 0 ? [["methods", methods] as const] : []),
    ...sections.flatMap(([section, kind]): [string, Json][] => {
      const rules = kept.filter(({ use }) => use.kind === kind).map(({ key, rule }) => [key, rule] as const);
      return rules.length > 0 || kind === "tool" ? [[section, new Map(rules)]] : [];
    }),
  ]);
}

/** Those that are allowed now, since what names nothing leaves no decision, and those that were seen. */
function methodsOf(current: Policy | null, kept: readonly Permitted[]): JsonObject {
  const seen = kept.flatMap(({ use }) => [...use.methods]);
  const needed = seen.filter((method) => !isJudgedByName(method) && !isAlwaysAllowed(method));
  return new Map([...(current?.methods ?? []), ...needed.map((method) => [method, "allow"] as const)]);
}
