import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Admission } from "../../src/gate/rpc.ts";
import type { CounterStub } from "../../src/limit/reservation.ts";
import { seeded } from "./limit_world.ts";
import { type Grant, newMember, seqOf, teamOfGates } from "./team_of_gates.ts";

// The real objects, and a clock of our own: they take the time from Date.
vi.setConfig({ testTimeout: 30_000 });
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-06-10T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

const limited = (...limits: unknown[]) => ({
  version: "1",
  default: "deny",
  tools: { send: { limits }, pay: {} },
});
const effects = async (calls: readonly Promise<Admission>[]) =>
  (await Promise.all(calls)).map(({ effect }) => effect);
const allowed = async (calls: readonly Promise<Admission>[]) =>
  (await effects(calls)).filter((effect) => effect === "allow").length;
const times = (count: number, call: () => Promise<Admission>) => Array.from({ length: count }, call);

test("all grants of one person share a limit of scope member, and nobody else does", async () => {
  const { grant } = teamOfGates({
    server: limited({ counter: "c", window: "hour", max: 10, scope: "member" }),
  });
  const [ada, bob] = [newMember(), newMember()];
  const adas = [await grant(ada), await grant(ada), await grant(ada)];
  const bobs = await grant(bob);
  const machines = [await grant(), await grant()];
  expect(await allowed(adas.flatMap(({ admit }) => times(8, () => admit("send"))))).toBe(10);
  expect(await allowed(times(12, () => bobs.admit("send")))).toBe(10);
  for (const { admit } of machines) expect(await allowed(times(12, () => admit("send")))).toBe(10);
});

test("a limit of scope server pools its grants, server by server", async () => {
  const { grant } = teamOfGates({
    server: limited({ counter: "c", window: "hour", max: 10, scope: "server" }),
  });
  const all = [await grant(), await grant(newMember())];
  expect(await allowed(all.flatMap(({ admit }) => times(8, () => admit("send", "{}", "one"))))).toBe(10);
  expect(await allowed(all.flatMap(({ admit }) => times(8, () => admit("send", "{}", "two"))))).toBe(10);
});

test("a limit of scope team spans servers in the team's policy, and not in a server's", async () => {
  const limit = { counter: "c", window: "hour", max: 10, scope: "team" };
  const free = { version: "1", default: "allow" };
  const bySender = ({ admit }: Grant) => [
    ...times(6, () => admit("send", "{}", "one")),
    ...times(6, () => admit("send", "{}", "two")),
  ];
  const wide = teamOfGates({
    server: free,
    team: { version: "1", default: "allow", tools: { send: { limits: [limit] } } },
  });
  const narrow = teamOfGates({ server: limited(limit) });
  expect(await allowed((await Promise.all([wide.grant(), wide.grant()])).flatMap(bySender))).toBe(10);
  expect(await allowed((await Promise.all([narrow.grant(), narrow.grant()])).flatMap(bySender))).toBe(20);
});

test("a shared limit is tested to the millionth, and the refusal says what is left of it", async () => {
  const { grant } = teamOfGates({
    server: limited({ counter: "sum", window: "day", max: 1.5, scope: "server", increment_from: "args.a" }),
  });
  const [a, b] = [await grant(), await grant()];
  expect((await a.admit("send", '{"a":0.7}')).effect).toBe("allow");
  expect((await b.admit("send", '{"a":0.700001}')).effect).toBe("allow");
  expect(await a.admit("send", '{"a":0.1}')).toMatchObject({
    effect: "deny",
    limits: [],
    refusal: {
      outcome: "limited",
      rule: "/tools/send/limits/sum-per-day",
      reason: "1.5 per day reached for send.",
      retryAfterMs: 86_400_001,
      limit: { max: "1.5", remaining: "0.099999", resetAtMs: Date.now() + 86_400_001 },
    },
  });
  expect((await b.admit("send", '{"a":0.099999}')).effect).toBe("allow");
});

test("a refused call consumes nothing, whether its own limit or a shared one refused", async () => {
  const { grant } = teamOfGates({
    server: limited(
      { counter: "own", window: "hour", max: 3 },
      { counter: "pool", window: "hour", max: 5, scope: "server" },
      { counter: "wide", window: "hour", max: 100, scope: "team" },
    ),
  });
  const [a, b, c] = [await grant(), await grant(), await grant()];
  expect(await allowed(times(9, () => a.admit("send")))).toBe(3);
  expect(await allowed(times(9, () => b.admit("send")))).toBe(2);
  expect(await c.admit("send")).toMatchObject({
    effect: "deny",
    refusal: { rule: "/tools/send/limits/pool-per-hour" },
    limits: [
      { counter: "own", remaining: 3 },
      { counter: "pool", remaining: 0 },
      { counter: "wide", remaining: 95 },
    ],
  });
});

