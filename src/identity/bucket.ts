/** How often something may be tried: `burst` times at once, and once more for every `everyMs` that pass. */
export interface Budget {
  readonly burst: number;
  readonly everyMs: number;
}

/**
 * A budget that is used up and fills by itself, as one number: when it will be full again, in ms. In the past it is full.
 * This is the generic cell rate algorithm (ITU-T I.371, annex A), which stores no count.
 */
export type FullAtMs = number;

/** Takes one try; or says how long to wait for one, in ms, where none is left. */
export function takeFrom(
  fullAtMs: FullAtMs,
  { burst, everyMs }: Budget,
  nowMs: number,
): { readonly waitMs: 0; readonly fullAtMs: FullAtMs } | { readonly waitMs: number } {
  const then = Math.max(fullAtMs, nowMs) + everyMs;
  const waitMs = then - nowMs - burst * everyMs;
  return waitMs <= 0 ? { waitMs: 0, fullAtMs: then } : { waitMs };
}

/** Gives one try back. */
export const giveBackTo = (fullAtMs: FullAtMs, { everyMs }: Budget): FullAtMs => fullAtMs - everyMs;
