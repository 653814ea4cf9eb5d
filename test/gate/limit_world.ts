import { type Limits, together } from "../../src/gate/admission.ts";
import { Holds } from "../../src/gate/hold.ts";
import type { GrantId } from "../../src/id.ts";
import { Book, type BookState, type Take } from "../../src/limit/book.ts";
import { Calendar } from "../../src/limit/calendar.ts";
import { Counter, type CounterEntry, type CounterState, type HoldsByGate } from "../../src/limit/counter.ts";
import {
  askAfterMs,
  type CounterStub,
  type Notice,
  partOf,
  type Reservation,
  type Reserved,
} from "../../src/limit/reservation.ts";
import type { Series } from "../../src/limit/series.ts";
import { type Charge, takeAll } from "../../src/limit/take.ts";
import { wallClock } from "../../src/limit/zone.ts";
import { LimitOracle } from "./limit_oracle.ts";

/** A reproducible source of numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const zone = "Europe/Berlin";
// Each object sits on a host of its own, whose clock is off by as much as this.
const skewMs = 30_000;

/**
 * Gates and shared counters in a world whose time passes only from event to event: messages take time or are lost, objects
 * die and start again from what they had written. The parts that count and reserve are the product's own.
 */
export class World {
  readonly random: () => number;
  readonly oracle: LimitOracle;
  readonly counters = new Map<string, WorldCounter>();
  readonly gates: WorldGate[] = [];
  /** No message is slow or lost, and nothing dies: what is refused then is refused for nothing but calls. */
  readonly calm: boolean;
  nowMs = Date.parse("2026-10-24T21:58:00Z");
  readonly #events: { atMs: number; run: () => void }[] = [];

  constructor(seed: number, gates: number) {
    this.random = seeded(seed);
    this.calm = seed % 5 === 0;
    this.oracle = new LimitOracle(zone, this.calm ? 100 : 60_000);
    for (let i = 0; i < gates; i++) this.gates.push(new WorldGate(this, `grt_${i}` as GrantId, this.skew()));
  }

  skew(): number {
    return Math.floor((this.random() - 0.5) * 2 * skewMs);
  }

  after(delayMs: number, run: () => void): void {
    const atMs = this.nowMs + delayMs;
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.atMs ?? 0) <= atMs) high = middle;
      else low = middle + 1;
    }
    this.#events.splice(low, 0, { atMs, run });
  }

  pass(forMs: number): Promise<void> {
    return new Promise((resolve) => this.after(forMs, resolve));
  }

  /** How long a message takes: mostly nothing, now and then longer than any reservation may be used. */
  transitMs(): number {
    const luck = this.calm ? this.random() * 0.9 : this.random();
    if (luck < 0.6) return 0;
    if (luck < 0.9) return Math.floor(this.random() * 8);
    return Math.floor(this.random() * (luck < 0.985 ? 300 : 7_000));
  }

  /** Whether what can go wrong does, in one of so many cases. */
  mishap(share: number): boolean {
    return !this.calm && this.random() < share;
  }

  async run(): Promise<void> {
    for (let next = this.#events.pop(); next; next = this.#events.pop()) {
      this.nowMs = next.atMs;
      next.run();
      // Everything that waits for this event goes on before the next one.
      for (let i = 0; i < 24; i++) await null;
    }
  }

  /** Every `max` is now so many times what was written, everywhere at once, so that one answer is right. */
  edit(factor: bigint): void {
    for (const gate of this.gates) gate.edit = { factor, epoch: gate.edit.epoch + 1 };
  }

  counter(series: string): WorldCounter {
    const known = this.counters.get(series);
    if (known) return known;
    const made = new WorldCounter(this, series, this.skew());
    this.counters.set(series, made);
    return made;
  }
}

const copy = <T>(value: T): T => structuredClone(value);

export class WorldCounter {
  readonly #world: World;
  readonly series: string;
  readonly skewMs: number;
  counter = new Counter(wallClock, null);
  #entries: CounterEntry[] = [];
  #folded: CounterState | null = null;
  #asking = false;
  #recalling: Promise<void> | null = null;

  constructor(world: World, series: string, skewMs: number) {
    this.#world = world;
    this.series = series;
    this.skewMs = skewMs;
  }

