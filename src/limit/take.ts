import type { Calendar } from "./calendar.ts";
import { append, type Series } from "./series.ts";
import { type Cap, type Reading, readWindow } from "./window.ts";

/** One limit that a call must fit under. Amounts and `max` are in millionths. */
export interface Charge extends Cap {
  /** Which series: layer, server, scope, counter (and whether it counts in shadow), subject. */
  readonly series: string;
  /** Kept by a `SharedCounter`, because other grants count there too. */
  readonly shared: boolean;
  readonly counter: string;
  readonly rule: string;
  readonly amount: bigint;
  /** Counts past its max and refuses nothing. */
  readonly shadow: boolean;
  /** What the agent reads when this limit refuses. */
  readonly text: string;
}

/** How one limit stands after the call. */
export interface Standing extends Reading {
  readonly charge: Charge;
}

export type Taking =
  | { readonly ok: true; readonly take: ReadonlyMap<string, bigint>; readonly standings: readonly Standing[] }
  | { readonly ok: false; readonly refusedBy: Standing; readonly standings: readonly Standing[] };

/**
 * Tests every charge, and says what to take from which series: all of them or none. A call adds to a series once,
 * however many limits name it (policy.md §5); the first limit in order that has no room is the one that refuses.
 */
export function takeAll(
  book: ReadonlyMap<string, Series>,
  charges: readonly Charge[],
  nowMs: number,
  calendar: Calendar,
): Taking {
  const standing = (charge: Charge, extra: bigint): Standing => {
    const series = book.get(charge.series) ?? [];
    const after = extra > 0n ? append(series, nowMs, extra) : series;
    return { charge, ...readWindow(after, charge, charge.amount, nowMs, calendar) };
  };
  const enforced = charges.filter((charge) => !charge.shadow);
  const before = enforced.map((charge) => standing(charge, 0n));
  const refusedBy = before.find(refuses);
  if (refusedBy) return { ok: false, refusedBy, standings: before };
  const take = new Map(charges.map((charge) => [charge.series, charge.amount]));
  return { ok: true, take, standings: enforced.map((charge) => standing(charge, charge.amount)) };
}

const refuses = ({ charge, taken }: Standing): boolean => taken + charge.amount > charge.max;
