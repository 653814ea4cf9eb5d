import type { Calendar } from "./calendar.ts";
import type { Unit } from "./period.ts";
import { nextReturnMs, roomAtMs, type Series, taken, takenSince } from "./series.ts";

/** How much of a counter one limit lets through in one window. */
export interface Cap {
  /** Of a calendar window, the longest that it can be. */
  readonly windowMs: number;
  /** Set where the window is a calendar's; null where it slides. */
  readonly unit: Unit | null;
  /** In millionths. */
  readonly max: bigint;
}

/** How full a window is. */
export interface Reading {
  /** In millionths. */
  readonly taken: bigint;
  /** When there is room for the amount asked for, if nothing else is taken; null where there never is. */
  readonly roomAtMs: number | null;
  /** When some of what was taken comes back: of a calendar window its end. */
  readonly returnsAtMs: number;
}

/** The first instant that the window counts which ends at `nowMs`, or which holds it. */
export const windowStartMs = (
  { windowMs, unit }: Pick<Cap, "windowMs" | "unit">,
  nowMs: number,
  calendar: Calendar,
): number => (unit === null ? nowMs - windowMs : calendar.period(unit, nowMs).fromMs);

/** Reads a counter by one limit, with `amount` in mind. */
export function readWindow(
  series: Series,
  { windowMs, unit, max }: Cap,
  amount: bigint,
  nowMs: number,
  calendar: Calendar,
): Reading {
  if (unit === null) {
    return {
      taken: taken(series, nowMs, windowMs),
      roomAtMs: roomAtMs(series, nowMs, windowMs, max, amount),
      returnsAtMs: nextReturnMs(series, nowMs, windowMs),
    };
  }
  const { fromMs, untilMs } = calendar.period(unit, nowMs);
  const sum = takenSince(series, fromMs);
  const fitsAtMs = sum + amount <= max ? nowMs : untilMs;
  return { taken: sum, roomAtMs: amount > max ? null : fitsAtMs, returnsAtMs: untilMs };
}

/**
 * The same window once `amount` is taken from it now, by how it stood before; with the same amount in mind. Null where that
 * alone does not tell: the series must be read.
 */
export function readAfter(
  before: Reading,
  { windowMs, unit, max }: Cap,
  amount: bigint,
  nowMs: number,
): Reading | null {
  if (amount === 0n) return before;
  const sum = before.taken + amount;
  if (sum + amount > max) return null;
  const isEmpty = before.returnsAtMs <= nowMs;
  const returnsAtMs = unit === null && isEmpty ? nowMs + windowMs + 1 : before.returnsAtMs;
  return { taken: sum, roomAtMs: nowMs, returnsAtMs };
}
