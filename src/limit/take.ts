import { append, nextReturnMs, roomAtMs, type Series, taken } from "./series.ts";

/** One limit that a call must fit under. Amounts and `max` are in millionths. */
export interface Charge {
  /** Which series: layer, server, counter (and whether it counts in shadow). */
  readonly series: string;
  readonly counter: string;
  readonly rule: string;
  readonly windowMs: number;
  readonly max: bigint;
  readonly amount: bigint;
  /** Counts past its max and refuses nothing. */
  readonly shadow: boolean;
  /** What the agent reads when this limit refuses. */
  readonly text: string;
}

/** How one limit stands after the call. */
export interface Standing {
  readonly charge: Charge;
  readonly taken: bigint;
  /** When room for one more such call comes, if none else is made; null where it never does. */
  readonly roomAtMs: number | null;
  /** When the first of what was taken comes back. */
  readonly returnsAtMs: number;
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
): Taking {
  const standing = (charge: Charge, extra: bigint): Standing => {
    const series = book.get(charge.series) ?? [];
    const after = extra > 0n ? append(series, nowMs, extra) : series;
    return {
      charge,
      taken: taken(after, nowMs, charge.windowMs),
      roomAtMs: roomAtMs(after, nowMs, charge.windowMs, charge.max, charge.amount),
      returnsAtMs: nextReturnMs(after, nowMs, charge.windowMs),
    };
  };
  const enforced = charges.filter((charge) => !charge.shadow);
  const before = enforced.map((charge) => standing(charge, 0n));
  const refusedBy = before.find((state) => state.taken + state.charge.amount > state.charge.max);
  if (refusedBy) return { ok: false, refusedBy, standings: before };
  const take = new Map(charges.map((charge) => [charge.series, charge.amount]));
  return { ok: true, take, standings: enforced.map((charge) => standing(charge, charge.amount)) };
}
