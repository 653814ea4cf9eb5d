import { leaseMs } from "../../src/limit/lease.ts";
import { type Period, periodAt, type Unit } from "../../src/limit/period.ts";
import { type Notice, partOf, usableMs } from "../../src/limit/reservation.ts";
import type { Cap } from "../../src/limit/window.ts";
import { wallClock } from "../../src/limit/zone.ts";

interface Call {
  readonly part: string;
  readonly atMs: number;
  readonly amount: bigint;
  /** Until the counter knows that it was used, it may count as taken at any time. */
  told: boolean;
  /** The latest time at which the counter may have it. */
  countedMs: number;
  returned: boolean;
  /** Which limits it fell under. */
  readonly caps: readonly string[];
  /** When it was granted, in the counter's order; and up to whom its limits were tested for it. */
  readonly nth: number;
  readonly upTo: number;
}

/** What a counter has granted and not heard the end of. */
interface Grant {
  readonly series: string;
  readonly amount: bigint;
  readonly atMs: number;
  readonly nth: number;
  readonly calls: Call[];
}

// No word is on its way for longer.
const minuteMs = 60_000;
const nameOf = ({ windowMs, unit, max }: Cap): string => `${windowMs} ${unit} ${max}`;
const sum = (amounts: readonly { readonly amount: bigint }[]): bigint =>
  amounts.reduce((total, { amount }) => total + amount, 0n);

/** A plain list of what was admitted, series by series: nothing is merged, folded or forgotten. */
export class LimitOracle {
  readonly calls = new Map<string, Call[]>();
  readonly violations: string[] = [];
  readonly seen = {
    admitted: 0,
    refused: 0,
    returned: 0,
    assumed: 0,
    void: 0,
    leases: 0,
    leased: 0,
    unused: 0,
    recalled: 0,
  };
  readonly #byPart = new Map<string, Call>();
  readonly #granted = new Map<string, Grant>();
  readonly #periods = new Map<Unit, Period>();
  readonly #zone: string;
  /** For how long a grant may count as taken with no call to show for it, and a call may take to be decided. */
  readonly #patienceMs: number;
  #nth = 0;

  constructor(zone: string, patienceMs: number) {
    this.#zone = zone;
    this.#patienceMs = patienceMs;
  }

  granted(series: string, id: string, amount: bigint, atMs: number, leased: boolean): void {
    this.#granted.set(id, { series, amount, atMs, nth: ++this.#nth, calls: [] });
    if (leased) this.seen.leases++;
  }

  /** A call was let through; `id` names a reservation, if it took from a shared counter. */
  admitted(
    series: string,
    { id, seq, elapsedMs }: { readonly id: string; readonly seq: number; readonly elapsedMs: number },
    amount: bigint,
    atMs: number,
    caps: readonly Cap[],
  ): void {
    this.seen.admitted++;
    const grant = this.#granted.get(id);
    const first = grant?.calls.length === 0;
    if (grant && !first) this.seen.leased++;
    const untilMs = Math.min(usableMs, grant && !first ? leaseMs(caps) + this.#patienceMs : usableMs);
    if (elapsedMs >= untilMs) this.violations.push(`${series}: took from a lease after ${elapsedMs} ms`);
    const call: Call = {
      part: partOf({ id, seq }),
      atMs,
      amount,
      told: !grant,
      countedMs: atMs,
      returned: false,
      caps: caps.map(nameOf),
      nth: grant?.nth ?? 0,
      upTo: first ? grant.nth : Number.POSITIVE_INFINITY,
    };
    grant?.calls.push(call);
    if (grant && sum(grant.calls) > grant.amount) this.violations.push(`${series}: more than was granted`);
    this.#add(series, call);
  }

  #add(series: string, call: Call): void {
    const calls = this.calls.get(series) ?? [];
    calls.splice(calls.findLastIndex(({ atMs }) => atMs <= call.atMs) + 1, 0, call);
    this.calls.set(series, calls);
    this.#byPart.set(call.part, call);
  }

  /** What a counter has heard. */
  told(notices: readonly Notice[]): void {
    for (const notice of notices) {
      if (notice.end === "returned") {
        const call = this.#byPart.get(partOf(notice));
        if (call && !call.returned) this.#return(call);
        continue;
      }
      const grant = this.#granted.get(notice.id);
      this.#granted.delete(notice.id);
      if (grant) this.#ended(grant, notice);
    }
  }

  #ended(grant: Grant, notice: Exclude<Notice, { end: "returned" }>): void {
    const left = grant.amount - sum(grant.calls);
    for (const call of grant.calls) call.told = true;
    switch (notice.end) {
      case "used":
        // A counter knows how long a message to it took only as part of the whole: by that much it may count late.
        for (const [i, { elapsedMs }] of notice.uses.entries()) {
          const call = grant.calls[i];
          if (call) call.countedMs = grant.atMs + elapsedMs;
        }
        if (notice.uses.length !== grant.calls.length)
          this.violations.push(
            `${grant.series}: told of ${notice.uses.length} of ${grant.calls.length} calls`,
          );
        if (left > 0n) this.seen.unused++;
        return;
      case "void":
        this.seen.void++;
        if (grant.calls.length > 0) this.violations.push(`${grant.series}: void, but used`);
        return;
      case "assumed":
        this.#assumed(grant, notice.id, left);
    }
  }

  #assumed({ series, atMs, calls, nth }: Grant, id: string, left: bigint): void {
    this.seen.assumed++;
    const countedMs = atMs + usableMs;
    for (const call of calls) call.countedMs = countedMs;
    const rest = { part: id, atMs: countedMs, amount: left, told: true, countedMs, returned: false };
    this.#add(series, { ...rest, caps: [], nth, upTo: nth });
  }

  /** The gate's own counters have it back at once; shared ones when they hear of it. */
  returnedHere(parts: readonly string[]): void {
    for (const part of parts) {
      const call = this.#byPart.get(part);
      if (call) this.#return(call);
    }
  }

  #return(call: Call): void {
    call.returned = true;
    this.seen.returned++;
  }

  /**
   * Never over: with the call that was just admitted, no window holds more than max. A call that asked for itself has its
   * place in the counter's order: only those behind it that are under the same limit are held against it.
   */
  check(series: string, part: string, cap: Cap, nowMs: number, skewMs: number): void {
    const { unit, windowMs, max } = cap;
    const fromMs = unit === null ? nowMs - windowMs : this.#period(unit, nowMs + skewMs).fromMs - skewMs;
    const upTo = this.#byPart.get(part)?.upTo ?? 0;
    const name = nameOf(cap);
    const total = this.#sum(
      series,
      fromMs,
      (call) => call.atMs >= fromMs && (call.nth <= upTo || call.caps.includes(name)),
    );
    if (total > max) this.violations.push(`${series}: ${total} of ${max} in ${unit ?? windowMs} at ${nowMs}`);
  }

  /**
   * Never late: a limit that refuses must have been full within a hundredth of its window, and a message's way; what is
   * leased and not used refuses nobody, unless the gate that has it cannot be asked.
   */
  refused(series: string, caps: readonly Cap[], amount: bigint, nowMs: number, skewMs: number): void {
    this.seen.refused++;
    const waiting = [...this.#granted.values()]
      .filter((one) => one.series === series && nowMs - one.atMs <= this.#patienceMs)
      .reduce((total, one) => total + one.amount - sum(one.calls), 0n);
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
