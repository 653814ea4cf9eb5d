import { applyD1Migrations, env, evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { Snapshot } from "../../src/gate/snapshot.ts";
import type { GrantId } from "../../src/id.ts";
import { Agent, outcome, waiting } from "./approval_agent.ts";

beforeAll(() => applyD1Migrations(env.DB, env.MIGRATIONS));

let agent: Agent;
beforeEach(async () => {
  agent = new Agent();
  await agent.gate.apply(agent.snapshot);
});

test("a call that a person approved goes through once, and only once", async () => {
  const asked = await agent.call("pay", { amount: 700 });
  expect(asked).toMatchObject({
    effect: "deny",
    refusal: {
      outcome: "approval_required",
      rule: "/tools/pay/approve_if/args.amount-gt",
      reason: "Over 500 needs a person.",
    },
    waitsFor: { hold: 0 },
  });
  await agent.approve(waiting(asked));
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("allow");
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("approval_required");
});

test("the inbox shows a request before the agent is answered, and what became of it", async () => {
  const seq = await agent.ask("pay", { amount: 700 });
  expect(await agent.inbox()).toMatchObject({
    items: [{ state: "pending", targets: [{ name: "pay" }], server: { slug: "bank" } }],
  });
  await agent.approve(seq);
  expect(await agent.inbox()).toMatchObject({ items: [{ state: "approved", votes: [{ by: "usr_a" }] }] });
  await agent.call("pay", { amount: 700 });
  await runDurableObjectAlarm(agent.gate);
  expect(await agent.inbox()).toMatchObject({ items: [{ state: "used" }] });
});

test("asking again while nobody has answered makes no second request", async () => {
  const first = await agent.ask("pay", { amount: 700 });
  expect(await agent.ask("pay", '{"amount":7e2}')).toBe(first);
  expect(await agent.ask("pay", { amount: 701 })).not.toBe(first);
});

test("an approver sees exactly what will run, until it is over", async () => {
  const text = '{"amount":700.10,"note":"rent"}';
  const seq = await agent.ask("pay", text);
  expect(await agent.gate.approval(seq)).toMatchObject({ held: { arguments: text, others: null } });
  await agent.refuse(seq);
  expect(await agent.gate.approval(seq)).toMatchObject({ approval: { state: "refused" }, held: null });
});

test.each([
  ["arguments", '{"amount":700,"to":"b"}', {}],
  ["input that the server asks for", '{"amount":700,"to":"a"}', { othersText: '{"inputResponses":{}}' }],
])("other %s are another call", async (_what, args, change) => {
  await agent.approve(await agent.ask("pay", '{"amount":700,"to":"a"}'));
  expect(outcome(await agent.call("pay", args, change))).toBe("approval_required");
  expect(outcome(await agent.call("pay", '{"to":"a","amount":700}'))).toBe("allow");
});

const [route] = new Agent().snapshot.routes;
test.each<[string, (snapshot: Snapshot) => Partial<Snapshot>]>([
  [
    "an edited policy",
    ({ routes }) => ({
      routes: routes.map((r) => ({ ...r, policy: r.policy && { ...r.policy, revision: 2 } })),
    }),
  ],
  [
    "a changed tool",
    ({ routes }) => ({
      routes: routes.map((r) => ({ ...r, pins: r.pins.map((p) => ({ ...p, hash: "other" })) })),
    }),
  ],
  ["a team policy", ({ team }) => ({ team: { ...team, policy: route?.policy ?? null } })],
])("%s voids what was approved and what waits", async (_what, change) => {
  const approved = await agent.ask("pay", { amount: 700 });
  await agent.approve(approved);
  const pending = await agent.ask("pay", { amount: 800 });
  await agent.apply(change);
  expect(await agent.gate.approvalState(approved)).toBe("expired");
  expect(await agent.gate.approvalState(pending)).toBe("expired");
  expect(await agent.gate.approval(approved)).toMatchObject({
    approval: { ended: { why: "edited" } },
    held: null,
  });
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("approval_required");
  expect(await agent.approve(pending)).toEqual({ ok: false, why: "over" });
});

test("a freeze voids for good what was approved", async () => {
  const seq = await agent.ask("pay", { amount: 700 });
  await agent.approve(seq);
  await agent.apply(({ team }) => ({ team: { ...team, frozen: "all" } }));
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("denied");
  await agent.apply(({ team }) => ({ team: { ...team, frozen: "off" } }));
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("approval_required");
  expect(await agent.gate.approvalState(seq)).toBe("expired");
});

test("nobody is asked where a limit has no room, and a limit that fills up later leaves the approval standing", async () => {
  const seq = await agent.ask("pay", { amount: 700 });
  await agent.approve(seq);
  for (let i = 0; i < 3; i++) expect(outcome(await agent.call("pay", { amount: 1 }))).toBe("allow");
  expect(outcome(await agent.call("pay", { amount: 900 }))).toBe("limited");
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("limited");
  expect(await agent.gate.approvalState(seq)).toBe("approved");
});

test("asking takes nothing from a limit; the approved call takes its one", async () => {
  const seq = await agent.ask("pay", { amount: 700 });
  expect(await agent.call("pay", { amount: 1 })).toMatchObject({ limits: [{ remaining: 2 }] });
  await agent.approve(seq);
  expect(await agent.call("pay", { amount: 700 })).toMatchObject({
    effect: "allow",
    limits: [{ remaining: 1 }],
  });
});

test("a quorum of two takes two people", async () => {
  const seq = await agent.ask("wipe", {});
  await agent.approve(seq, "usr_a");
  expect(await agent.approve(seq, "usr_a")).toEqual({ ok: false, why: "again" });
  expect(outcome(await agent.call("wipe", {}))).toBe("approval_required");
  await agent.approve(seq, "usr_b");
  expect(outcome(await agent.call("wipe", {}))).toBe("allow");
});

test("a refused call stays refused, with the reason, for as long as the question was open", async () => {
  const seq = await agent.ask("pay", { amount: 700 });
  await agent.refuse(seq, "Not this supplier.");
  const again = await agent.call("pay", { amount: 700 });
  expect(again).toMatchObject({ effect: "deny", refusal: { outcome: "denied" }, waitsFor: null });
  expect(again.effect === "deny" && again.refusal.reason).toContain("Not this supplier.");
});

test("what was approved can be taken back until it runs", async () => {
  const seq = await agent.ask("pay", { amount: 700 });
  await agent.approve(seq);
  await agent.refuse(seq);
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("denied");
});

test("a batch with a call inside that needs a person asks once, for the whole", async () => {
  const steps = [
    { tool: "pay", params: { amount: 700 } },
    { tool: "pay", params: { amount: 800 } },
  ];
  const seq = await agent.ask("batch", { steps });
  expect(await agent.inbox()).toMatchObject({ items: [{ targets: [{ name: "batch" }] }] });
  await agent.approve(seq);
  expect(outcome(await agent.call("batch", { steps: steps.slice(1) }))).toBe("approval_required");
  expect(outcome(await agent.call("batch", { steps }))).toBe("allow");
});

test("a changed tool that a batch calls inside voids the batch's approval", async () => {
  const steps = [{ tool: "pay", params: { amount: 700 } }];
  const seq = await agent.ask("batch", { steps });
  await agent.apply(({ routes }) => ({
    routes: routes.map((r) => ({
      ...r,
      pins: r.pins.map((p) => (p.name === "pay" ? { ...p, hash: "other" } : p)),
    })),
  }));
  expect(await agent.gate.approvalState(seq)).toBe("expired");
});

test("approvals survive eviction", async () => {
  const seq = await agent.ask("pay", { amount: 700 });
  await evictDurableObject(agent.gate);
  await agent.approve(seq);
  await evictDurableObject(agent.gate);
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("allow");
  await evictDurableObject(agent.gate);
  expect(outcome(await agent.call("pay", { amount: 700 }))).toBe("approval_required");
});

test("of fifty callers at once with an approved call exactly one is let through", async () => {
  await agent.approve(await agent.ask("pay", { amount: 700 }));
  const all = await Promise.all(Array.from({ length: 50 }, () => agent.call("pay", { amount: 700 })));
  expect(all.filter((one) => one.effect === "allow")).toHaveLength(1);
});

test("a hundred requests may wait; the next call is told so and makes none", async () => {
  for (let i = 0; i < 100; i++) await agent.ask("pay", { amount: 1000 + i });
  const crowded = await agent.call("pay", { amount: 999 });
  expect(crowded).toMatchObject({ effect: "deny", refusal: { outcome: "denied" }, waitsFor: null });
});

test("a word on an approval that never was is null", async () => {
  expect(await agent.approve(7)).toBeNull();
  expect(await agent.gate.approval(7)).toBeNull();
});

test("a grant's approvals are its own", async () => {
  const seq = await agent.ask("pay", { amount: 700 });
  await agent.approve(seq);
  const other = new Agent();
  await other.gate.apply(other.snapshot);
  expect(outcome(await other.call("pay", { amount: 700 }))).toBe("approval_required");
  expect(other.caller.grant as GrantId).not.toBe(agent.caller.grant);
});
