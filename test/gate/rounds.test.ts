import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DecisionEntry } from "../../src/audit/entry.ts";
import type { Admission, Continued } from "../../src/gate/rpc.ts";
import { sizeOf } from "../support/size.ts";
import { seeded } from "./limit_world.ts";
import { type Grant, newMember, seqOf, teamOfGates } from "./team_of_gates.ts";

// The real objects, and a clock of our own: they take the time from Date.
vi.setConfig({ testTimeout: 30_000 });
const startMs = Date.parse("2026-06-10T12:00:00Z");
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: startMs });
});
afterEach(() => {
  vi.useRealTimers();
});

const limited = (max: number, scope = "grant") => ({
  version: "1",
  default: "deny",
  tools: { send: { limits: [{ counter: "c", window: "hour", max, scope }] }, pay: {} },
});
const granted = async (document: unknown): Promise<Grant> => teamOfGates({ server: document }).grant();

/** The round that an allowed call was: what the state proves that its server gives it. */
function roundOf(admission: Admission): Continued {
  if (admission.effect !== "allow") throw new Error(`not allowed: ${admission.effect}`);
  return { seq: seqOf(admission.decision), atMs: Date.now() };
}
const goOn = ({ admit }: Grant, round: Continued): Promise<Admission> => admit("send", "{}", "one", round);
const first = async ({ admit }: Grant): Promise<Continued> => roundOf(await admit("send"));
const effects = async (calls: readonly Promise<Admission>[]) =>
  (await Promise.all(calls)).map(({ effect }) => effect).sort();

async function rowOf({ gate }: Grant, admission: Admission): Promise<DecisionEntry | undefined> {
  if (!("decision" in admission)) throw new Error("nothing was recorded");
  return (await gate.find(seqOf(admission.decision)))?.decision;
}

/** Puts another policy in force. */
async function edit({ gate, snapshot }: Grant, document: unknown): Promise<void> {
  const text = JSON.stringify(document);
  const routes = snapshot.routes.map((route) => ({
    ...route,
    policy: route.policy && { ...route.policy, revision: 2, text },
  }));
  await gate.apply({ ...snapshot, epoch: 2, routes });
}

describe("a call of several rounds", () => {
  test("is counted once, and each of its rounds is a row that names the one before", async () => {
    const grant = await granted(limited(1));
    const [one, two] = [await grant.admit("send"), await goOn(grant, { seq: 1, atMs: startMs })];
    const three = await goOn(grant, roundOf(two));
    expect([one.effect, two.effect, three.effect]).toEqual(["allow", "allow", "allow"]);
    const rows = await Promise.all([one, two, three].map((round) => rowOf(grant, round)));
    expect(rows.map((row) => row?.continues)).toEqual([undefined, 1, 2]);
    expect(await grant.admit("send")).toMatchObject({ effect: "deny", refusal: { outcome: "limited" } });
  });

  test("asks no shared counter after its first round", async () => {
    const { grant } = teamOfGates({ server: limited(1, "member") });
    const ada = newMember();
    const [one, other] = [await grant(ada), await grant(ada)];
    const round = await first(one);
    expect((await other.admit("send")).effect).toBe("deny");
    expect(await goOn(one, round)).toMatchObject({ effect: "allow", limits: [] });
    expect((await goOn(one, round)).effect).toBe("deny");
  });

  test("is judged by the policy of that moment in every round", async () => {
    const grant = await granted(limited(2));
    const round = await first(grant);
    await edit(grant, { ...limited(2), tools: { send: { action: "deny" } } });
    const refused = await goOn(grant, round);
    expect(refused).toMatchObject({ effect: "deny", refusal: { rule: "/tools/send/action" } });
    expect((await rowOf(grant, refused))?.continues).toBe(round.seq);
  });

  test("is refused where a limit was edited to less than what is taken, and goes on where it just fits", async () => {
    const grant = await granted(limited(3));
    const rounds = [await first(grant), await first(grant)];
    await edit(grant, limited(1));
    for (const round of rounds) {
      expect(await goOn(grant, round)).toMatchObject({ effect: "deny", refusal: { outcome: "limited" } });
    }
    const other = await granted(limited(3));
    const [fits] = [await first(other), await first(other)];
    await edit(other, limited(2));
    expect((await goOn(other, fits)).effect).toBe("allow");
  });

  test("keeps its state when a round of it is refused", async () => {
    const grant = await granted(limited(1));
    const round = await first(grant);
    await grant.gate.apply({ ...grant.snapshot, epoch: 2, team: { ...grant.snapshot.team, frozen: "all" } });
    expect((await goOn(grant, round)).effect).toBe("deny");
    await grant.gate.apply({ ...grant.snapshot, epoch: 3 });
    expect((await goOn(grant, round)).effect).toBe("allow");
  });

  test("gets its state back when the round provably never left", async () => {
    const grant = await granted(limited(1));
    const round = await first(grant);
    const { seq } = roundOf(await goOn(grant, round));
    await grant.gate.settle([{ seq, end: "not_sent", status: null, bytes: 0, ms: 0 }]);
    await evictDurableObject(grant.gate);
    expect(await effects([goOn(grant, round), goOn(grant, round)])).toEqual(["allow", "deny"]);
  });
});

