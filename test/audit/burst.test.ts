import { describe, expect, it } from "vitest";
import { type Burst, Bursts } from "../../src/audit/burst.ts";
import type { Verdict } from "../../src/audit/entry.ts";
import { decision, gate, other } from "./rows.ts";

/** What comes of refusals at these times, in ms. */
function heard(bursts: Bursts, times: readonly number[], verdict: Verdict = "denied", grant = gate): Burst[] {
  return times.flatMap((atMs, seq) => bursts.hear(decision(seq + 1, { gate: grant, atMs, verdict })) ?? []);
}

const times = (count: number, everyMs: number, fromMs = 0): number[] =>
  Array.from({ length: count }, (_, index) => fromMs + index * everyMs);

describe("a burst", () => {
  it("is the twentieth refusal within a minute", () => {
    expect(heard(new Bursts(), times(19, 1))).toEqual([]);
    expect(heard(new Bursts(), times(20, 1))).toEqual([{ grant: gate, refusals: 20, atMs: 19 }]);
    expect(heard(new Bursts(), [...times(19, 0), 60_000])).toHaveLength(1);
    expect(heard(new Bursts(), [...times(19, 0), 60_001])).toEqual([]);
  });

  it("is told of once an hour, however long it goes on", () => {
    const bursts = new Bursts();
    expect(heard(bursts, times(3_600, 1_000))).toEqual([{ grant: gate, refusals: 20, atMs: 19_000 }]);
    expect(heard(bursts, times(20, 1_000, 3_600_000))).toEqual([
      { grant: gate, refusals: 20, atMs: 3_619_000 },
    ]);
  });

  it("is one grant's own", () => {
    const bursts = new Bursts();
    expect(heard(bursts, times(19, 1))).toEqual([]);
    expect(heard(bursts, times(19, 1), "denied", other)).toEqual([]);
    expect(heard(bursts, [20])).toHaveLength(1);
  });

  it.each(["denied", "limited", "unknown"] as const)("is made of calls that were %s", (verdict) => {
    expect(heard(new Bursts(), times(20, 1), verdict)).toHaveLength(1);
  });

  it.each(["allowed", "approval_required"] as const)("is not made of calls that were %s", (verdict) => {
    expect(heard(new Bursts(), times(40, 1), verdict)).toEqual([]);
  });
});
