import type { Approval } from "../approval/approval.ts";
import type { DecisionEntry, Verdict } from "../audit/entry.ts";
import type { Take } from "../limit/book.ts";
import type { Calendar } from "../limit/calendar.ts";
import { decimalText, oneCall, type Series } from "../limit/series.ts";
import { type Charge, isOver, type Standing, type Taking, takeAll } from "../limit/take.ts";
import type { Refusal } from "../mcp/refuse.ts";
import { type ListRules, listFilter, listRules } from "../policy/list.ts";
import type { Met } from "./approvals.ts";
import { type Held, standingsOf } from "./hold.ts";
import type { Judged } from "./judge.ts";
import type { LimitState, Listed, Upstream, WaitsFor } from "./rpc.ts";
import type { Compiled, CompiledRoute } from "./standing.ts";

/** Where an allowed message goes. */
export const upstreamOf = ({ route, refusedRequests }: CompiledRoute): Upstream => ({
  serverId: route.server.id,
  url: route.server.url,
  credential: route.credential,
  refusedRequests,
});

/** Which policy decided, for the record. */
export const namePolicy = ({ route }: CompiledRoute): DecisionEntry["policy"] =>
  route.policy && { id: route.policy.id, name: route.policy.name, revision: route.policy.revision };

/** How all limits of a call answered; `unreachable` is one whose counter could not be asked. */
export type Limits =
  | { readonly ok: true; readonly takes: readonly Take[]; readonly standings: readonly Standing[] }
  | { readonly ok: false; readonly refusedBy: Standing; readonly standings: readonly Standing[] }
  | { readonly ok: false; readonly unreachable: Charge; readonly standings: readonly Standing[] };

/** The gate's own limits and the shared ones together: all have room, or the first in order without is the one that refuses. */
export function together(
  charges: readonly Charge[],
  own: Taking,
  held: readonly Held[],
  nowMs: number,
): Limits {
  const before = ordered(charges, [...own.before, ...standingsOf(held, "before", nowMs)]);
  const refused = new Set(held.flatMap((one) => (one.reserved?.granted === false ? one.charges : [])));
  const refusedBy = before.find(
    (one) => isOver(one) && (one.charge.shared ? refused.has(one.charge) : !own.ok),
  );
  if (refusedBy) return { ok: false, refusedBy, standings: before };
  const asked = new Set(held.flatMap(({ series, reserved }) => (reserved ? [series] : [])));
  const unreachable = charges.find(({ shared, shadow, series }) => shared && !shadow && !asked.has(series));
  if (unreachable) return { ok: false, unreachable, standings: before };
  if (!own.ok) throw new Error("limits refused a call, and none of them did");
  const after = ordered(charges, [...own.after, ...standingsOf(held, "after", nowMs)]);
  return { ok: true, takes: own.takes, standings: after };
}

/**
 * The limits of a call that goes on from a round that counted it: nothing is taken and no shared counter is asked. One refuses
 * where more was taken than it lets through, or where this call alone would be too much for it: it was edited meanwhile.
 */
export function testOnly(
  book: ReadonlyMap<string, Series>,
  charges: readonly Charge[],
  nowMs: number,
  calendar: Calendar,
): Limits {
  const tested = charges.map((charge) => ({
    ...charge,
    amount: charge.amount > charge.max ? charge.amount : 0n,
  }));
  const taking = takeAll(book, tested, nowMs, calendar);
  const own = (standings: readonly Standing[]) => standings.filter(({ charge }) => !charge.shared);
  if (taking.ok) return { ok: true, takes: [], standings: own(taking.after) };
  const refusedBy = taking.before.find(isOver);
  if (!refusedBy) throw new Error("limits refused a call, and none of them did");
  return { ok: false, refusedBy, standings: own(taking.before) };
}

const ordered = (charges: readonly Charge[], standings: readonly Standing[]): Standing[] =>
  charges.flatMap((charge) => standings.find((one) => one.charge === charge) ?? []);

/** Whether the rules would let it go, with a person's approval or without. */
export const mayGo = ({ verdict }: Pick<Judged, "verdict">): boolean =>
  verdict === "allowed" || verdict === "approval_required";

