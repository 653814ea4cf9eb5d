import type { WallClock } from "./zone.ts";

/** What a calendar window may be as long as. */
export type Unit = "second" | "minute" | "hour" | "day" | "week" | "month";

/** One calendar window: from its first instant up to, not including, the next one's. Milliseconds. */
export interface Period {
  readonly fromMs: number;
  readonly untilMs: number;
}

const dayMs = 86_400_000;
const fixedMs = { second: 1_000, minute: 60_000, hour: 3_600_000 } as const;
// No zone is further from UTC than 15 h, and none has changed its offset twice within three days.
const reachMs = 1.5 * dayMs;

/**
 * The calendar window that holds `nowMs` (policy.md §5). Days, weeks (from Monday) and months begin with the first instant
 * of the local day, so they are as long as summer time makes them; smaller units are UTC's.
 */
export function periodAt(unit: Unit, wall: WallClock, nowMs: number): Period {
  switch (unit) {
    case "second":
    case "minute":
    case "hour": {
      const fromMs = Math.floor(nowMs / fixedMs[unit]) * fixedMs[unit];
      return { fromMs, untilMs: fromMs + fixedMs[unit] };
    }
    case "day":
    case "week":
    case "month":
      return localPeriod(unit, wall, nowMs);
  }
}

function localPeriod(unit: "day" | "week" | "month", wall: WallClock, nowMs: number): Period {
  let date = firstDate(unit, wall(nowMs));
  let untilMs = firstInstant(wall, nextDate(unit, date));
  // Where clocks are put back across midnight, the old date's last hour comes again, and belongs to the new one.
  while (untilMs <= nowMs) {
    date = nextDate(unit, date);
    untilMs = firstInstant(wall, nextDate(unit, date));
  }
  return { fromMs: firstInstant(wall, date), untilMs };
}

/** The date on which the unit began that holds a wall-clock reading; dates are midnights as if in UTC. */
function firstDate(unit: "day" | "week" | "month", wallMs: number): number {
  const date = Math.floor(wallMs / dayMs) * dayMs;
  if (unit === "day") return date;
  const read = new Date(date);
  if (unit === "month") return Date.UTC(read.getUTCFullYear(), read.getUTCMonth(), 1);
  return date - ((read.getUTCDay() + 6) % 7) * dayMs;
}

function nextDate(unit: "day" | "week" | "month", date: number): number {
  if (unit === "day") return date + dayMs;
  if (unit === "week") return date + 7 * dayMs;
  const read = new Date(date);
  return Date.UTC(read.getUTCFullYear(), read.getUTCMonth() + 1, 1);
}

/** The first instant at which the wall clock shows `date` or later: midnight, unless a change of offset skips it. */
function firstInstant(wall: WallClock, date: number): number {
  const offsetAt = (instantMs: number): number => wall(instantMs) - instantMs;
  const before = offsetAt(date - reachMs);
  const midnight = date - before;
  if (offsetAt(midnight) === before) return midnight;
  const change = firstChange(offsetAt, before, date - reachMs, midnight);
  return wall(change) >= date ? change : date - offsetAt(midnight);
}

/** The first instant after `sinceMs` and up to `byMs` with an offset other than `before`. */
function firstChange(
  offsetAt: (instantMs: number) => number,
  before: number,
  sinceMs: number,
  byMs: number,
): number {
  let same = sinceMs;
  let changed = byMs;
  while (changed - same > 1) {
    const middle = Math.floor((same + changed) / 2);
    if (offsetAt(middle) === before) same = middle;
    else changed = middle;
  }
  return changed;
}
