import fc from "fast-check";
import { expect, test } from "vitest";
import { append, type Series, takenSince } from "../../src/limit/series.ts";
import { Totals } from "../../src/limit/totals.ts";

test("totals answer as the series of the same marks does", () => {
  const marks = fc.array(fc.record({ gapMs: fc.nat(5), amount: fc.bigInt(0n, 9n) }), { maxLength: 60 });
  fc.assert(
    fc.property(marks, fc.integer({ min: -2, max: 200 }), (all, sinceMs) => {
      const totals = new Totals();
      let [series, now]: [Series, number] = [[], 0];
      for (const { gapMs, amount } of all) {
        now += gapMs;
        series = append(series, now, amount);
        totals.add(now, amount);
      }
      expect(totals.since(sinceMs)).toBe(takenSince(series, sinceMs));
    }),
    { numRuns: 500 },
  );
});
