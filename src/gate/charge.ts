import type { GrantId, UserId } from "../id.ts";
import type { Unit } from "../limit/period.ts";
import type { Charge } from "../limit/take.ts";
import type { Obligation } from "../policy/evaluate.ts";
import type { Route } from "./snapshot.ts";

export type Count = Extract<Obligation, { type: "count" }>;

/** Whose calls a counter may pool. */
export interface Subject {
  readonly id: GrantId;
  readonly member: { readonly id: UserId } | null;
}

/** The duty to count as a charge on one series (policy.md §5). */
export function toCharge(duty: Count, { id: server }: Pick<Route["server"], "id">, grant: Subject): Charge {
  const { layer, scope, counter, shadow } = duty;
  const place = layer === "team" ? "" : server;
  const subject = subjectOf(duty, server, grant);
  const key = [layer, place, scope, counter, shadow];
  return {
    series: JSON.stringify(subject === null ? key : [...key, subject]),
    shared: subject !== null,
    counter,
    rule: duty.rule,
    windowMs: duty.windowMs,
    unit: unitOf(duty),
    max: duty.maxMicros,
    amount: duty.amount,
    perCall: duty.incrementFrom === null,
    shadow,
    text: `${duty.text} reached for ${duty.tool}.`,
  };
}

/** What other grants can have in common with this one; null where none can, and the gate counts by itself. */
function subjectOf({ scope }: Pick<Count, "scope">, server: string, grant: Subject): string | null {
  switch (scope) {
    case "grant":
      return null;
    case "member":
      return grant.member?.id ?? null;
    case "server":
      return server;
    case "team":
      return "";
  }
}

const units: Readonly<Record<string, Unit>> = {
  second: "second",
  minute: "minute",
  hour: "hour",
  day: "day",
  week: "week",
  month: "month",
};

function unitOf({ algorithm, window }: Pick<Count, "algorithm" | "window">): Unit | null {
  if (algorithm === "sliding") return null;
  const unit = units[window];
  if (!unit) throw new Error(`no calendar has a window of ${window}`);
  return unit;
}