  /** The counter as a gate reaches it: over a wire that delays and loses. */
  stubFor(gate: WorldGate): CounterStub {
    const send = <T>(work: () => T | Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#world.after(this.#world.transitMs(), () => {
          if (this.#world.mishap(0.01)) return reject(new Error("lost on the way"));
          return void Promise.resolve(work()).then((answer) => {
            const arrived = copy(answer);
            this.#world.after(this.#world.transitMs(), () => {
              if (gate.dead || this.#world.mishap(0.01)) reject(new Error("lost on the way back"));
              else resolve(arrived);
            });
          }, reject);
        });
      });
    return {
      reserve: (reservation, notices) => {
        const sent = copy({ reservation, notices });
        return send(() => this.#reserve(sent.reservation, sent.notices));
      },
      tell: (notices) => {
        const sent = copy(notices);
        return send(() => this.tell(sent));
      },
      read: (caps, inZone) => send(() => this.counter.read(caps, inZone, this.clockMs)),
    };
  }

  get clockMs(): number {
    return this.#world.nowMs + this.skewMs;
  }

  /** As `Shared.reserve` does it. */
  async #reserve(reservation: Reservation, notices: readonly Notice[]): Promise<Reserved> {
    const { reserved, leases } = this.#try(reservation, notices);
    if (leases.size === 0) return this.#answer(reservation, reserved);
    this.#recalling ??= this.#recall(leases).finally(() => {
      this.#recalling = null;
    });
    await this.#recalling;
    const again = this.#try(reservation, []);
    if (again.blocked) throw new Error("a lease is in the way");
    return this.#answer(reservation, again.reserved);
  }

  #try(reservation: Reservation, notices: readonly Notice[]): ReturnType<Counter["reserve"]> {
    const tried = this.counter.reserve(reservation, notices, this.clockMs);
    this.#world.oracle.told(notices);
    if (tried.entry) this.#entries.push(copy(tried.entry));
    const { oracle, nowMs } = this.#world;
    const { granted, amount } = tried.reserved;
    if (granted) oracle.granted(this.series, reservation.id, amount, nowMs, amount > reservation.amount);
    this.#wake();
    return tried;
  }

  #answer({ caps, amount }: Reservation, reserved: Reserved): Reserved {
    const { oracle, nowMs } = this.#world;
    if (!reserved.granted) oracle.refused(this.series, caps, amount, nowMs, this.skewMs);
    return reserved;
  }

  async #recall(leases: HoldsByGate): Promise<void> {
    this.#world.oracle.seen.recalled++;
    const asked = [...leases].map(async ([id, ids]) => {
      await this.#world.pass(this.#world.transitMs());
      const gate = this.#world.gates.find((one) => one.id === id);
      const answer = gate && !this.#world.mishap(0.1) ? copy(gate.holds.resolve(ids)) : [];
      await this.#world.pass(this.#world.transitMs());
      return answer;
    });
    this.tell((await Promise.all(asked)).flat());
  }

  tell(notices: readonly Notice[]): void {
    const entry = { atMs: this.counter.nowMs(this.clockMs), epoch: 0, zone: null, notices, hold: null };
    this.counter.apply(entry);
    this.#entries.push(copy(entry));
    this.#world.oracle.told(notices);
  }

  #wake(): void {
    if (this.#asking || this.counter.oldestHoldMs === null) return;
    this.#asking = true;
    this.#world.after(askAfterMs, () => this.#ask());
  }

  #ask(): void {
    this.#asking = false;
    for (const [id, ids] of this.counter.overdue(this.clockMs - askAfterMs)) {
      const gate = this.#world.gates.find((one) => one.id === id);
      const unreachable = !gate || this.#world.mishap(0.1);
      this.tell(unreachable ? ids.map((one) => ({ id: one, end: "assumed" })) : gate.holds.resolve(ids));
    }
    this.#wake();
  }

  /** Forgets all but what was written; sometimes that was folded first. */
  restart(): void {
    if (this.#world.random() < 0.5) {
      this.#folded = copy(this.counter.state());
      this.#entries = [];
    }
    this.counter = new Counter(wallClock, copy(this.#folded));
    for (const entry of copy(this.#entries)) this.counter.apply(entry);
    this.#wake();
  }
}

interface Row {
  readonly seq: number;
  readonly atMs: number;
  readonly takes: readonly Take[];
}

export class WorldGate {
  readonly #world: World;
  readonly id: GrantId;
  readonly skewMs: number;
  readonly dead = false;
  book!: Book;
  holds!: Holds;
  /** What an edit changes; a call that waited through one starts over. */
  edit: { readonly factor: bigint; readonly epoch: number } = { factor: 1n, epoch: 1 };
  #life = 0;
  #rows: Row[] = [];
  #ends: { seq: number; neverLeft: boolean; atMs: number }[] = [];
  #folded: { series: [string, Series][]; state: BookState } | null = null;
  #seq = 0;
  readonly #calendar = new Calendar(wallClock, [{ zone, sinceMs: 0 }]);

  constructor(world: World, id: GrantId, skewMs: number) {
    this.#world = world;
    this.id = id;
    this.skewMs = skewMs;
    this.#start();
  }

  get clockMs(): number {
    return this.#world.nowMs + this.skewMs;
  }

  #start(): void {
    this.#life++;
    const life = this.#life;
    this.book = new Book((nowMs) => this.#calendar.bounds(nowMs));
    if (this.#folded) this.book.restore(copy(this.#folded.series), copy(this.#folded.state));
    for (const { seq, atMs, takes } of copy(this.#rows)) this.book.take(seq, atMs, takes, true);
    for (const { seq, neverLeft, atMs } of this.#ends) this.book.end(seq, neverLeft, atMs);
    const self = this;
    const living = {
      get dead() {
        return self.#life !== life;
      },
    } as WorldGate;
    this.holds = new Holds({
      counter: (series) => this.#world.counter(series).stubFor(living),
      book: this.book,
      now: () => this.clockMs,
      random: this.#world.random,
      behind: (work) => void work,
    });
    this.#giveBack(life);
  }

  /** Dies with all that it was doing, and starts again from its rows; sometimes those were folded first. */
  restart(): void {
    if (this.#world.random() < 0.5) {
      const series = new Map([...(this.#folded?.series ?? []), ...this.book.fold(this.clockMs)]);
      this.#folded = copy({ series: [...series], state: this.book.state(this.clockMs) });
      this.#rows = [];
      this.#ends = [];
    }
    this.#start();
  }

  /** An edit that changes no limit, but makes calls on their way start over. */
  editAlone(): void {
    this.edit = { ...this.edit, epoch: this.edit.epoch + 1 };
  }

  /** One call, as `Gate.admit` decides it. */
  async admit(wanted: readonly Charge[]): Promise<void> {
    const life = this.#life;
    for (let tries = 0; tries < 3; tries++) {
      const { edit } = this;
      const charges = wanted.map((charge) => ({ ...charge, max: charge.max * edit.factor }));
      const shared = this.#takeOwn(charges).ok ? charges.filter((charge) => charge.shared) : [];
      const holder = { gate: this.id, zone, epoch: edit.epoch };
      const held = shared.length > 0 ? await this.holds.reserve(holder, shared) : [];
      if (this.#life !== life) return;
      const own = this.#takeOwn(charges);
      const limits = together(charges, own, held, this.clockMs);
      if (this.edit !== edit || (limits.ok && !this.holds.usable(held))) {
        this.holds.release(held);
        continue;
      }
      this.#conclude(charges, limits, held);
      return;
    }
  }

  #takeOwn(charges: readonly Charge[]) {
    const own = charges.filter((charge) => !charge.shared);
    return takeAll(this.book.series, own, this.clockMs, this.#calendar);
  }

  #conclude(charges: readonly Charge[], limits: Limits, held: Parameters<Holds["use"]>[0]): void {
    const { oracle, nowMs } = this.#world;
    if (!limits.ok) {
      if ("refusedBy" in limits && !limits.refusedBy.charge.shared) {
        const { charge } = limits.refusedBy;
        oracle.refused(this.#own(charge.series), [charge], charge.amount, nowMs, this.skewMs);
      }
      this.holds.release(held);
      return;
    }
    const takes = [...limits.takes, ...this.holds.use(held)];
    const row = { seq: ++this.#seq, atMs: this.clockMs, takes };
    this.#rows.push(copy(row));
    this.book.take(row.seq, row.atMs, takes, true);
    const own: string[] = [];
    for (const { series, amount, held } of takes) {
      const place = held ? series : this.#own(series);
      const named = charges.filter((charge) => charge.series === series);
      const taken = { id: held?.id ?? place, seq: row.seq, elapsedMs: held?.elapsedMs ?? 0 };
      if (!held) own.push(partOf(taken));
      oracle.admitted(place, taken, amount, nowMs, named);
      const skew = held ? this.#world.counter(series).skewMs : this.skewMs;
      for (const cap of named) oracle.check(place, partOf(taken), cap, nowMs, skew);
    }
    if (this.#world.random() < 0.15)
      this.#world.after(this.#world.transitMs() * 3, () => this.#neverLeft(row.seq, own));
  }

  /** The Worker says that the request never left; it may say so again. */
  #neverLeft(seq: number, own: readonly string[]): void {
    if (!this.book.isOpen(seq)) return;
    const end = { seq, neverLeft: true, atMs: this.clockMs };
    this.#ends.push(end);
    this.book.end(seq, true, end.atMs);
    this.#world.oracle.returnedHere(own);
    this.#giveBack(this.#life);
  }

  #giveBack(life: number): void {
    if (this.#life !== life || this.book.owed.length === 0) return;
    void this.holds.giveBack();
    this.#world.after(5_000, () => this.#giveBack(life));
  }

  /** A gate's own series are its alone. */
  #own(series: string): string {
    return `${this.id} ${series}`;
  }

  /** All that its own series hold, for the books to be compared. */
  get ownSeries(): [string, Series][] {
    return [...this.book.series].map(([series, marks]) => [this.#own(series), marks]);
  }
}
