import { applyD1Migrations, env, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Admission } from "../../src/gate/rpc.ts";
import type { GrantGate } from "../../src/index.ts";
import { sizeOf } from "../support/size.ts";
import { Agent, outcome, waiting } from "./approval_agent.ts";

beforeAll(() => applyD1Migrations(env.DB, env.MIGRATIONS));
afterEach(() => {
  vi.restoreAllMocks();
});

/** Calls made at once, inside the gate's own isolate: the trip there would only take turns from them. */
const together = (agent: Agent, calls: readonly string[]): Promise<Admission[]> =>
  runInDurableObject(agent.gate as unknown as DurableObjectStub<GrantGate>, (gate) =>
    Promise.all(calls.map((args) => agent.call("transfer", args, {}, gate))),
  );

const { runs: rounds } = sizeOf("APPROVAL", 20);
const replays = 50;
const approvalsEach = 50;

/** Every third replay says something else than was approved, and reads almost the same. */
const edited = (amount: number, i: number): string =>
  [`{"amount":${amount}.01}`, `{"amount":"${amount}"}`, `{"amount":${amount},"to":null}`][i % 3] ?? "";

async function fresh(): Promise<Agent> {
  const agent = new Agent();
  await agent.gate.apply(agent.snapshot);
  return agent;
}

test.each(Array.from({ length: rounds }, (_, i) => [i]))(
  "fifty approvals with fifty replays each, some edited, are used once each and for the approved call alone (%i)",
  async () => {
    const agent = await fresh();
    let approved = 0;
    for (let amount = 1; amount <= approvalsEach; amount++) {
      const args = `{"amount":${amount}}`;
      await agent.approve(waiting(await agent.call("transfer", args)));
      const calls = Array.from({ length: replays }, (_, i) => (i % 3 === 0 ? edited(amount, i / 3) : args));
      const all = await together(agent, calls);
      const passed = all.flatMap((one, i) => (one.effect === "allow" ? [calls[i]] : []));
      expect(passed).toEqual([args]);
      approved += passed.length;
      const asked = all.filter((one) => one.effect === "deny" && one.waitsFor).map(waiting);
      for (const seq of new Set(asked)) await agent.refuse(seq);
    }
    expect(approved).toBe(approvalsEach);
  },
  60_000,
);

test("an edit between approval and use voids it, whatever is called meanwhile", async () => {
  const agent = await fresh();
  for (let round = 0; round < 20; round++) {
    const args = `{"amount":${round}}`;
    await agent.approve(waiting(await agent.call("transfer", args)));
    const [edit, ...all] = await Promise.all([
      agent.apply(({ routes }) => ({
        routes: routes.map((one) => ({
          ...one,
          policy: one.policy && { ...one.policy, revision: one.policy.revision + 1 },
        })),
      })),
      ...Array.from({ length: 10 }, () => agent.call("transfer", args)),
    ]);
    expect(edit).toBeUndefined();
    const passed = all.filter((one) => one?.effect === "allow");
    expect(passed.length).toBeLessThanOrEqual(1);
    // Whoever passed did so before the edit came into force.
    for (const one of passed) expect(one).toMatchObject({ epoch: agent.snapshot.epoch - 1 });
    const after = await agent.call("transfer", args);
    expect(outcome(after)).toBe("approval_required");
    await agent.refuse(waiting(after));
  }
});

test("an approval is used up to its last millisecond and not in the next", async () => {
  const agent = await fresh();
  const startMs = Date.now();
  const clock = vi.spyOn(Date, "now").mockReturnValue(startMs);
  const last = waiting(await agent.call("transfer", { amount: 1 }));
  const late = waiting(await agent.call("transfer", { amount: 2 }));
  await agent.approve(last);
  await agent.approve(late);
  clock.mockReturnValue(startMs + 59_999);
  expect(outcome(await agent.call("transfer", { amount: 1 }))).toBe("allow");
  clock.mockReturnValue(startMs + 60_000);
  expect(outcome(await agent.call("transfer", { amount: 2 }))).toBe("approval_required");
  expect(await agent.gate.approvalState(last)).toBe("used");
  expect(await agent.gate.approvalState(late)).toBe("expired");
  expect(await agent.gate.approval(late)).toMatchObject({ held: null });
});

test("a word that comes with the expiry counts before it and not after", async () => {
  const agent = await fresh();
  const startMs = Date.now();
  const clock = vi.spyOn(Date, "now").mockReturnValue(startMs);
  const seq = waiting(await agent.call("transfer", { amount: 1 }));
  clock.mockReturnValue(startMs + 60_000);
  expect(await agent.approve(seq)).toEqual({ ok: false, why: "over" });
  expect(await agent.refuse(seq)).toEqual({ ok: false, why: "over" });
});

test("of a yes and a no at once the no stands, unless the call ran between them", async () => {
  const agent = await fresh();
  for (let amount = 0; amount < 20; amount++) {
    const seq = waiting(await agent.call("transfer", { amount }));
    await Promise.all([agent.approve(seq), agent.refuse(seq), agent.approve(seq, "usr_b")]);
    expect(await agent.gate.approvalState(seq)).toBe("refused");
    expect(outcome(await agent.call("transfer", { amount }))).toBe("denied");
  }
});
