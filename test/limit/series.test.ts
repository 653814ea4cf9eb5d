import fc from "fast-check";
import { expect, test } from "vitest";
import {
  append,
  compact,
  extend,
  giveBack,
  type Mark,
  oneCall,
  roomAtMs,
  type Series,
  taken,
  takenSince,
} from "../../src/limit/series.ts";

const minuteMs = 60_000;
const at = (times: readonly number[]): Series =>
  times.reduce<Series>((series, time) => append(series, time, oneCall), []);

test("a window is closed at both ends: a call one window old still counts", () => {
  const series = at([1_000]);
  expect(taken(series, 61_000, minuteMs)).toBe(oneCall);
  expect(taken(series, 61_001, minuteMs)).toBe(0n);
});

test("room comes when enough of the oldest calls have left the window", () => {
  const series = at([0, 10, 20]);
  expect(roomAtMs(series, 50, minuteMs, 3n * oneCall, oneCall)).toBe(60_001);
  expect(roomAtMs(series, 50, minuteMs, 3n * oneCall, 2n * oneCall)).toBe(60_011);
  expect(roomAtMs(series, 50, minuteMs, 4n * oneCall, oneCall)).toBe(50);
  expect(roomAtMs(series, 50, minuteMs, oneCall, 2n * oneCall)).toBeNull();
});

/** Drives a limit as the gate does, compacting now and then, and keeps the plain list of what was admitted. */
function drive(gapsMs: readonly number[], windowMs: number, max: number, compactEvery: number) {
  const admitted: number[] = [];
  const lateMs: number[] = [];
  let series: Series = [];
  let now = 0;
  for (const [i, gapMs] of gapsMs.entries()) {
    now += gapMs;
    const fits = taken(series, now, windowMs) + oneCall <= BigInt(max) * oneCall;
    const exact = admitted.filter((time) => now - time <= windowMs).length < max;
    if (fits) {
      admitted.push(now);
      series = append(series, now, oneCall);
    } else if (exact) {
      lateMs.push(now - ((admitted.at(-max) ?? 0) + windowMs));
    }
    if (i % compactEvery === 0) series = compact(series, now, []);
  }
  return { admitted, lateMs, series };
}

const traffic = fc.record({
  gapsMs: fc.array(fc.oneof(fc.nat(3), fc.nat(200), fc.nat(20_000)), { minLength: 200, maxLength: 1_500 }),
  windowMs: fc.constantFrom(1_000, 7_000, 60_000, 3_600_000),
  max: fc.integer({ min: 1, max: 40 }),
  compactEvery: fc.integer({ min: 1, max: 50 }),
});

test("in no interval of one window's length are more than max admitted", () => {
  fc.assert(
    fc.property(traffic, ({ gapsMs, windowMs, max, compactEvery }) => {
      const { admitted } = drive(gapsMs, windowMs, max, compactEvery);
      for (const [i, time] of admitted.entries()) {
        const next = admitted[i + max];
        if (next !== undefined) expect(next - time).toBeGreaterThan(windowMs);
      }
    }),
    { numRuns: 200 },
  );
});

test("room is never more than 1 % of the window late", () => {
  fc.assert(
    fc.property(traffic, ({ gapsMs, windowMs, max, compactEvery }) => {
      const { lateMs } = drive(gapsMs, windowMs, max, compactEvery);
      for (const late of lateMs) expect(late).toBeLessThanOrEqual(windowMs / 100);
    }),
    { numRuns: 200 },
  );
});

test("any traffic fits in about two thousand marks", () => {
  let series: Series = [];
  for (let now = 0; now < 2_678_400_000; now += 40_000) {
    series = append(series, now, oneCall);
    if (series.length > 4_000) series = compact(series, now, []);
  }
  for (let now = 2_678_400_000; now < 2_678_460_000; now += 5) series = append(series, now, oneCall);
  series = compact(series, 2_678_460_000, []);
  expect(series.length).toBeLessThan(2_000);
});

test("merging keeps what lies on both sides of a bound apart", () => {
  const series = at([3_599_990, 3_600_000, 3_600_010]);
  const now = 9_000_000;
  expect(compact(series, now, [])).toHaveLength(1);
  const apart = compact(series, now, [3_600_000]);
  expect(apart).toHaveLength(2);
  expect(takenSince(apart, 3_600_000)).toBe(2n * oneCall);
});

test("what is given back is gone from every window, merged or not, and nothing else is", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(5_000), fc.bigInt(1n, 9n)), { minLength: 1, maxLength: 60 }),
      fc.nat(),
      fc.nat(400_000),
      (steps, pick, laterMs) => {
        let now = 0;
        const took = steps.map(([gapMs, amount]) => {
          now += gapMs;
          return { now, amount };
        });
        const whole = took.reduce<Series>((series, one) => append(series, one.now, one.amount), []);
        const out = took[pick % took.length] ?? { now: 0, amount: 0n };
        const rest = giveBack(compact(whole, now + laterMs, []), out.now, out.amount);
        const sum = took.reduce((total, one) => total + one.amount, 0n) - out.amount;
        expect(takenSince(rest, 0)).toBe(sum);
        for (const since of took) {
          const exact = took
            .filter((one) => one.now >= since.now && one !== out)
            .reduce((total, one) => total + one.amount, 0n);
          expect(takenSince(rest, since.now) >= exact).toBe(true);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a series that grows in its own place tells at every moment what a copied one tells", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: -3, max: 5 }), fc.bigInt({ min: 0n, max: 3n })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (taking) => {
      let [now, copied, own]: [number, Series, Mark[]] = [100, [], []];
      for (const [gapMs, amount] of taking) {
        now += gapMs;
        copied = append(copied, now, amount);
        own = extend(own, now, amount);
        expect(own).toEqual(copied);
        for (const sinceMs of [now - 4, now, now + 1]) {
          expect(takenSince(own, sinceMs)).toBe(takenSince([...copied], sinceMs));
        }
      }
    }),
  );
});
