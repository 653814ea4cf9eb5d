import type { Calendar } from "./calendar.ts";
import type { Charge } from "./take.ts";
import { Totals } from "./totals.ts";
import { windowStartMs } from "./window.ts";

export type Fit =
  | { readonly fits: true }
  /** `certain`: there was no room whatever the calls in doubt came to. */
  | { readonly fits: false; readonly charge: Charge; readonly certain: boolean };

/**
 * Counters of which only bounds are known, because of some calls nobody knows whether they were let through: `least`
 * counts those that certainly were, `most` all that may have been. Calls come in the order of their times.
 */
export class Bounds {
  readonly #least = new Map<string, Totals>();
  readonly #most = new Map<string, Totals>();
  readonly #blurred = new Totals();
  readonly #partial: (charge: Charge) => boolean;
  readonly #calendar: Calendar;

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
    const blurred = this.#blurred.since(windowStartMs(charge, nowMs, this.#calendar)) > 0n;
    return blurred || this.#partial(charge) || this.#exceeds(this.#most, charge, nowMs);
  }

  #exceeds(book: ReadonlyMap<string, Totals>, charge: Charge, nowMs: number): boolean {
    const sinceMs = windowStartMs(charge, nowMs, this.#calendar);
    return (book.get(charge.series)?.since(sinceMs) ?? 0n) + charge.amount > charge.max;
  }

  /** Counts a call that was let through. */
  take(charges: readonly Charge[], nowMs: number): void {
    add(this.#least, charges, nowMs);
    add(this.#most, charges, nowMs);
  }

  /** Counts a call that may have been let through. */
  mayTake(charges: readonly Charge[], nowMs: number): void {
    add(this.#most, charges, nowMs);
  }

  /** From here on any counter may hold any amount that was taken up to `nowMs`. */
  blur(nowMs: number): void {
    this.#blurred.add(nowMs, 1n);
  }
}

/** A call adds to a series once, however many limits name it (policy.md §5). */
function add(book: Map<string, Totals>, charges: readonly Charge[], nowMs: number): void {
  for (const [key, amount] of new Map(charges.map(({ series, amount }) => [series, amount]))) {
    const totals = book.get(key) ?? new Totals();
    totals.add(nowMs, amount);
    book.set(key, totals);
  }
}
