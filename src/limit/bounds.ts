import type { Calendar } from "./calendar.ts";
import { append, type Series } from "./series.ts";
import type { Charge } from "./take.ts";
import { readWindow } from "./window.ts";

export type Fit =
  | { readonly fits: true }
  /** `certain`: there was no room whatever the calls in doubt came to. */
  | { readonly fits: false; readonly charge: Charge; readonly certain: boolean };

/**
 * Counters of which only bounds are known, because of some calls nobody knows whether they were let through: `least`
 * counts those that certainly were, `most` all that may have been. Calls come in the order of their times.
 */
export class Bounds {
  readonly #least = new Map<string, Series>();
  readonly #most = new Map<string, Series>();
  readonly #partial: (charge: Charge) => boolean;
  readonly #calendar: Calendar;
  #blurred: Series = [];

  /** `partial` says which counters also count calls that never come here. */
  constructor(calendar: Calendar, partial: (charge: Charge) => boolean = () => false) {
    this.#calendar = calendar;
    this.#partial = partial;
  }

  /** Tests the charges as `takeAll` does, without taking; those in shadow refuse nothing. */
  test(charges: readonly Charge[], nowMs: number): Fit {
    const enforced = charges.filter(({ shadow }) => !shadow);
    const over = enforced.find((charge) => this.#exceeds(this.#least, charge, nowMs));
    if (over) return { fits: false, charge: over, certain: true };
    const doubtful = enforced.find((charge) => this.#mayExceed(charge, nowMs));
    return doubtful ? { fits: false, charge: doubtful, certain: false } : { fits: true };
  }

  #mayExceed(charge: Charge, nowMs: number): boolean {
    if (this.#partial(charge) || this.#taken(this.#blurred, charge, nowMs) > 0n) return true;
    return this.#differs(charge) && this.#exceeds(this.#most, charge, nowMs);
  }

  /** Counts a call that was let through. A call adds to a series once, however many limits name it (policy.md §5). */
  take(charges: readonly Charge[], nowMs: number): void {
    for (const [key, amount] of amounts(charges)) {
      const same = !this.#most.has(key) || this.#most.get(key) === this.#least.get(key);
      const least = append(this.#least.get(key) ?? [], nowMs, amount);
      const most = same ? least : append(this.#most.get(key) ?? [], nowMs, amount);
      this.#least.set(key, least);
      this.#most.set(key, most);
    }
  }

  /** Counts a call that may have been let through. */
  mayTake(charges: readonly Charge[], nowMs: number): void {
    for (const [key, amount] of amounts(charges)) {
      this.#most.set(key, append(this.#most.get(key) ?? [], nowMs, amount));
    }
  }

  /** From here on any counter may hold any amount that was taken up to `nowMs`. */
  blur(nowMs: number): void {
    this.#blurred = append(this.#blurred, nowMs, 1n);
  }

  #exceeds(book: ReadonlyMap<string, Series>, charge: Charge, nowMs: number): boolean {
    return this.#taken(book.get(charge.series) ?? [], charge, nowMs) + charge.amount > charge.max;
  }

  #taken(series: Series, charge: Charge, nowMs: number): bigint {
    return readWindow(series, charge, charge.amount, nowMs, this.#calendar).taken;
  }

  #differs({ series }: Charge): boolean {
    return this.#most.get(series) !== this.#least.get(series);
  }
}

const amounts = (charges: readonly Charge[]): ReadonlyMap<string, bigint> =>
  new Map(charges.map(({ series, amount }) => [series, amount]));
