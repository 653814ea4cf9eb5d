import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { GrantId } from "../../src/id.ts";
import { askAfterMs } from "../../src/limit/reservation.ts";
import { Shared, type SharedDeps } from "../../src/limit/shared.ts";
import { inWords, lie, rejecting, throwing } from "./point.ts";

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const gate = "grt_00000000000000000000000001" as GrantId;
const caps = [{ windowMs: 60_000, unit: null, max: 1_000_000n }];
const wish = (id: string) => ({ id, gate, amount: 1_000_000n, block: 0n, caps, zone: "UTC", epoch: 1 });

/** A counter with room for one, which is granted; its gate then says `ask` of it. How the next wish fares. */
async function nextAfter(ask: SharedDeps["ask"]): Promise<boolean> {
  const object = env.COUNTERS.get(env.COUNTERS.idFromName(crypto.randomUUID()));
  return runInDurableObject(object, async (_, state) => {
    let nowMs = 1_000_000;
    const counter = new Shared(state, env, { ask, now: () => nowMs });
    expect((await counter.reserve(wish("a"), [])).granted).toBe(true);
    nowMs += askAfterMs + 1;
    await counter.alarm().catch(() => undefined);
    const asked = await counter.reserve(wish("b"), []);
    return asked.granted;
  });
}

test("a gate that says it let go of what it was granted makes room", async () => {
  expect(await nextAfter(async () => [{ id: "a", end: "void" }])).toBe(true);
});

test.each([
  ["throws at once", throwing],
  ["throws later", rejecting],
  ...[
    undefined,
    null,
    {},
    [],
    [null],
    [{}],
    [{ id: "other", end: "void" }],
    [{ id: "a" }],
    [{ id: "a", end: "gone" }],
    [{ id: "a", end: "used" }],
    [{ id: "a", end: "used", uses: [null] }],
    [{ id: "a", end: "used", uses: [{ seq: 1, elapsedMs: Number.NaN, amount: 1_000_000n }] }],
    [{ id: "a", end: "used", uses: [{ seq: 1, elapsedMs: -1_000_000_000, amount: 1_000_000n }] }],
    [{ id: "a", end: "used", uses: [{ seq: 1, elapsedMs: 0, amount: -1_000_000n }] }],
    [{ id: "a", end: "used", uses: [{ seq: 1, elapsedMs: 0 }] }],
    [{ id: "a", end: "returned" }],
  ].map((said): [string, SharedDeps["ask"]] => [`says ${inWords(said)}`, async () => lie(said)]),
])("a gate that %s of what it was granted makes no room", async (_, ask) => {
  expect(await nextAfter(ask)).toBe(false);
});

test.each([
  ["throws", throwing],
  ["says NaN", () => Number.NaN],
  ["says Infinity", () => Number.POSITIVE_INFINITY],
  ["says undefined", () => lie(undefined)],
  ["says now", () => lie("now")],
  ["runs backwards", () => 0],
])("a counter that is full stays full when its clock %s", async (_, now) => {
  const object = env.COUNTERS.get(env.COUNTERS.idFromName(crypto.randomUUID()));
  await runInDurableObject(object, async (__, state) => {
    const clock = { now: () => 1_000_000 };
    const counter = new Shared(state, env, { ask: rejecting, now: () => clock.now() });
    expect((await counter.reserve(wish("a"), [])).granted).toBe(true);
    clock.now = now;
    const granted = await counter.reserve(wish("b"), []).then(
      (answer) => answer.granted,
      () => "an error",
    );
    expect(granted).not.toBe(true);
  });
});

test("gates whose randomness always says the same get no more than there is", async () => {
  const object = env.COUNTERS.get(env.COUNTERS.idFromName(crypto.randomUUID()));
  await runInDurableObject(object, async (_, state) => {
    const counter = new Shared(state, env, { ask: rejecting, now: () => 1_000_000 });
    const roomForTwo = caps.map((cap) => ({ ...cap, max: 2_000_000n }));
    const answers = await Promise.allSettled(
      Array.from({ length: 5 }, () => counter.reserve({ ...wish("same"), caps: roomForTwo }, [])),
    );
    const granted = answers.filter((one) => one.status === "fulfilled" && one.value.granted);
    expect(granted).toHaveLength(1);
  });
});
