import { type Notice, partOf, type Use, usableMs } from "./reservation.ts";
import { compact, extend, giveBack, type Mark, type Series } from "./series.ts";

/** What one decision took from one series. */
export interface Take {
  readonly series: string;
  /** In millionths. */
  readonly amount: bigint;
  /** Set where a shared counter keeps the series. */
  readonly held: Held | null;
}

/** The reservation that it was taken from: granted at `atMs` of the counter's time, used that long after it was asked for. */
export interface Held {
  readonly id: string;
  readonly atMs: number;
  readonly elapsedMs: number;
}

/** A give-back that a shared counter has not confirmed yet. */
export interface Owed {
  readonly series: string;
  readonly atMs: number;
  readonly notice: Extract<Notice, { end: "returned" }>;
}

/** All of a book at one moment, less its series. */
export interface BookState {
  readonly open: readonly (readonly [seq: number, Open])[];
  readonly used: readonly (readonly [id: string, Used])[];
  readonly owed: readonly Owed[];
}

interface Open {
  readonly atMs: number;
  readonly takes: readonly Take[];
}
interface Used {
  readonly atMs: number;
  readonly uses: readonly Use[];
}

const compactEvery = 256;
/** A counter has asked, or assumed the worst, long before. */
const usedForgottenMs = 60_000;
/** Counters forget ends after a day; what could not be given back by then stays counted. */
const owedForgottenMs = 3_600_000;

/** What a gate counts: its own series, and what it owes shared counters a word about. Pure: the ledger keeps it. */
export class Book {
  readonly #bounds: (nowMs: number) => readonly number[];
  /** No one else holds these arrays. */
  readonly #series = new Map<string, Mark[]>();
  readonly #dirty = new Set<string>();
  readonly #open = new Map<number, Open>();
  readonly #used = new Map<string, Used>();
  readonly #owed = new Map<string, Owed>();

  /** `bounds` are the first instants of the calendar windows that hold a moment (`Calendar.bounds`). */
  constructor(bounds: (nowMs: number) => readonly number[]) {
    this.#bounds = bounds;
  }

  get series(): ReadonlyMap<string, Series> {
    return this.#series;
  }

  /** Give-backs that shared counters have yet to confirm. */
  get owed(): readonly Owed[] {
    return [...this.#owed.values()];
  }

  /** Counts a decision. `open`: it let the call through, so its end is still to come. */
  take(seq: number, atMs: number, takes: readonly Take[], open: boolean): void {
    for (const { series, amount, held } of takes) {
      if (held) this.#use(held, { seq, elapsedMs: held.elapsedMs, amount }, atMs);
      else this.#put(series, extend(this.#series.get(series) ?? [], atMs, amount), atMs);
    }
    if (open) this.#open.set(seq, { atMs, takes });
  }

  #use({ id }: Held, use: Use, atMs: number): void {
    this.#used.set(id, { atMs, uses: [...(this.#used.get(id)?.uses ?? []), use] });
  }

  #put(key: string, series: Mark[], nowMs: number): void {
    this.#dirty.add(key);
    const full = series.length > 0 && series.length % compactEvery === 0;
    this.#series.set(key, full ? compact(series, nowMs, this.#bounds(nowMs)) : series);
  }

  isOpen(seq: number): boolean {
    return this.#open.has(seq);
  }

  /** The call has ended. One that provably never left gives back what it took (policy.md §5). */
  end(seq: number, neverLeft: boolean, nowMs: number): void {
    const open = this.#open.get(seq);
    this.#open.delete(seq);
    if (open && neverLeft) for (const take of open.takes) this.#giveBack(seq, take, open.atMs, nowMs);
  }

  #giveBack(seq: number, { series, amount, held }: Take, atMs: number, nowMs: number): void {
    if (!held) {
      this.#put(series, [...giveBack(this.#series.get(series) ?? [], atMs, amount)], nowMs);
      return;
    }
    const notice = { id: held.id, end: "returned", seq, atMs: held.atMs + held.elapsedMs, amount } as const;
    this.#owed.set(partOf(notice), { series, atMs: nowMs, notice });
  }

  /** What became of a reservation whose id was made at `startedMs`, and which no call uses any more; of an old one nobody knows. */
  endOf(id: string, startedMs: number, nowMs: number): Notice {
    const used = this.#used.get(id);
    if (used) return { id, end: "used", uses: used.uses };
    return { id, end: startedMs < nowMs - usedForgottenMs ? "assumed" : "void" };
  }

  /** A shared counter has durably taken in these notices. */
  confirmed(notices: readonly Notice[]): void {
    for (const notice of notices) {
      if (notice.end === "returned") this.#owed.delete(partOf(notice));
      else this.#used.delete(notice.id);
    }
  }

  /** The calls let through before `beforeMs` of which nobody has told the end. */
  orphans(beforeMs: number): number[] {
    return [...this.#open].filter(([, { atMs }]) => atMs < beforeMs).map(([seq]) => seq);
  }

  /** When the oldest call without an end was let through, or null. */
  get oldestOpenMs(): number | null {
    const first = this.#open.values().next();
    return first.done ? null : first.value.atMs;
  }

  /** The series that have changed since they were last folded, merged; they are clean from then on. */
  fold(nowMs: number): [key: string, series: Series][] {
    const folded = [...this.#dirty].map((key): [string, Series] => [
      key,
      compact(this.#series.get(key) ?? [], nowMs, this.#bounds(nowMs)),
    ]);
    for (const [key, series] of folded) this.#series.set(key, [...series]);
    this.#dirty.clear();
    return folded;
  }

  /** The rest of it, without what nobody will ask for any more. */
  state(nowMs: number): BookState {
    // An id's time may be a usable time before that of its use.
    const forgetMs = nowMs - usedForgottenMs - usableMs;
    for (const [id, { atMs }] of this.#used) if (atMs < forgetMs) this.#used.delete(id);
    for (const [id, { atMs }] of this.#owed) if (atMs < nowMs - owedForgottenMs) this.#owed.delete(id);
    return { open: [...this.#open], used: [...this.#used], owed: [...this.#owed.values()] };
  }

  /** Goes on from what was folded. */
  restore(series: Iterable<readonly [key: string, series: Series]>, { open, used, owed }: BookState): void {
    for (const [key, marks] of series) this.#series.set(key, [...marks]);
    for (const [seq, one] of open) this.#open.set(seq, one);
    for (const [id, one] of used) this.#used.set(id, one);
    for (const one of owed) this.#owed.set(partOf(one.notice), one);
  }
}
