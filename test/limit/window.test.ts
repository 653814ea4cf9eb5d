import fc from "fast-check";
import { expect, test } from "vitest";
import { Calendar } from "../../src/limit/calendar.ts";
import { append, type Series } from "../../src/limit/series.ts";
import { type Cap, readAfter, readWindow } from "../../src/limit/window.ts";
import { wallClock } from "../../src/limit/zone.ts";

const calendar = new Calendar(wallClock, [{ zone: "UTC", sinceMs: 0 }]);

test("how a limit stands after a call follows from how it stood before, where that is told without its series", () => {
  const cap = fc.record<Cap>({
    windowMs: fc.constantFrom(10, 60_000),
    unit: fc.constantFrom(null, "minute"),
    max: fc.bigInt({ min: 1n, max: 12n }),
  });
  const gaps = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 8 });
  fc.assert(
    fc.property(cap, gaps, fc.bigInt({ min: 0n, max: 4n }), (limit, gapsMs, amount) => {
      let [nowMs, series]: [number, Series] = [59_990, []];
      for (const gapMs of gapsMs) {
        nowMs += gapMs;
        series = append(series, nowMs, 1n);
      }
      const before = readWindow(series, limit, amount, nowMs, calendar);
      const told = readAfter(before, limit, amount, nowMs);
      const after = amount > 0n ? append(series, nowMs, amount) : series;
      if (told) expect(told).toEqual(readWindow(after, limit, amount, nowMs, calendar));
      else expect(before.taken + 2n * amount > limit.max).toBe(true);
    }),
  );
});
