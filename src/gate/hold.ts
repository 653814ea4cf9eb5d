import type { GrantId } from "../id.ts";
import type { Book, Take } from "../limit/book.ts";
import { type CounterStub, type Notice, type Reserved, usableMs } from "../limit/reservation.ts";
import { believed } from "../limit/reserved.ts";
import type { Charge, Standing } from "../limit/take.ts";
import type { Reading } from "../limit/window.ts";
import { inTime } from "./deadline.ts";

/** What a shared counter said to one call's charges on it; null where it could not be asked. */
export interface Held {
  readonly id: string;
  readonly series: string;
  readonly amount: bigint;
  readonly askedMs: number;
  /** Those that can refuse, one a reading. */
  readonly charges: readonly Charge[];
  readonly reserved: Reserved | null;
}

export interface HoldDeps {
  readonly counter: (series: string) => CounterStub;
  readonly book: Book;
  /** The gate's own time, for how long things took. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Goes on behind the answer. */
  readonly behind: (work: Promise<unknown>) => void;
}

/** For whom, and in what calendar, a gate reserves. */
export interface Holder {
  readonly gate: GrantId;
  readonly zone: string;
  readonly epoch: number;
}

// Within `askAfterMs` a counter knows every end without being told. Windows for which that is too late are told at once.
const slidingToldUnderMs = 10_000;
const calendarToldUnderMs = 600_000;

/**
 * A gate's dealings with shared counters. Room is reserved before the gate's one turn; in that turn the gate either uses all
 * that it was granted, in the decision's own row, or lets all of it go. What it does not tell, counters ask.
 */
export class Holds {
  readonly #deps: HoldDeps;
  readonly #asking = new Set<string>();
  readonly #untold = new Map<string, Notice[]>();

  constructor(deps: HoldDeps) {
    this.#deps = deps;
  }

  /** Reserves what the charges need, all series at once. */
  async reserve(holder: Holder, charges: readonly Charge[]): Promise<Held[]> {
    const bySeries = Map.groupBy(charges, ({ series }) => series);
    return Promise.all([...bySeries].map(([series, all]) => this.#reserveOne(holder, series, all)));
  }

  async #reserveOne({ gate, zone, epoch }: Holder, series: string, all: readonly Charge[]): Promise<Held> {
    const askedMs = this.#deps.now();
    const id = `${askedMs.toString(36)}.${this.#deps.random().toString(36).slice(2)}`;
    // Once to a series, however many limits name it.
    const amount = all[0]?.amount ?? 0n;
    const charges = all.filter(({ shadow }) => !shadow);
    const held = { id, series, amount, askedMs, charges };
    const notices = this.#untold.get(series) ?? [];
    this.#untold.delete(series);
    this.#asking.add(id);
    try {
      const caps = charges.map(({ windowMs, unit, max }) => ({ windowMs, unit, max }));
      const asked = this.#deps.counter(series).reserve({ id, gate, amount, caps, zone, epoch }, notices);
      const reserved = believed(await inTime(asked, usableMs), caps, amount);
      this.#deps.book.confirmed(notices);
      return { ...held, reserved };
    } catch (error) {
      console.error("a shared counter does not answer", { series, error });
      this.#note(series, notices);
      return { ...held, reserved: null };
    }
  }

  /** Whether the gate may still use all of it. To be asked in the turn that writes the row. */
  usable(held: readonly Held[]): boolean {
    return held.every(
      ({ id, reserved, charges, askedMs }) =>
        (reserved === null && charges.length === 0) ||
        (reserved?.granted === true && this.#asking.has(id) && this.#deps.now() - askedMs < usableMs),
    );
  }

  /** What the decision's row must say of it. Once that is written, the counters are told. */
  use(held: readonly Held[]): Take[] {
    return held.flatMap(({ id, series, amount, askedMs, charges, reserved }) => {
      this.#asking.delete(id);
      if (!reserved) return [];
      const elapsedMs = Math.max(0, this.#deps.now() - askedMs);
      this.#note(series, [{ id, end: "used", elapsedMs }]);
      if (charges.some(toldAtOnce)) this.#deps.behind(this.#tell(series));
      return [{ series, amount, held: { id, atMs: reserved.atMs, elapsedMs } }];
    });
  }

  /** Lets all of it go: the call does not go on. */
  release(held: readonly Held[]): void {
    for (const { id, series, reserved } of held) {
      this.#asking.delete(id);
      if (reserved && !reserved.granted) continue;
      this.#note(series, [{ id, end: "void" }]);
      this.#deps.behind(this.#tell(series));
    }
  }

  /** What a counter asks: the end of reservations. One that is still on its way is void from here on. */
  resolve(ids: readonly string[]): Notice[] {
    return ids.map((id) => {
      this.#asking.delete(id);
      return this.#deps.book.endOf(id, Number.parseInt(id, 36), this.#deps.now());
    });
  }

  /** Gives back what calls took that never left; true when every counter has confirmed. */
  async giveBack(): Promise<boolean> {
    const bySeries = Map.groupBy(this.#deps.book.owed, ({ series }) => series);
    const told = [...bySeries].map(async ([series, owed]) =>
      this.#send(
        series,
        owed.map(({ notice }) => notice),
      ),
    );
    return (await Promise.all(told)).every(Boolean);
  }

  #note(series: string, notices: readonly Notice[]): void {
    if (notices.length > 0) this.#untold.set(series, [...(this.#untold.get(series) ?? []), ...notices]);
  }

  async #tell(series: string): Promise<void> {
    const notices = this.#untold.get(series) ?? [];
    this.#untold.delete(series);
    if (notices.length > 0) await this.#send(series, notices);
  }

  async #send(series: string, notices: readonly Notice[]): Promise<boolean> {
    try {
      await inTime(this.#deps.counter(series).tell(notices), usableMs);
      this.#deps.book.confirmed(notices);
      return true;
    } catch (error) {
      console.error("a shared counter does not hear what became of reservations", { series, error });
      return false;
    }
  }
}

const toldAtOnce = ({ unit, windowMs }: Charge): boolean =>
  windowMs < (unit === null ? slidingToldUnderMs : calendarToldUnderMs);

/** How the shared limits stood before the call, or stand after it, in the gate's time. */
export function standingsOf(held: readonly Held[], when: "before" | "after", nowMs: number): Standing[] {
  return held.flatMap(({ charges, reserved }) => {
    if (!reserved) return [];
    const sinceMs = nowMs - reserved.atMs;
    return charges.flatMap((charge, i) => {
      const reading = reserved[when][i];
      return reading ? [{ charge, ...later(reading, sinceMs) }] : [];
    });
  });
}

const later = ({ taken, roomAtMs, returnsAtMs }: Reading, byMs: number): Reading => ({
  taken,
  roomAtMs: roomAtMs === null ? null : roomAtMs + byMs,
  returnsAtMs: returnsAtMs + byMs,
});
