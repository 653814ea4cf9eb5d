import { type Period, periodAt, type Unit } from "../../src/limit/period.ts";
import { type Notice, usableMs } from "../../src/limit/reservation.ts";
import type { Cap } from "../../src/limit/window.ts";
import { wallClock } from "../../src/limit/zone.ts";

interface Call {
  readonly id: string;
  readonly atMs: number;
  readonly amount: bigint;
  /** Until the counter knows that it was used, it may count as taken at any time. */
  told: boolean;
  /** The latest time at which the counter may have it. */
  countedMs: number;
  returned: boolean;
}

// No word is on its way for longer.
const minuteMs = 60_000;

/** A plain list of what was admitted, series by series: nothing is merged, folded or forgotten. */
export class LimitOracle {
  readonly calls = new Map<string, Call[]>();
  readonly violations: string[] = [];
  readonly seen = { admitted: 0, refused: 0, returned: 0, assumed: 0, void: 0 };
  readonly #byId = new Map<string, Call>();
  readonly #granted = new Map<string, { series: string; amount: bigint; atMs: number }>();
  readonly #periods = new Map<Unit, Period>();
  readonly #zone: string;

  constructor(zone: string) {
    this.#zone = zone;
  }

  granted(series: string, id: string, amount: bigint, atMs: number): void {
    this.#granted.set(id, { series, amount, atMs });
  }

  admitted(series: string, id: string, amount: bigint, atMs: number, told: boolean): void {
    this.seen.admitted++;
    this.#add(series, { id, atMs, amount, told, countedMs: atMs, returned: false });
  }

  #add(series: string, call: Call): void {
    const calls = this.calls.get(series) ?? [];
    calls.splice(calls.findLastIndex(({ atMs }) => atMs <= call.atMs) + 1, 0, call);
    this.calls.set(series, calls);
    this.#byId.set(call.id, call);
  }

  /** What a counter has heard. */
  told(series: string, notices: readonly Notice[]): void {
    for (const notice of notices) {
      const { id, end } = notice;
      const granted = this.#granted.get(id);
      const call = this.#byId.get(id);
      this.#granted.delete(id);
      if (call) call.told = true;
      // A counter knows how long a message to it took only as part of the whole: by that much it may count late.
      if (end === "used" && call && granted) call.countedMs = granted.atMs + notice.elapsedMs;
      if (end === "returned" && call && !call.returned) this.#return(call);
      if (end === "void") this.seen.void++;
      if (end !== "assumed" || !granted) continue;
      this.seen.assumed++;
      const countedMs = granted.atMs + usableMs;
      if (call) call.countedMs = countedMs;
      else
        this.#add(series, {
          id,
          atMs: countedMs,
          amount: granted.amount,
          told: true,
          countedMs,
          returned: false,
        });
    }
  }

  /** The gate's own counters have it back at once; shared ones when they hear of it. */
  returnedHere(ids: readonly string[]): void {
    for (const id of ids) {
      const call = this.#byId.get(id);
      if (call && !this.#granted.has(id) && id.includes(" ")) this.#return(call);
    }
  }

  #return(call: Call): void {
    call.returned = true;
    this.seen.returned++;
  }

  /** Never over: with the call that was just admitted, no window holds more than max. */
  check(series: string, { unit, windowMs, max }: Cap, nowMs: number, skewMs: number): void {
    const fromMs = unit === null ? nowMs - windowMs : this.#period(unit, nowMs + skewMs).fromMs - skewMs;
    const sum = this.#sum(series, fromMs, ({ atMs }) => atMs >= fromMs);
    if (sum > max) this.violations.push(`${series}: ${sum} of ${max} in ${unit ?? windowMs} at ${nowMs}`);
  }

  /** Never late: a limit that refuses must have been full within a hundredth of its window, and a message's way. */
  refused(series: string, caps: readonly Cap[], amount: bigint, nowMs: number, skewMs: number): void {
    this.seen.refused++;
    const waiting = [...this.#granted]
      .filter(([id, one]) => one.series === series && !this.#byId.has(id))
      .reduce((sum, [, one]) => sum + one.amount, 0n);
    const full = caps.some(({ unit, windowMs, max }) => {
      const fromMs =
        unit === null ? nowMs - windowMs * 1.01 : this.#period(unit, nowMs + skewMs).fromMs - skewMs;
      const taken = this.#sum(
        series,
        fromMs - minuteMs,
        ({ told, countedMs }) => !told || countedMs >= fromMs,
      );
      return taken + waiting + amount > max;
    });
    if (!full) this.violations.push(`${series}: refused with room at ${nowMs}`);
  }

  /** What the series must add up to once all is told: refused calls have left nothing. */
  total(series: string): bigint {
    return this.#sum(series, 0, () => true);
  }

  #sum(series: string, sinceMs: number, which: (call: Call) => boolean): bigint {
    const calls = this.calls.get(series) ?? [];
    let sum = 0n;
    for (let i = calls.length - 1; i >= 0; i--) {
      const call = calls[i];
      if (!call || call.atMs < sinceMs) break;
      if (!call.returned && which(call)) sum += call.amount;
    }
    return sum;
  }

  #period(unit: Unit, atMs: number): Period {
    const known = this.#periods.get(unit);
    if (known && known.fromMs <= atMs && atMs < known.untilMs) return known;
    const period = periodAt(unit, wallClock(this.#zone), atMs);
    this.#periods.set(unit, period);
    return period;
  }
}
