import type { Take } from "./book.ts";
import type { Calendar } from "./calendar.ts";
import { append, type Series } from "./series.ts";
import { type Cap, type Reading, readAfter, readWindow } from "./window.ts";

/** One limit that a call must fit under. Amounts and `max` are in millionths. */
export interface Charge extends Cap {
  /** Which series: layer, server, scope, counter (and whether it counts in shadow), subject. */
  readonly series: string;
  /** Kept by a `SharedCounter`, because other grants count there too. */
  readonly shared: boolean;
  readonly counter: string;
  readonly rule: string;
  readonly amount: bigint;
  /** It counts calls; else it sums up an argument of theirs. */
  readonly perCall: boolean;
  /** Counts past its max and refuses nothing. */
  readonly shadow: boolean;
  /** What the agent reads when this limit refuses. */
  readonly text: string;
}

/** How one limit stands after the call. */
export interface Standing extends Reading {
  readonly charge: Charge;
}

/** How the limits stood before the call; and, where all have room, what to take and how they stand after it. */
export type Taking =
  | {
      readonly ok: true;
      readonly before: readonly Standing[];
      readonly takes: readonly Take[];
      readonly after: readonly Standing[];
    }
  | { readonly ok: false; readonly before: readonly Standing[] };

/**
 * Tests the charges on a gate's own series, and says what to take: all of them or none. A call adds to a series once,
 * however many limits name it (policy.md §5).
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
  const standingAfter = (one: Standing): Standing => {
    const { charge } = one;
    const after = readAfter(one, charge, charge.amount, nowMs);
    return after ? { ...one, ...after } : standing(charge, charge.amount);
  };
  const enforced = charges.filter((charge) => !charge.shadow);
  const before = enforced.map((charge) => standing(charge, 0n));
  if (before.some(isOver)) return { ok: false, before };
  const amounts = new Map(charges.map((charge) => [charge.series, charge.amount]));
  return {
    ok: true,
    before,
    takes: [...amounts].map(([series, amount]) => ({ series, amount, held: null })),
    after: before.map(standingAfter),
  };
}

/** Whether a limit refuses, as it stands before the call. */
export const isOver = ({ charge, taken }: Standing): boolean => taken + charge.amount > charge.max;
