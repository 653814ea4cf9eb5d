import fc from "fast-check";
import { expect, test } from "vitest";
import { Calendar } from "../../src/limit/calendar.ts";
import { periodAt, type Unit } from "../../src/limit/period.ts";
import { wallClock } from "../../src/limit/zone.ts";

const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "America/Sao_Paulo",
  "America/Havana",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Asia/Beirut",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Kiritimati",
  "Pacific/Chatham",
];
const hourMs = 3_600_000;
const span = (unit: Unit, zone: string, at: string) => {
  const { fromMs, untilMs } = periodAt(unit, wallClock(zone), Date.parse(at));
  return [new Date(fromMs).toISOString(), (untilMs - fromMs) / hourMs];
};

test.each<[Unit, string, string, string, number]>([
  ["second", "Asia/Kolkata", "2026-03-01T10:20:30.400Z", "2026-03-01T10:20:30.000Z", 1 / 3600],
  ["minute", "Asia/Kolkata", "2026-03-01T10:20:30.400Z", "2026-03-01T10:20:00.000Z", 1 / 60],
  ["hour", "Asia/Kolkata", "2026-03-01T10:20:30Z", "2026-03-01T10:00:00.000Z", 1],
  ["day", "Asia/Kolkata", "2026-03-01T18:29:59.999Z", "2026-02-28T18:30:00.000Z", 24],
  ["day", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00.000Z", 23],
  ["day", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00.000Z", 25],
  ["day", "Australia/Lord_Howe", "2026-10-04T04:00:00Z", "2026-10-03T13:30:00.000Z", 23.5],
  ["day", "Australia/Lord_Howe", "2026-04-05T04:00:00Z", "2026-04-04T13:00:00.000Z", 24.5],
  ["week", "America/New_York", "2026-03-08T23:00:00Z", "2026-03-02T05:00:00.000Z", 167],
  ["week", "America/New_York", "2026-11-01T23:00:00Z", "2026-10-26T04:00:00.000Z", 169],
  ["month", "Europe/Berlin", "2026-10-31T22:59:59.999Z", "2026-09-30T22:00:00.000Z", 745],
  ["month", "UTC", "2028-02-29T23:59:59.999Z", "2028-02-01T00:00:00.000Z", 696],
])("a calendar %s in %s at %s begins at %s and lasts %d h", (unit, zone, at, from, hours) => {
  expect(span(unit, zone, at)).toEqual([from, hours]);
});

test.each<[string, string, string, number, string]>([
  ["skips midnight", "Africa/Cairo", "2026-04-24T10:00:00Z", 23, "2026-04-23T22:00:00.000Z"],
  ["skips a whole date", "Pacific/Apia", "2011-12-31T00:00:00Z", 24, "2011-12-30T10:00:00.000Z"],
  ["has midnight twice", "America/Havana", "2026-11-01T12:00:00Z", 25, "2026-11-01T04:00:00.000Z"],
  ["comes again to yesterday", "America/St_Johns", "2006-10-29T03:00:00Z", 25, "2006-10-29T02:30:00.000Z"],
])("a day whose clock %s, in %s, begins with its first instant", (_, zone, at, hours, from) => {
  expect(span("day", zone, at)).toEqual([from, hours]);
});

const moment = fc.integer({ min: Date.parse("1975-01-01"), max: Date.parse("2037-12-31") });
const anywhere = fc.record({
  zone: fc.constantFrom(...zones),
  unit: fc.constantFrom<Unit>("second", "minute", "hour", "day", "week", "month"),
  at: moment,
});

test("calendar windows follow each other without a gap, and each holds the moments between its ends", () => {
  fc.assert(
    fc.property(anywhere, fc.nat(10_000), ({ zone, unit, at }, share) => {
      const wall = wallClock(zone);
      const period = periodAt(unit, wall, at);
      expect(period.fromMs <= at && at < period.untilMs).toBe(true);
      const inside = period.fromMs + Math.floor(((period.untilMs - period.fromMs - 1) * share) / 10_000);
      expect(periodAt(unit, wall, inside)).toEqual(period);
      expect(periodAt(unit, wall, period.untilMs).fromMs).toBe(period.untilMs);
      expect(periodAt(unit, wall, period.fromMs - 1).untilMs).toBe(period.fromMs);
    }),
    { numRuns: 400 },
  );
});

test("days, weeks and months begin on their local date, and never a millisecond after its first instant", () => {
  fc.assert(
    fc.property(anywhere, ({ zone, unit, at }) => {
      fc.pre(unit === "day" || unit === "week" || unit === "month");
      const wall = wallClock(zone);
      const { fromMs } = periodAt(unit, wall, at);
      const first = new Date(wall(fromMs));
      const date = first.toISOString().slice(0, 10);
      expect(new Date(wall(fromMs - 1)).toISOString().slice(0, 10) < date).toBe(true);
      // Apia never had the 30th of December 2011.
      if (zone === "Pacific/Apia" && date === "2011-12-31") return;
      if (unit === "week") expect(first.getUTCDay()).toBe(1);
      if (unit === "month") expect(first.getUTCDate()).toBe(1);
    }),
    { numRuns: 400 },
  );
});

test("the window that runs when the zone changes keeps its bounds, and the next is the new zone's", () => {
  const calendar = new Calendar(wallClock, []);
  calendar.turnTo("Europe/Berlin", Date.parse("2026-06-01T00:00:00Z"));
  const noon = Date.parse("2026-06-10T10:00:00Z");
  const berlin = { fromMs: Date.parse("2026-06-09T22:00:00Z"), untilMs: Date.parse("2026-06-10T22:00:00Z") };
  expect(calendar.period("day", noon)).toEqual(berlin);
  expect(calendar.turnTo("America/New_York", noon)).toBe(true);
  expect(calendar.turnTo("America/New_York", noon + 1)).toBe(false);
  expect(calendar.period("day", berlin.untilMs - 1)).toEqual(berlin);
  expect(calendar.period("day", berlin.untilMs)).toEqual({
    fromMs: Date.parse("2026-06-10T04:00:00Z"),
    untilMs: Date.parse("2026-06-11T04:00:00Z"),
  });
  const kept = new Calendar(wallClock, JSON.parse(JSON.stringify(calendar.zones)));
  expect(kept.period("day", berlin.untilMs - 1)).toEqual(berlin);
});

test("no sequence of zone changes makes a calendar window end before it would have", () => {
  const edits = fc.array(fc.tuple(fc.constantFrom(...zones), fc.integer({ min: 1, max: 90 * hourMs })), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(moment, edits, fc.constantFrom<Unit>("day", "week", "month"), (startMs, changes, unit) => {
      const calendar = new Calendar(wallClock, []);
      calendar.turnTo("UTC", startMs);
      let nowMs = startMs;
      let running = calendar.period(unit, nowMs);
      for (const [zone, afterMs] of changes) {
        nowMs += afterMs;
        calendar.turnTo(zone, nowMs);
        const next = calendar.period(unit, nowMs);
        if (nowMs < running.untilMs) expect(next).toEqual(running);
        running = next;
      }
    }),
    { numRuns: 300 },
  );
});
