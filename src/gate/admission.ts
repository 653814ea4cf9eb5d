import type { DecisionEntry, Verdict } from "../audit/entry.ts";
import type { Standing, Taking } from "../limit/take.ts";
import type { Refusal } from "../mcp/refuse.ts";
import { type ListRules, listFilter, listRules } from "../policy/list.ts";
import type { Judged } from "./judge.ts";
import type { LimitState, Listed, Upstream } from "./rpc.ts";
import type { Compiled, CompiledRoute } from "./standing.ts";

/** Where an allowed message goes. */
export const upstreamOf = ({ route }: CompiledRoute): Upstream => ({
  serverId: route.server.id,
  url: route.server.url,
  credential: route.credential,
});

/** Which policy decided, for the record. */
export const namePolicy = ({ route }: CompiledRoute): DecisionEntry["policy"] =>
  route.policy && { id: route.policy.id, name: route.policy.name, revision: route.policy.revision };

/** The verdict after the limits had their say. */
export function outcomeOf(
  judged: Judged,
  taking: Taking | null,
): { readonly verdict: Verdict; readonly rule: string; readonly reason: string } {
  if (!taking || taking.ok) return judged;
  const { rule, text } = taking.refusedBy.charge;
  return { verdict: "limited", rule, reason: text };
}

/** What the agent is told, with the wait until the refusing limit has room. */
export function refusalOf(
  verdict: Exclude<Verdict, "allowed">,
  rule: string,
  reason: string,
  taking: Taking | null,
  nowMs: number,
): Refusal {
  const roomAtMs = taking && !taking.ok ? taking.refusedBy.roomAtMs : null;
  return { outcome: verdict, rule, reason, retryAfterMs: roomAtMs === null ? null : roomAtMs - nowMs };
}

/** A limit for the `RateLimit` headers, in whole calls. */
export function limitState({ charge, taken, returnsAtMs }: Standing, nowMs: number): LimitState {
  const left = charge.max - taken;
  return {
    counter: charge.counter,
    max: Number(charge.max / 1_000_000n),
    windowMs: charge.windowMs,
    remaining: left > 0n ? Number(left / 1_000_000n) : 0,
    resetMs: returnsAtMs - nowMs,
  };
}

/** The names that lists may show: permitted by every layer and, for tools, pinned. */
export function listedOf(compiled: Compiled, { route, policy }: CompiledRoute): Listed {
  const rules = (kind: "tool" | "resource" | "prompt"): readonly ListRules[] => {
    const server = listRules(policy, kind, route.server.slug);
    return compiled.snapshot.team.policy
      ? [listRules(compiled.team, kind, route.server.slug), server]
      : [server];
  };
  const shows = listFilter(rules("tool"));
  const shown = route.pins.filter((pin) => shows(pin.name));
  return {
    tools: new Map(shown.map((pin) => [pin.name, pin.hash])),
    resources: rules("resource"),
    prompts: rules("prompt"),
  };
}
