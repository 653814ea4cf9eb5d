/**
 * A counter's history: what was taken, and when. `fromMs` is the earliest instant in the mark, `atMs` the latest, and the
 * mark counts as if all of it were taken at `atMs`: merging can make room late, never early.
 */
export interface Mark {
  readonly fromMs: number;
  readonly atMs: number;
  /** In millionths: a call is 1,000,000. */
  readonly amount: bigint;
}

/** Marks by time, oldest first. */
export type Series = readonly Mark[];

/** One call, in a counter's millionths. */
export const oneCall = 1_000_000n;

// policy.md §5: the longest window is 31 days; nothing older can matter to any limit.
const horizonMs = 2_678_400_000;
// The promise is at most 1 % late; 1/128 leaves room for the millisecond by which a window is closed at both ends.
const mergeShare = 1 / 128;

/** A mark still counts while `now` lies within one window of it, both ends included. */
const counts = (mark: Mark, nowMs: number, windowMs: number): boolean => nowMs - mark.atMs <= windowMs;

/** What the window that ends now has already taken. */
export function taken(series: Series, nowMs: number, windowMs: number): bigint {
  let sum = 0n;
  for (let i = series.length - 1; i >= 0; i--) {
    const mark = series[i];
    if (!mark || !counts(mark, nowMs, windowMs)) break;
    sum += mark.amount;
  }
  return sum;
}

/** The first instant at which `amount` fits under `max` if nothing else is taken; null where it never does. */
export function roomAtMs(
  series: Series,
  nowMs: number,
  windowMs: number,
  max: bigint,
  amount: bigint,
): number | null {
  if (amount > max) return null;
  let over = taken(series, nowMs, windowMs) + amount - max;
  if (over <= 0n) return nowMs;
  for (const mark of series) {
    if (!counts(mark, nowMs, windowMs)) continue;
    over -= mark.amount;
    if (over <= 0n) return mark.atMs + windowMs + 1;
  }
  return null;
}

/** When the oldest of what the window has taken comes back; `nowMs` where it has taken nothing. */
export function nextReturnMs(series: Series, nowMs: number, windowMs: number): number {
  const oldest = series.find((mark) => counts(mark, nowMs, windowMs));
  return oldest ? oldest.atMs + windowMs + 1 : nowMs;
}

/** The series with `amount` taken now; `nowMs` must not lie before the last mark (the gate's clock never runs back). */
export const append = (series: Series, nowMs: number, amount: bigint): Series => [
  ...series,
  { fromMs: nowMs, atMs: nowMs, amount },
];

/**
 * The same history in fewer marks: a mark of age `a` only matters to windows of at least `a`, so neighbours less than 1/128
 * of their age apart may become one at the later time without any window freeing room more than 1 % late. About 1,900
 * marks hold 31 days of any traffic, whatever windows are put on the counter later.
 */
export function compact(series: Series, nowMs: number): Series {
  const out: Mark[] = [];
  for (const mark of series) {
    if (nowMs - mark.atMs > horizonMs) continue;
    const last = out.at(-1);
    const spreadMs = last ? mark.atMs - last.fromMs : 0;
    if (last && spreadMs <= (nowMs - mark.atMs) * mergeShare) {
      out[out.length - 1] = { fromMs: last.fromMs, atMs: mark.atMs, amount: last.amount + mark.amount };
    } else {
      out.push(mark);
    }
  }
  return out;
}