test("shared counts survive the eviction of gates and counters", async () => {
  const limit = { counter: "c", window: "hour", max: 10, scope: "server" };
  const { grant, counter, servers } = teamOfGates({ server: limited(limit) });
  const [a, b] = [await grant(), await grant()];
  const pool = counter(["server", servers[0], "server", "c", false, servers[0]]);
  let through = 0;
  for (let i = 0; i < 8; i++) {
    through += await allowed([a.admit("send"), b.admit("send")]);
    if (i % 2 === 0) await evictDurableObject(pool);
    if (i % 3 === 0) await evictDurableObject(a.gate);
    if (i % 3 === 1) await runDurableObjectAlarm(a.gate);
    if (i === 5) await runDurableObjectAlarm(pool);
  }
  expect(through).toBe(10);
});

test("a request that never left gives back what it took, once, from its own counters and the shared ones", async () => {
  const { grant } = teamOfGates({
    server: limited(
      { counter: "own", window: "hour", max: 2 },
      { counter: "pool", window: "hour", max: 2, scope: "server" },
    ),
  });
  const a = await grant();
  const first = await a.admit("send");
  expect((await a.admit("send")).effect).toBe("allow");
  expect((await a.admit("send")).effect).toBe("deny");
  await runDurableObjectAlarm(a.gate);
  await evictDurableObject(a.gate);
  const seq = first.effect === "allow" ? seqOf(first.decision) : 0;
  const outcome = { seq, end: "not_sent" as const, status: null, bytes: 0, ms: 1 };
  await a.gate.settle([outcome]);
  await a.gate.settle([outcome]);
  await evictDurableObject(a.gate);
  await runDurableObjectAlarm(a.gate);
  await a.gate.settle([outcome]);
  expect(await effects([a.admit("send")])).toEqual(["allow"]);
  expect(await effects([a.admit("send")])).toEqual(["deny"]);
});

test.each(["answered", "client_gone", "upstream_failed", "too_large", "unknown"] as const)(
  "a request that may have left, ending as %s, gives nothing back",
  async (end) => {
    const { grant } = teamOfGates({
      server: limited({ counter: "c", window: "hour", max: 1, scope: "team" }),
    });
    const a = await grant();
    await a.admit("send");
    await a.gate.settle([{ seq: 1, end, status: null, bytes: 0, ms: 1 }]);
    expect((await a.admit("send")).effect).toBe("deny");
  },
);

test("a reservation that nobody confirmed is resolved by asking the gate after five seconds", async () => {
  const limit = { counter: "c", window: "hour", max: 1, scope: "server" };
  const { grant, counter, servers } = teamOfGates({ server: limited(limit) });
  const a = await grant();
  const pool = counter(["server", servers[0], "server", "c", false, servers[0]]) as unknown as CounterStub &
    DurableObjectStub;
  const id = `${Date.now().toString(36)}.lost`;
  const caps = [{ windowMs: 3_600_000, unit: null, max: 1_000_000n }];
  const lost = { id, gate: a.snapshot.grant.id, amount: 1_000_000n, block: 0n, caps, zone: "UTC", epoch: 1 };
  expect(await pool.reserve(lost, [])).toMatchObject({ granted: true });
  expect((await a.admit("send")).effect).toBe("deny");
  vi.setSystemTime(Date.now() + 5_001);
  await evictDurableObject(pool);
  await runDurableObjectAlarm(pool);
  expect((await a.admit("send")).effect).toBe("allow");
});

/** How many requests a counter has written a row for: all but refusals and questions. */
const rowsOf = (counter: DurableObjectStub): Promise<number> =>
  runInDurableObject(
    counter,
    (_, { storage }) => storage.sql.exec<{ n: number }>("SELECT max(n) AS n FROM entry").one().n,
  );
/** One call after the other, so many milliseconds apart. */
async function steadily(count: number, everyMs: number, call: (i: number) => Promise<Admission>) {
  const admissions: Admission[] = [];
  for (let i = 0; i < count; i++) {
    vi.setSystemTime(Date.now() + everyMs);
    admissions.push(await call(i));
  }
  return admissions;
}
const isAllowed = ({ effect }: Admission) => effect === "allow";

test("a grant that calls often takes from leases: 200 calls are 20 requests to the counter, and the agent sees no difference", async () => {
  const limit = { counter: "c", window: "hour", max: 10_000, scope: "member" };
  const { grant, counter, servers } = teamOfGates({ server: limited(limit) });
  const ada = newMember();
  const [busy, other] = [await grant(ada), await grant(ada)];
  const pool = counter(["server", servers[0], "member", "c", false, ada]);
  const admissions = await steadily(200, 50, () => busy.admit("send"));
  expect(
    admissions.map((one) => one.effect !== "gone" && one.effect !== "full" && one.limits[0]?.remaining),
  ).toEqual(Array.from({ length: 200 }, (_, i) => 9_999 - i));
  expect(await rowsOf(pool)).toBeLessThanOrEqual(20);
  await evictDurableObject(busy.gate);
  vi.setSystemTime(Date.now() + 6_000);
  await runDurableObjectAlarm(pool);
  expect(await other.admit("send")).toMatchObject({ effect: "allow", limits: [{ remaining: 9_799 }] });
});

