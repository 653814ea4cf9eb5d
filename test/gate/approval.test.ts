import { env, evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { beforeEach, expect, test } from "vitest";
import type { ControlEntry } from "../../src/audit/entry.ts";
import type { Admission, Ask, Caller, GateStub } from "../../src/gate/rpc.ts";
import type { Pin, Snapshot } from "../../src/gate/snapshot.ts";
import { approvalParts, type GrantId, newId, type UserId } from "../../src/id.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const event = (): ControlEntry => ({
  kind: "control",
  id: newId("evt", random),
  atMs: 0,
  requestId: "req_1",
  actor: "usr_1",
  action: "approval.approved",
  subject: "apr_1",
  detail: {},
});

const document = {
  version: "1",
  default: "deny",
  tools: {
    pay: {
      approve_if: [
        { conditions: [{ path: "args.amount", op: "gt", value: 500 }], reason: "Over 500 needs a person." },
      ],
      limits: [{ counter: "pay", window: "hour", max: 3, scope: "grant" }],
    },
    wipe: { action: "approve", approve: { approvers: "admin", expires: 60, quorum: 2, hold: 30 } },
    batch: { nested: { each: "args.steps[*]", tool: "tool", arguments: "params" } },
  },
};

const pin = (name: string): Pin => ({ name, hash: `hash of ${name}`, category: "Execute", level: "high" });

class Agent {
  snapshot: Snapshot;
  readonly caller: Caller;
  readonly gate: DurableObjectStub & GateStub;

  constructor() {
    const [grant, team, jti] = [newId("grt", random), newId("tm", random), newId("jti", random)];
    const laterMs = Date.now() + 3_600_000;
    this.snapshot = {
      epoch: 1,
      team: { id: team, slug: "acme", zone: "UTC", frozen: "off", policy: null },
      grant: {
        id: grant,
        label: "agent",
        tags: [],
        revoked: false,
        expiresAtMs: laterMs,
        tokens: [{ jti, notAfterMs: laterMs }],
        member: null,
      },
      routes: [
        {
          server: { id: newId("srv", random), slug: "bank", name: "bank", url: "https://bank.example/mcp" },
          credential: null,
          policy: { id: newId("pol", random), name: "p", revision: 1, text: JSON.stringify(document) },
          pins: ["pay", "wipe", "batch"].map(pin),
          unpinned: false,
        },
      ],
    };
    this.caller = { grant, team, jti, teamSlug: "acme", serverSlug: "bank" };
    this.gate = env.GATES.get(env.GATES.idFromName(grant)) as unknown as Agent["gate"];
  }

  call(name: string, args: unknown, change: Partial<Ask> = {}): Promise<Admission> {
    return this.gate.admit(this.caller, {
      method: "tools/call",
      targets: [{ kind: "tool", name }],
      argumentsText: typeof args === "string" ? args : JSON.stringify(args),
      requestId: "req_1",
      ...change,
    });
  }

  /** Calls, and gives the number of the approval that the call waits for. */
  async ask(name: string, args: unknown): Promise<number> {
    return waiting(await this.call(name, args));
  }

  approve(seq: number, by = "usr_a") {
    return this.gate.decide(seq, "approve", { by: by as UserId, note: null }, event());
  }

  refuse(seq: number, note: string | null = null) {
    return this.gate.decide(seq, "refuse", { by: "usr_a" as UserId, note }, event());
  }

  async apply(change: (snapshot: Snapshot) => Partial<Snapshot>): Promise<void> {
    this.snapshot = { ...this.snapshot, ...change(this.snapshot), epoch: this.snapshot.epoch + 1 };
    await this.gate.apply(this.snapshot);
  }

  inbox() {
    return env.LOGS.get(env.LOGS.idFromName(this.caller.team)).inbox({ limit: 10 });
  }
}

function waiting(admission: Admission): number {
  if (admission.effect !== "deny" || !admission.waitsFor) throw new Error(`not waiting: ${admission.effect}`);
  return approvalParts(admission.waitsFor.id)?.seq ?? -1;
}

const outcome = (admission: Admission): string =>
  admission.effect === "deny" ? admission.refusal.outcome : admission.effect;

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
