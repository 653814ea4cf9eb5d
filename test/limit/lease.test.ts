import fc from "fast-check";
import { expect, test } from "vitest";
import type { GrantId } from "../../src/id.ts";
import { Counter } from "../../src/limit/counter.ts";
import { grantOf, leaseMs, Pace } from "../../src/limit/lease.ts";
import type { Reservation } from "../../src/limit/reservation.ts";
import { oneCall, takenSince } from "../../src/limit/series.ts";
import { wallClock } from "../../src/limit/zone.ts";

const calls = (count: number) => BigInt(count) * oneCall;
const hour = (max: number) => ({ windowMs: 3_600_000, unit: null, max: calls(max) });
const wish = (id: string, caps: Reservation["caps"], change: Partial<Reservation> = {}): Reservation => ({
  id,
  gate: `grt_${id}` as GrantId,
  amount: oneCall,
  block: 0n,
  caps,
  zone: "UTC",
  epoch: 1,
  ...change,
});
const taken = (counter: Counter, sinceMs = 0) => takenSince(counter.state().series, sinceMs);

test.each([
  { windows: [], life: 2_000 },
  { windows: [99_999], life: 0 },
  { windows: [100_000], life: 1_000 },
  { windows: [3_600_000, 150_000], life: 1_500 },
  { windows: [86_400_000, 60_000], life: 0 },
  { windows: [200_000, 2_678_400_000], life: 2_000 },
])("under windows of $windows ms a lease lives $life ms", ({ windows, life }) => {
  expect(leaseMs(windows.map((windowMs) => ({ windowMs })))).toBe(life);
});

test("at a steady pace a block is what the lease's life takes, and after a pause there is none", () => {
  const pace = new Pace();
  for (let now = 0; now < 20_000; now += 100) pace.take(oneCall, now);
  expect(pace.block(oneCall, 2_000, 20_000)).toBe(calls(19));
  expect(pace.block(oneCall, 1_000, 20_000)).toBe(calls(9));
  expect(pace.block(2n * oneCall, 2_000, 20_000)).toBe(calls(18));
  expect(pace.block(oneCall, 0, 20_000)).toBe(0n);
  expect(pace.block(oneCall, 2_000, 28_000)).toBe(0n);
  expect(pace.block(0n, 2_000, 20_000)).toBe(0n);
  expect(new Pace().block(oneCall, 2_000, 0)).toBe(0n);
});

test("a block is whole calls, and all that is out stays within an eighth of what is left under any limit", () => {
  const amounts = fc.bigInt(0n, 5_000_000n);
  const lefts = fc.array(fc.bigInt(0n, 900_000_000n), { maxLength: 3 });
  fc.assert(
    fc.property(amounts, fc.nat(64), lefts, amounts, (amount, times, left, out) => {
      const block = amount * BigInt(times);
      const granted = grantOf(amount, block, left, out);
      if (granted === amount) return;
      expect(granted > amount && granted <= block && granted % amount === 0n).toBe(true);
      for (const one of left) expect((out + granted) * 8n <= one).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("each call of a lease counts from its own time, and what none used is free when the end is told", () => {
  const counter = new Counter(wallClock, null);
  const { reserved } = counter.reserve(wish("a", [hour(100)], { block: calls(10) }), [], 1_000);
  expect(reserved).toMatchObject({ granted: true, amount: calls(10) });
  expect(counter.read([hour(100)], "UTC", 1_500).before[0]?.taken).toBe(calls(10));
  const uses = [0, 40, 1_900].map((elapsedMs, i) => ({ seq: i + 1, elapsedMs, amount: oneCall }));
  const used = { id: "a", end: "used", uses } as const;
  counter.reserve(wish("b", [hour(100)]), [used, used], 3_000);
  expect(counter.read([hour(100)], "UTC", 3_000).before[0]?.taken).toBe(calls(4));
  expect([1_000, 1_001, 1_041, 2_901].map((since) => taken(counter, since))).toEqual([3, 2, 1, 0].map(calls));
});

test("calls of one lease give back one by one, each once, whether the end was told before or comes after", () => {
  const counter = new Counter(wallClock, null);
  const uses = [1, 2, 3].map((seq) => ({ seq, elapsedMs: 10 * seq, amount: oneCall }));
  const back = (seq: number) =>
    ({ id: "a", end: "returned", seq, atMs: 1_000 + 10 * seq, amount: oneCall }) as const;
  const tell = (...notices: Parameters<Counter["reserve"]>[1]) =>
    counter.apply({ atMs: 2_000, epoch: 1, zone: null, notices, hold: null });
  counter.reserve(wish("a", [hour(100)], { block: calls(10) }), [], 1_000);
  tell(back(2), back(2));
  expect(counter.read([hour(100)], "UTC", 2_000).before[0]?.taken).toBe(calls(9));
  tell({ id: "a", end: "used", uses });
  expect(taken(counter)).toBe(calls(2));
  tell(back(2), back(3), back(3));
  expect(taken(counter)).toBe(calls(1));
});

test("the rest of a lease whose gate cannot be asked stays counted, less what calls gave back", () => {
  const counter = new Counter(wallClock, null);
  counter.reserve(wish("a", [hour(100)], { block: calls(10) }), [], 1_000);
  const back = { id: "a", end: "returned", seq: 1, atMs: 1_010, amount: oneCall } as const;
  const notices = [back, { id: "a", end: "assumed" }, { ...back, seq: 2, atMs: 1_020 }] as const;
  counter.apply({ atMs: 7_000, epoch: 1, zone: null, notices, hold: null });
  expect(taken(counter, 5_000)).toBe(calls(8));
});

test("what was tested for a lease holds until its end: a call under other limits waits for it", () => {
  const counter = new Counter(wallClock, null);
  const [tight, wide] = [hour(40), { ...hour(900), windowMs: 86_400_000 }];
  const { reserved } = counter.reserve(wish("a", [tight], { block: calls(4) }), [], 1_000);
  expect(reserved.amount).toBe(calls(4));
  const large = { amount: calls(37) };
  expect(counter.reserve(wish("b", [wide], large), [], 1_100)).toMatchObject({
    entry: null,
    reserved: { granted: false },
    leases: new Map([["grt_a", ["a"]]]),
    blocked: true,
  });
  const uses = [{ seq: 1, elapsedMs: 0, amount: oneCall }];
  const { reserved: after } = counter.reserve(
    wish("b", [wide], large),
    [{ id: "a", end: "used", uses }],
    1_200,
  );
  expect(after).toMatchObject({ granted: true, before: [{ taken: oneCall }] });
});