test("gates that lease, die and come back let exactly max through, and refuse nobody before", async () => {
  const limit = { counter: "c", window: "hour", max: 200, scope: "server" };
  const { grant, counter, servers } = teamOfGates({ server: limited(limit) });
  const [first, ...rest] = [await grant(), await grant(), await grant()] as const;
  const pool = counter(["server", servers[0], "server", "c", false, servers[0]]);
  const random = seeded(815);
  let rows = 0;
  const admissions = await steadily(230, 20, async (i) => {
    const one = rest[Math.floor(random() * 3)] ?? first;
    if (i % 60 === 59) await evictDurableObject(one.gate);
    if (i % 90 === 89) await evictDurableObject(pool);
    if (i === 200) rows = await rowsOf(pool);
    return one.admit("send");
  });
  expect(admissions.slice(0, 200).every(isAllowed)).toBe(true);
  expect(admissions.slice(200).some(isAllowed)).toBe(false);
  expect(rows).toBeLessThan(170);
});

test("a lease ends with the edit that lowers the limit, at the next request", async () => {
  const limit = { counter: "c", window: "hour", max: 1_000, scope: "server" };
  const { grant } = teamOfGates({ server: limited(limit) });
  const { snapshot, gate, admit } = await grant();
  expect((await steadily(40, 10, () => admit("send"))).every(isAllowed)).toBe(true);
  const text = JSON.stringify(limited({ ...limit, max: 40 }));
  const routes = snapshot.routes.map((route) => ({
    ...route,
    policy: route.policy && { ...route.policy, text },
  }));
  await gate.apply({ ...snapshot, epoch: 2, routes });
  expect(await admit("send")).toMatchObject({
    effect: "deny",
    refusal: { outcome: "limited", limit: { max: "40", remaining: "0" } },
  });
});

test("a call that took from a lease and never left gives back its part, once, also after the gate died", async () => {
  const limit = { counter: "c", window: "hour", max: 100, scope: "server" };
  const { grant, counter, servers } = teamOfGates({ server: limited(limit) });
  const [a, b] = [await grant(), await grant()];
  const pool = counter(["server", servers[0], "server", "c", false, servers[0]]);
  expect((await steadily(100, 20, () => a.admit("send"))).every(isAllowed)).toBe(true);
  const unsent = [20, 21, 22, 23].map(
    (seq) => ({ seq, end: "not_sent", status: null, bytes: 0, ms: 1 }) as const,
  );
  await a.gate.settle(unsent);
  await evictDurableObject(a.gate);
  await a.gate.settle(unsent);
  await runDurableObjectAlarm(a.gate);
  await evictDurableObject(pool);
  expect((await steadily(8, 20, () => b.admit("send"))).filter(isAllowed)).toHaveLength(4);
});

test("over evictions and alarms no ten seconds ever hold more than the shared limit, nor an evicted gate more than its own", async () => {
  const windowMs = 10_000;
  const { grant, counter, servers } = teamOfGates({
    server: limited(
      { counter: "own", window: 10, max: 6 },
      { counter: "pool", window: 10, max: 9, scope: "server" },
    ),
  });
  const gates = [await grant(), await grant(), await grant()];
  const pool = counter(["server", servers[0], "server", "pool", false, servers[0]]);
  const random = seeded(4_711);
  const admitted: { readonly by: number; readonly atMs: number }[] = [];
  for (let round = 0; round < 60; round++) {
    vi.setSystemTime(Date.now() + Math.floor(random() * 2_500));
    const calls = gates.flatMap((one, by) =>
      Array.from({ length: Math.floor(random() * 4) }, async () => {
        if ((await one.admit("send")).effect === "allow") admitted.push({ by, atMs: Date.now() });
      }),
    );
    await Promise.all(calls);
    const gate = gates[Math.floor(random() * gates.length)]?.gate;
    const luck = random();
    if (gate && luck < 0.3) {
      await gate.settle([]);
      await evictDurableObject(gate);
    }
    if (gate && luck > 0.7) await runDurableObjectAlarm(gate);
    if (luck > 0.4 && luck < 0.5) await runDurableObjectAlarm(pool);
    if (round % 7 === 6) {
      await pool.tell([]);
      await evictDurableObject(pool);
    }
  }
  expect(admitted.length).toBeGreaterThan(60);
  for (const last of admitted) {
    const within = admitted.filter(({ atMs }) => atMs <= last.atMs && last.atMs - atMs <= windowMs);
    expect(within.length).toBeLessThanOrEqual(9);
    expect(within.filter(({ by }) => by === last.by).length).toBeLessThanOrEqual(6);
  }
});
