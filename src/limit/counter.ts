import type { GrantId } from "../id.ts";
import { Calendar, type ZoneSince } from "./calendar.ts";
import { type Notice, type Reservation, type Reserved, usableMs } from "./reservation.ts";
import { append, compact, giveBack, type Series } from "./series.ts";
import { type Cap, type Reading, readWindow } from "./window.ts";
import type { WallClock } from "./zone.ts";

/** Something that changed the counter: replayed in order, entries make the same counter again. */
export interface CounterEntry {
  readonly atMs: number;
  readonly epoch: number;
  readonly zone: string | null;
  readonly notices: readonly Notice[];
  readonly hold: Hold | null;
}

/** What is granted and not yet known to be used or not. */
export interface Hold {
  readonly id: string;
  readonly gate: GrantId;
  readonly atMs: number;
  readonly amount: bigint;
}

/** All of a counter at one moment. */
export interface CounterState {
  readonly atMs: number;
  readonly epoch: number;
  readonly zones: readonly ZoneSince[];
  readonly series: Series;
  readonly holds: readonly Hold[];
  readonly done: readonly (readonly [id: string, Done])[];
}

/** An end that may still be told again, or told otherwise; `markMs` is where it still counts. */
interface Done {
  readonly atMs: number;
  readonly markMs: number | null;
}

const compactEvery = 256;
// Gates stop telling long before.
const doneForgottenMs = 86_400_000;

/**
 * One counter that several gates take from. What is granted counts as taken this very moment until its end is known, so
 * neither a slow gate nor a lost word can make room; then it counts from the moment at which the call was let through,
 * measured by the gate as time since it asked, so that hosts' clocks need not agree.
 */
export class Counter {
  readonly #wallClock: (zone: string) => WallClock;
  readonly #calendar: Calendar;
  readonly #holds: Map<string, Hold>;
  readonly #done: Map<string, Done>;
  #series: Series;
  #lastMs: number;
  #epoch: number;

  constructor(wallClock: (zone: string) => WallClock, state: CounterState | null) {
    this.#wallClock = wallClock;
    this.#calendar = new Calendar(wallClock, state?.zones ?? []);
    this.#holds = new Map(state?.holds.map((hold) => [hold.id, hold]));
    this.#done = new Map(state?.done);
    this.#series = state?.series ?? [];
    this.#lastMs = state?.atMs ?? 0;
    this.#epoch = state?.epoch ?? 0;
  }

  /** Time never runs back (policy.md §5). */
  nowMs(clockMs: number): number {
    return Math.max(clockMs, this.#lastMs);
  }

  /** Takes in the notices, then grants the reservation or not. The entry must be durable before the answer is seen; null: nothing changed. */
  reserve(
    { id, gate, amount, caps, zone, epoch }: Reservation,
    notices: readonly Notice[],
    clockMs: number,
  ): { readonly entry: CounterEntry | null; readonly reserved: Reserved } {
    const atMs = this.nowMs(clockMs);
    const news = { atMs, epoch, zone: this.#isNews(zone, epoch) ? zone : null, notices, hold: null };
    this.apply(news);
    const before = this.#read(caps, amount, atMs);
    const granted = before.every(({ taken }, i) => taken + amount <= (caps[i]?.max ?? 0n));
    if (!granted) {
      const entry = notices.length > 0 || news.zone !== null ? news : null;
      return { entry, reserved: { granted, atMs, before, after: [] } };
    }
    const hold = { id, gate, atMs, amount };
    this.#holds.set(id, hold);
    const after = this.#read(caps, amount, atMs);
    return { entry: { ...news, hold }, reserved: { granted, atMs, before, after } };
  }

  /** How full the windows are; takes nothing. */
  read(caps: readonly Cap[], zone: string, clockMs: number): Reserved {
    const atMs = this.nowMs(clockMs);
    const fresh = this.#calendar.zones.length === 0;
    const calendar = fresh ? new Calendar(this.#wallClock, [{ zone, sinceMs: 0 }]) : this.#calendar;
    return { granted: false, atMs, before: this.#read(caps, 0n, atMs, calendar), after: [] };
  }

  /** Makes the change that an entry holds. */
  apply({ atMs, epoch, zone, notices, hold }: CounterEntry): void {
    this.#lastMs = Math.max(this.#lastMs, atMs);
    if (zone !== null) this.#calendar.turnTo(zone, atMs);
    this.#epoch = Math.max(this.#epoch, epoch);
    for (const notice of notices) this.#end(notice, atMs);
    if (hold) this.#holds.set(hold.id, hold);
  }

  /** What was granted before `beforeMs` and is still without an end, by the gate that must know. */
  overdue(beforeMs: number): ReadonlyMap<GrantId, readonly string[]> {
    const late = [...this.#holds.values()].filter(({ atMs }) => atMs <= beforeMs);
    const byGate = Map.groupBy(late, ({ gate }) => gate);
    return new Map([...byGate].map(([gate, holds]) => [gate, holds.map(({ id }) => id)]));
  }

  /** When the oldest reservation without an end was granted, or null. */
  get oldestHoldMs(): number | null {
    const first = this.#holds.values().next();
    return first.done ? null : first.value.atMs;
  }

  /** All of it, merged and without what no window can reach. */
  state(): CounterState {
    for (const [id, { atMs }] of this.#done) {
      if (this.#lastMs - atMs > doneForgottenMs) this.#done.delete(id);
    }
    this.#compact();
    return {
      atMs: this.#lastMs,
      epoch: this.#epoch,
      zones: this.#calendar.zones,
      series: this.#series,
      holds: [...this.#holds.values()],
      done: [...this.#done],
    };
  }

  #isNews(zone: string, epoch: number): boolean {
    const last = this.#calendar.zones.at(-1);
    return last === undefined || (epoch > this.#epoch && last.zone !== zone);
  }

  #read(caps: readonly Cap[], amount: bigint, nowMs: number, calendar = this.#calendar): Reading[] {
    const held = [...this.#holds.values()].reduce((sum, hold) => sum + hold.amount, 0n);
    const series = held > 0n ? append(this.#series, nowMs, held) : this.#series;
    return caps.map((cap) => readWindow(series, cap, amount, nowMs, calendar));
  }

  #end(notice: Notice, nowMs: number): void {
    const hold = this.#holds.get(notice.id);
    this.#holds.delete(notice.id);
    switch (notice.end) {
      case "used":
        if (hold) this.#take(hold.atMs + notice.elapsedMs, hold.amount);
        return;
      case "assumed":
        if (!hold) return;
        this.#take(hold.atMs + usableMs, hold.amount);
        this.#done.set(hold.id, { atMs: nowMs, markMs: hold.atMs + usableMs });
        return;
      case "void":
        return;
      case "returned":
        this.#return(notice, hold !== undefined, nowMs);
    }
  }

  #return({ id, atMs, amount }: Extract<Notice, { end: "returned" }>, wasHeld: boolean, nowMs: number): void {
    const done = this.#done.get(id);
    const markMs = done ? done.markMs : atMs;
    if (!wasHeld && markMs !== null) this.#series = giveBack(this.#series, markMs, amount);
    this.#done.set(id, { atMs: nowMs, markMs: null });
  }

  #take(atMs: number, amount: bigint): void {
    this.#series = append(this.#series, atMs, amount);
    if (this.#series.length % compactEvery === 0) this.#compact();
  }

  #compact(): void {
    if (this.#calendar.zones.length === 0) return;
    this.#series = compact(this.#series, this.#lastMs, this.#calendar.bounds(this.#lastMs));
  }
}
