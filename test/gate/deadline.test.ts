import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { inTime, Watch } from "../../src/gate/deadline.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const never = new Promise<never>(() => {});

/** When, in ms from now, an answer that never comes is given up. */
async function givenUpAfter(watch: Watch, deadlineMs: number): Promise<number> {
  const startMs = Date.now();
  const given = inTime(never, deadlineMs, watch.arm).catch(() => Date.now() - startMs);
  await vi.advanceTimersByTimeAsync(deadlineMs * 2);
  return given;
}

it.each([
  ["a longer one", 60_000],
  ["a shorter one", 2_000],
  ["one as long", 10_000],
])("after a deadline that was met comes %s, which passes at its own time", async (_, deadlineMs) => {
  const watch = new Watch();
  expect(await inTime(Promise.resolve("in time"), 10_000, watch.arm)).toBe("in time");
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await givenUpAfter(watch, deadlineMs)).toBe(deadlineMs);
});

it("deadlines that hold at once pass each at its own time", async () => {
  const watch = new Watch();
  const startMs = Date.now();
  const given = [60_000, 10_000].map((ms) => inTime(never, ms, watch.arm).catch(() => Date.now() - startMs));
  await vi.advanceTimersByTimeAsync(70_000);
  expect(await Promise.all(given)).toEqual([60_000, 10_000]);
});

it("nothing rings once a request is over", async () => {
  const watch = new Watch();
  await inTime(Promise.resolve(), 10_000, watch.arm);
  watch.close();
  expect(vi.getTimerCount()).toBe(0);
});