/** The verdict after the limits and the approval had their say; `met` is null where no person is asked. */
export function outcomeOf(
  judged: Judged,
  limits: Limits | null,
  met: Met | null,
): { readonly verdict: Verdict; readonly rule: string; readonly reason: string } {
  if (limits && !limits.ok) return limitOutcome(limits);
  const { rule } = judged;
  switch (met?.state) {
    case undefined:
    case "pending":
      return judged;
    case "approved":
      return { verdict: "allowed", rule, reason: `Approved by a person: ${met.approval.id}.` };
    case "refused":
      return { verdict: "denied", rule, reason: refusedReason(met.approval) };
    case "crowded":
      return { verdict: "denied", rule, reason: "Too many calls of this grant wait for a person already." };
  }
}

function limitOutcome(limits: Extract<Limits, { ok: false }>): {
  readonly verdict: Verdict;
  readonly rule: string;
  readonly reason: string;
} {
  if ("refusedBy" in limits) {
    const { rule, text } = limits.refusedBy.charge;
    return { verdict: "limited", rule, reason: text };
  }
  const { rule, counter } = limits.unreachable;
  return {
    verdict: "denied",
    rule,
    reason: `The counter ${counter} cannot be asked, so the call is denied.`,
  };
}

function refusedReason({ id, ended }: Approval): string {
  const note = ended?.vote?.note;
  return note ? `A person refused this call (${id}): ${note}` : `A person refused this call (${id}).`;
}

/** The approval that a call waits for, or null where waiting would not help it. */
export function waitsFor(met: Met | null, { asks }: Judged): WaitsFor | null {
  if (met?.state !== "pending") return null;
  const { id, expiresAtMs } = met.approval;
  return { id, expiresAtMs, hold: Math.max(...asks.map(({ hold }) => hold)) };
}

/** What the agent is told, with the wait until the refusing limit has room. */
export function refusalOf(
  verdict: Exclude<Verdict, "allowed">,
  rule: string,
  reason: string,
  limits: Limits | null,
  nowMs: number,
): Refusal {
  if (!limits || limits.ok || !("refusedBy" in limits)) {
    return { outcome: verdict, rule, reason, retryAfterMs: null };
  }
  const { charge, taken, roomAtMs, returnsAtMs } = limits.refusedBy;
  const limit = {
    max: decimalText(charge.max),
    remaining: decimalText(charge.max > taken ? charge.max - taken : 0n),
    resetAtMs: returnsAtMs,
  };
  return { outcome: verdict, rule, reason, retryAfterMs: roomAtMs === null ? null : roomAtMs - nowMs, limit };
}

/**
 * A limit for the `RateLimit` headers, whose numbers are whole and mean requests: what is left is rounded down, and a limit
 * that sums an argument up, or has a fraction, cannot be said there.
 */
export function limitState({ charge, taken, returnsAtMs }: Standing, nowMs: number): LimitState[] {
  if (!charge.perCall || charge.max % oneCall !== 0n) return [];
  const left = charge.max - taken;
  return [
    {
      counter: charge.counter,
      max: Number(charge.max / oneCall),
      windowMs: charge.windowMs,
      remaining: left > 0n ? Number(left / oneCall) : 0,
      resetMs: returnsAtMs - nowMs,
    },
  ];
}

/** The names that lists may show: permitted by every layer and, for tools, pinned. */
export function listedOf(compiled: Compiled, { route, policy }: CompiledRoute): Listed {
  const rules = (kind: "tool" | "resource" | "prompt"): readonly ListRules[] => {
    const server = listRules(policy, kind, null);
    return compiled.snapshot.team.policy
      ? [listRules(compiled.team, kind, route.server.slug), server]
      : [server];
  };
  const shows = listFilter(rules("tool"));
  const { shown = [], hidden = [] } = Object.groupBy(route.pins, ({ name }) =>
    shows(name) ? "shown" : "hidden",
  );
  return {
    tools: new Map(shown.map((pin) => [pin.name, pin.hash])),
    others: [...hidden.map(({ hash }) => hash), ...(route.held ?? [])],
    resources: rules("resource"),
    prompts: rules("prompt"),
  };
}
