import type { GrantId } from "../id.ts";
import { Calendar, type ZoneSince } from "./calendar.ts";
import { grantOf } from "./lease.ts";
import { type Notice, partOf, type Reservation, type Reserved, type Use, usableMs } from "./reservation.ts";
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

/** What is granted and not yet known to be used or not; less what calls have given back meanwhile. */
export interface Hold {
  readonly id: string;
  readonly gate: GrantId;
  readonly atMs: number;
  readonly amount: bigint;
  /** Of a lease, the limits that all of its calls must fit under; else none. */
  readonly caps: readonly Cap[];
}

/** Ids of what gates hold. */
export type HoldsByGate = ReadonlyMap<GrantId, readonly string[]>;

/** All of a counter at one moment. */
export interface CounterState {
  readonly atMs: number;
  readonly epoch: number;
  readonly zones: readonly ZoneSince[];
  readonly series: Series;
  readonly holds: readonly Hold[];
  readonly done: readonly (readonly [name: string, Done])[];
}

/** Of a call's part, that it was given back; of a whole reservation, that it was assumed to be used, and when. */
interface Done {
  readonly atMs: number;
  readonly markMs: number | null;
}

/** What came of a wish to reserve. */
interface Tried {
  /** Must be durable before the answer is seen; null: nothing changed. */
  readonly entry: CounterEntry | null;
  readonly reserved: Reserved;
  /** Those that are out, where the wish was refused: their gates may have room to give up. */
  readonly leases: HoldsByGate;
  /** It was refused only for the limits of leases that are out. */
  readonly blocked: boolean;
}

const compactEvery = 256;
// Gates stop telling long before.
const doneForgottenMs = 86_400_000;

/**
 * One counter that several gates take from. What is granted counts as taken this very moment until its end is known, so
 * neither a slow gate nor a lost word can make room; then each call counts from the moment at which it was let through,
 * measured by the gate as time since it asked, so that hosts' clocks need not agree. What no call used is free again.
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

  /**
   * Takes in the notices, then grants the reservation where it fits under its own limits, and under those of every lease
   * that is out: what was tested for a lease must hold for all of its calls.
   */
  reserve(
    { id, gate, amount, block, caps, zone, epoch }: Reservation,
    notices: readonly Notice[],
    clockMs: number,
  ): Tried {
    // Two that are held under one name would count as one.
    if (this.#holds.has(id)) throw new Error("this reservation is held already");
    const atMs = this.nowMs(clockMs);
    const news = { atMs, epoch, zone: this.#isNews(zone, epoch) ? zone : null, notices, hold: null };
    this.apply(news);
    const leases = [...this.#holds.values()].filter((hold) => hold.caps.length > 0);
    const tested = [...caps, ...othersOf(caps, leases)];
    const readings = this.#read(tested, amount, atMs);
    const before = readings.slice(0, caps.length);
    const left = tested.map(({ max }, i) => max - (readings[i]?.taken ?? max));
    if (left.some((one) => amount > one)) {
      const entry = notices.length > 0 || news.zone !== null ? news : null;
      const reserved = { granted: false, amount: 0n, atMs, before, after: [] };
      const blocked = left.slice(0, caps.length).every((one) => amount <= one);
      return { entry, reserved, leases: byGate(leases), blocked };
    }
    const granted = grantOf(amount, block, left, this.#out);
    const hold = { id, gate, atMs, amount: granted, caps: granted > amount ? caps : [] };
    this.#holds.set(id, hold);
    const after = this.#read(caps, amount, atMs);
    const reserved = { granted: true, amount: granted, atMs, before, after };
    return { entry: { ...news, hold }, reserved, leases: new Map(), blocked: false };
  }

  /** How full the windows are; takes nothing. */
  read(caps: readonly Cap[], zone: string, clockMs: number): Reserved {
    const atMs = this.nowMs(clockMs);
    const fresh = this.#calendar.zones.length === 0;
    const calendar = fresh ? new Calendar(this.#wallClock, [{ zone, sinceMs: 0 }]) : this.#calendar;
    return { granted: false, amount: 0n, atMs, before: this.#read(caps, 0n, atMs, calendar), after: [] };
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
  overdue(beforeMs: number): HoldsByGate {
    return byGate([...this.#holds.values()].filter(({ atMs }) => atMs <= beforeMs));
  }

  /** When the oldest reservation without an end was granted, or null. */
  get oldestHoldMs(): number | null {
    const first = this.#holds.values().next();
    return first.done ? null : first.value.atMs;
  }

  /** All of it, merged and without what no window can reach. */
  state(): CounterState {
    for (const [name, { atMs }] of this.#done) {
      if (this.#lastMs - atMs > doneForgottenMs) this.#done.delete(name);
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

  get #out(): bigint {
    return [...this.#holds.values()].reduce((sum, hold) => sum + hold.amount, 0n);
  }

  #read(caps: readonly Cap[], amount: bigint, nowMs: number, calendar = this.#calendar): Reading[] {
    const out = this.#out;
    const series = out > 0n ? append(this.#series, nowMs, out) : this.#series;
    return caps.map((cap) => readWindow(series, cap, amount, nowMs, calendar));
  }

  #end(notice: Notice, nowMs: number): void {
    const hold = this.#holds.get(notice.id);
    if (notice.end !== "returned") this.#holds.delete(notice.id);
    switch (notice.end) {
      case "used":
        if (hold) for (const use of notice.uses) this.#use(hold, use);
        return;
      case "assumed":
        if (!hold) return;
        this.#take(hold.atMs + usableMs, hold.amount);
        this.#done.set(hold.id, { atMs: nowMs, markMs: hold.atMs + usableMs });
        return;
      case "void":
        return;
      case "returned":
        this.#return(notice, hold, nowMs);
    }
  }

  #use({ id, atMs }: Hold, { seq, elapsedMs, amount }: Use): void {
    if (!this.#done.has(partOf({ id, seq }))) this.#take(atMs + elapsedMs, amount);
  }

  #return(notice: Extract<Notice, { end: "returned" }>, hold: Hold | undefined, nowMs: number): void {
    const part = partOf(notice);
    if (this.#done.has(part)) return;
    const { id, atMs, amount } = notice;
    if (hold) this.#holds.set(id, { ...hold, amount: hold.amount - amount });
    else this.#series = giveBack(this.#series, this.#done.get(id)?.markMs ?? atMs, amount);
    this.#done.set(part, { atMs: nowMs, markMs: null });
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

/** What the leases' calls must fit under that this one need not. */
function othersOf(caps: readonly Cap[], leases: readonly Hold[]): Iterable<Cap> {
  const name = ({ windowMs, unit, max }: Cap): string => `${windowMs} ${unit} ${max}`;
  const others = new Map(leases.flatMap((lease) => lease.caps).map((cap) => [name(cap), cap]));
  for (const cap of caps) others.delete(name(cap));
  return others.values();
}

const byGate = (holds: readonly Hold[]): HoldsByGate =>
  new Map([...Map.groupBy(holds, ({ gate }) => gate)].map(([gate, all]) => [gate, all.map(({ id }) => id)]));
