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

/** Millionths as a decimal number's text, such as `0.5`. */
export function decimalText(micros: bigint): string {
  const fraction = String(micros % oneCall)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return fraction === "" ? String(micros / oneCall) : `${micros / oneCall}.${fraction}`;
}

// policy.md §5: the longest window is 31 days, or a month in which an hour comes twice; older marks matter to no limit.
const horizonMs = 32 * 86_400_000;
// The promise is at most 1 % late; 1/128 leaves room for the millisecond by which a window is closed at both ends.
const mergeShare = 1 / 128;

/** What a sliding window that ends now has already taken: it is closed at both ends. */
export const taken = (series: Series, nowMs: number, windowMs: number): bigint =>
  takenSince(series, nowMs - windowMs);

/** What was taken at `sinceMs` or later. */
export function takenSince(series: Series, sinceMs: number): bigint {
  const start = firstSince(series, sinceMs);
  if (start >= series.length) return 0n;
  const sums = sumsOf(series);
  return (sums[series.length - 1] ?? 0n) - (sums[start - 1] ?? 0n);
}

// Every call reads every limit of its counter, and a busy counter has thousands of marks: so their running totals are kept.
// They go on from series to series as marks are appended.
const kept = new WeakMap<Series, bigint[]>();

function sumsOf(series: Series): bigint[] {
  const known = kept.get(series);
  if (known) return known;
  let sum = 0n;
  const sums = series.map(({ amount }) => {
    sum += amount;
    return sum;
  });
  kept.set(series, sums);
  return sums;
}

/** The index of the first mark at `sinceMs` or later; the series' length where there is none. */
function firstSince(series: Series, sinceMs: number): number {
  let [low, high] = [0, series.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((series[middle]?.atMs ?? 0) < sinceMs) low = middle + 1;
    else high = middle;
  }
  return low;
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
  for (let i = firstSince(series, nowMs - windowMs); i < series.length; i++) {
    const mark = series[i];
    if (mark) over -= mark.amount;
    if (mark && over <= 0n) return mark.atMs + windowMs + 1;
  }
  return null;
}

/** When the oldest of what the window has taken comes back; `nowMs` where it has taken nothing. */
export function nextReturnMs(series: Series, nowMs: number, windowMs: number): number {
  const oldest = series[firstSince(series, nowMs - windowMs)];
  return oldest ? oldest.atMs + windowMs + 1 : nowMs;
}

/** The series with `amount` taken at `atMs`; mostly that is its end. One instant has one mark, so that what is given back finds it. */
export function append(series: Series, atMs: number, amount: bigint): Series {
  const index = series.findLastIndex((one) => one.atMs <= atMs);
  const last = series[index];
  const again = last?.atMs === atMs;
  const longer = again
    ? series.with(index, { ...last, amount: last.amount + amount })
    : series.toSpliced(index + 1, 0, { fromMs: atMs, atMs, amount });
  const sums = index === series.length - 1 ? kept.get(series) : undefined;
  if (sums) kept.set(longer, sums.toSpliced(again ? index : index + 1, 1, (sums[index] ?? 0n) + amount));
  return longer;
}

/**
 * The same, in the series' own place where its end is where it goes: for whoever alone holds the series, and takes from it
 * call after call.
 */
export function extend(series: Mark[], atMs: number, amount: bigint): Mark[] {
  const last = series.at(-1);
  if (last && last.atMs > atMs) return [...append(series, atMs, amount)];
  const sums = kept.get(series);
  const sum = (sums?.at(-1) ?? 0n) + amount;
  if (last?.atMs === atMs) {
    series.splice(-1, 1, { ...last, amount: last.amount + amount });
    sums?.splice(-1, 1, sum);
  } else {
    series.push({ fromMs: atMs, atMs, amount });
    sums?.push(sum);
  }
  return series;
}

/** The series without the `amount` that was taken at `atMs`; as it is where that is too long ago to be told. */
export function giveBack(series: Series, atMs: number, amount: bigint): Series {
  // The earliest mark that can hold it: what remains then counts no earlier than it was taken.
  const index = series.findIndex((mark) => mark.fromMs <= atMs && atMs <= mark.atMs && mark.amount >= amount);
  const mark = series[index];
  if (!mark) return series;
  const rest = mark.amount - amount;
  return rest > 0n ? series.with(index, { ...mark, amount: rest }) : series.toSpliced(index, 1);
}

/**
 * The same history in fewer marks: a mark of age `a` only matters to windows of at least `a`, so neighbours less than 1/128
 * of their age apart may become one at the later time without any sliding window freeing room more than 1 % late. About
 * 1,900 marks hold 31 days of any traffic, whatever windows are put on the counter later. Calendar windows free all of
 * their room at once, so nothing merges across one of `bounds`, their first instants.
 */
export function compact(series: Series, nowMs: number, bounds: readonly number[]): Mark[] {
  const out: Mark[] = [];
  for (const mark of series) {
    if (nowMs - mark.atMs > horizonMs) continue;
    const last = out.at(-1);
    if (last && near(last, mark, nowMs) && !parted(last.atMs, mark.atMs, bounds)) {
      const fromMs = Math.min(last.fromMs, mark.fromMs);
      out[out.length - 1] = { fromMs, atMs: mark.atMs, amount: last.amount + mark.amount };
    } else {
      out.push(mark);
    }
  }
  return out;
}

const near = (last: Mark, mark: Mark, nowMs: number): boolean =>
  mark.atMs - Math.min(last.fromMs, mark.fromMs) <= (nowMs - mark.atMs) * mergeShare;

const parted = (earlierMs: number, laterMs: number, bounds: readonly number[]): boolean =>
  bounds.some((boundMs) => earlierMs < boundMs && boundMs <= laterMs);