describe("a state that is used again", () => {
  test("makes a call that counts, however many use it at once", async () => {
    const grant = await granted(limited(3));
    const round = await first(grant);
    const storm = await effects(Array.from({ length: 40 }, () => goOn(grant, round)));
    expect(storm.filter((effect) => effect === "allow")).toHaveLength(1 + 2);
  });

  test("counts after a restart as well, before and after the rows have reached the log", async () => {
    const grant = await granted(limited(1));
    const round = await first(grant);
    expect((await goOn(grant, round)).effect).toBe("allow");
    await evictDurableObject(grant.gate);
    expect((await goOn(grant, round)).effect).toBe("deny");
    await runDurableObjectAlarm(grant.gate);
    await evictDurableObject(grant.gate);
    expect((await goOn(grant, round)).effect).toBe("deny");
  });

  test("counts when it is twenty minutes old, used or not", async () => {
    const grant = await granted(limited(1));
    const [round] = [await first(grant)];
    vi.setSystemTime(startMs + 1_200_000);
    expect((await goOn(grant, round)).effect).toBe("deny");
  });

  test("counts when so many others were used that nobody remembers", async () => {
    const grant = await granted(limited(1_003));
    const rounds = await Promise.all(Array.from({ length: 1_003 }, () => first(grant)));
    rounds.sort((a, b) => a.seq - b.seq);
    const [unused, used] = rounds;
    const others = await effects(rounds.slice(1).map((round) => goOn(grant, round)));
    expect(others).toEqual(others.map(() => "allow"));
    await runDurableObjectAlarm(grant.gate);
    await evictDurableObject(grant.gate);
    for (const round of [unused, used, rounds.at(-1)]) {
      expect((await goOn(grant, round as Continued)).effect).toBe("deny");
    }
  });
});

const { seed } = sizeOf("LIMIT", 1);

test(`never more than the limit's calls, each with no more rounds than its server asked for (seed ${seed})`, async () => {
  const max = 20;
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const grant = await granted(limited(max));
  // A server that asks after every round: each allowed one hands out one state.
  const states: Continued[] = [];
  const presented = new Set<number>();
  for (let step = 0; step < 200; step++) {
    const dice = random();
    if (dice < 0.05) {
      // Only what runs can be evicted.
      await grant.gate.find(1);
      await evictDurableObject(grant.gate);
    } else if (dice < 0.1) await runDurableObjectAlarm(grant.gate);
    else {
      // Three in four are replays or continuations, some of them two at once.
      const state = dice < 0.3 ? undefined : pick(states);
      if (state) presented.add(state.seq);
      const calls = Array.from({ length: dice > 0.8 ? 3 : 1 }, () =>
        state ? goOn(grant, state) : grant.admit("send"),
      );
      for (const one of await Promise.all(calls)) if (one.effect === "allow") states.push(roundOf(one));
    }
    vi.setSystemTime(Date.now() + Math.floor(random() * 2_000));
  }
  // All within one window: what was let through beyond the limit are continuations, each of another round.
  expect(states.length).toBe(max + presented.size);
});
