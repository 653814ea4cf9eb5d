import { env, evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { beforeEach, expect, test } from "vitest";
import type { Caller, GateStub } from "../../src/gate/rpc.ts";
import type { Pin, PolicyText, Snapshot } from "../../src/gate/snapshot.ts";
import { type GrantId, newId, type PolicyId, type ServerId, type TeamId } from "../../src/id.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));

const sendPolicy = {
  version: "1",
  default: "deny",
  hide: ["cmux_close_all"],
  tools: {
    cmux_send: { limits: [{ counter: "cmux_send_rate", window: "minute", max: 10, scope: "grant" }] },
    cmux_workspace_snapshot: {},
    cmux_session_save: {
      deny_if: [{ conditions: [{ path: "args.name", op: "eq", value: "prod" }], on_deny: "Not prod." }],
    },
    cmux_batch: { action: "approve" },
  },
};

const pin = (name: string): Pin => ({ name, hash: "h", category: "Execute", level: "high" });
const pins = [
  "cmux_send",
  "cmux_workspace_snapshot",
  "cmux_session_save",
  "cmux_close_all",
  "cmux_batch",
  "cmux_other",
].map(pin);

interface Setting {
  snapshot: Snapshot;
  caller: Caller;
  gate: DurableObjectStub & GateStub;
}

function setting(document: unknown = sendPolicy): Setting {
  const grant = newId("grt", random);
  const team = newId("tm", random);
  const jti = newId("jti", random);
  const policy: PolicyText = {
    id: newId("pol", random) as PolicyId,
    name: "default",
    revision: 1,
    text: JSON.stringify(document),
  };
  const snapshot: Snapshot = {
    epoch: 1,
    team: { id: team as TeamId, slug: "acme", zone: "UTC", frozen: "off", policy: null },
    grant: {
      id: grant as GrantId,
      label: "agent",
      tags: [],
      revoked: false,
      expiresAtMs: Date.now() + 3_600_000,
      tokens: [{ jti, notAfterMs: Date.now() + 3_600_000 }],
      member: null,
    },
    routes: [
      {
        server: {
          id: newId("srv", random) as ServerId,
          slug: "cmux",
          name: "cmux",
          url: "https://cmux.example/mcp",
        },
        credential: null,
        policy,
        pins,
        unpinned: false,
      },
    ],
  };
  const caller: Caller = {
    grant: grant as GrantId,
    team: team as TeamId,
    bearer: { kind: "token", jti },
    teamSlug: "acme",
    serverSlug: "cmux",
  };
  const gate = env.GATES.get(env.GATES.idFromName(grant)) as unknown as Setting["gate"];
  return { snapshot, caller, gate };
}

const call = (name: string, args: unknown = {}) => ({
  method: "tools/call",
  targets: [{ kind: "tool" as const, name }],
  argumentsText: JSON.stringify(args),
  requestId: "req_1",
});

let s: Setting;
beforeEach(async () => {
  s = setting();
  await s.gate.apply(s.snapshot);
});

test("a cap of 10 a minute lets ten through and refuses the eleventh with the wait", async () => {
  for (let i = 0; i < 10; i++) {
    const admission = await s.gate.admit(s.caller, call("cmux_send"));
    expect(admission).toMatchObject({
      effect: "allow",
      limits: [{ max: 10, remaining: 9 - i, windowMs: 60_000 }],
    });
  }
  const eleventh = await s.gate.admit(s.caller, call("cmux_send"));
  expect(eleventh).toMatchObject({
    effect: "deny",
    refusal: {
      outcome: "limited",
      rule: "/tools/cmux_send/limits/cmux_send_rate-per-minute",
      reason: "10 per minute reached for cmux_send.",
    },
    limits: [{ counter: "cmux_send_rate", remaining: 0 }],
  });
  const retryAfterMs = eleventh.effect === "deny" ? eleventh.refusal.retryAfterMs : null;
  expect(retryAfterMs).toBeGreaterThan(50_000);
  expect(retryAfterMs).toBeLessThanOrEqual(60_600);
});

test("of fifty callers at once exactly ten are let through", async () => {
  const admissions = await Promise.all(
    Array.from({ length: 50 }, () => s.gate.admit(s.caller, call("cmux_send"))),
  );
  expect(admissions.filter((one) => one.effect === "allow")).toHaveLength(10);
});

test("a second grant has its own count", async () => {
  const other = setting();
  await other.gate.apply(other.snapshot);
  for (let i = 0; i < 10; i++) await s.gate.admit(s.caller, call("cmux_send"));
  expect((await s.gate.admit(s.caller, call("cmux_send"))).effect).toBe("deny");
  expect((await other.gate.admit(other.caller, call("cmux_send"))).effect).toBe("allow");
});

test("counts survive eviction, before and after the rows are shipped", async () => {
  for (let i = 0; i < 4; i++) await s.gate.admit(s.caller, call("cmux_send"));
  await evictDurableObject(s.gate);
  for (let i = 0; i < 3; i++) await s.gate.admit(s.caller, call("cmux_send"));
  await runDurableObjectAlarm(s.gate);
  await evictDurableObject(s.gate);
  for (let i = 0; i < 3; i++) expect((await s.gate.admit(s.caller, call("cmux_send"))).effect).toBe("allow");
  await evictDurableObject(s.gate);
  expect((await s.gate.admit(s.caller, call("cmux_send"))).effect).toBe("deny");
});

test("attaching another policy does not reset a counter that it names too", async () => {
  for (let i = 0; i < 10; i++) await s.gate.admit(s.caller, call("cmux_send"));
  const [route] = s.snapshot.routes;
  const wider = JSON.stringify(sendPolicy).replace('"max":10', '"max":12');
  await s.gate.apply({
    ...s.snapshot,
    epoch: 2,
    routes: route?.policy ? [{ ...route, policy: { ...route.policy, revision: 2, text: wider } }] : [],
  });
  const admissions = [];
  for (let i = 0; i < 3; i++) admissions.push((await s.gate.admit(s.caller, call("cmux_send"))).effect);
  expect(admissions).toEqual(["allow", "allow", "deny"]);
});

test.each([
  ["cmux_other", {}, "denied", "(default deny)"],
  ["cmux_close_all", {}, "unknown", "(hidden)"],
  ["cmux_nowhere", {}, "unknown", "(unknown tool)"],
  ["cmux_session_save", { name: "prod" }, "denied", "/tools/cmux_session_save/deny_if/args.name-eq"],
  ["cmux_batch", {}, "approval_required", "/tools/cmux_batch/action"],
])("%s with %j is refused as %s by %s", async (name, args, outcome, rule) => {
  const admission = await s.gate.admit(s.caller, call(name, args));
  expect(admission).toMatchObject({ effect: "deny", refusal: { outcome, rule } });
});

test("a limit a month counts in the team's own month and says when that ends", async () => {
  const limits = [{ counter: "c", window: "month", max: 2 }];
  const other = setting({ version: "1", default: "deny", tools: { cmux_send: { limits } } });
  await other.gate.apply(other.snapshot);
  for (let i = 0; i < 2; i++) await other.gate.admit(other.caller, call("cmux_send"));
  await evictDurableObject(other.gate);
  const now = new Date();
  const nextMonthMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
  const refused = await other.gate.admit(other.caller, call("cmux_send"));
  const retryAfterMs = refused.effect === "deny" ? (refused.refusal.retryAfterMs ?? 0) : 0;
  expect(Math.abs(Date.now() + retryAfterMs - nextMonthMs)).toBeLessThan(5_000);
});

test("a refused call consumes nothing", async () => {
  for (let i = 0; i < 5; i++) await s.gate.admit(s.caller, call("cmux_other"));
  expect(await s.gate.admit(s.caller, call("cmux_send"))).toMatchObject({ limits: [{ remaining: 9 }] });
});

test("an access token stands while its sign-in is listed and has not ended, and no other kind counts for it", async () => {
  const { snapshot, caller, gate } = s;
  const [family, ended] = [newId("fam", random), newId("fam", random)];
  const gone = { effect: "gone", because: "token" };
  const by = (bearer: Caller["bearer"]) => gate.admit({ ...caller, bearer }, call("cmux_send"));
  expect(await by({ kind: "access", family })).toEqual(gone);
  const families = [
    { id: family, notAfterMs: Date.now() + 60_000 },
    { id: ended, notAfterMs: Date.now() },
  ];
  await gate.apply({ ...snapshot, epoch: 2, grant: { ...snapshot.grant, families } });
  expect(await by({ kind: "access", family })).toMatchObject({ effect: "allow" });
  expect(await by({ kind: "access", family: ended })).toEqual(gone);
  expect(await by({ kind: "token", jti: family })).toEqual(gone);
  const jti = caller.bearer.kind === "token" ? caller.bearer.jti : "";
  expect(await by({ kind: "access", family: jti as typeof family })).toEqual(gone);
  expect(await by({ kind: "other", jti } as unknown as Caller["bearer"])).toEqual(gone);
  await gate.apply({ ...snapshot, epoch: 3, grant: { ...snapshot.grant, families, revoked: true } });
  expect(await by({ kind: "access", family })).toEqual(gone);
});

test("a revoked grant, a withdrawn token and a foreign route are gone at the next call", async () => {
  const { snapshot, caller, gate } = s;
  expect(await gate.admit({ ...caller, teamSlug: "other" }, call("cmux_send"))).toEqual({
    effect: "gone",
    because: "route",
  });
  expect(await gate.admit({ ...caller, serverSlug: "other" }, call("cmux_send"))).toEqual({
    effect: "gone",
    because: "route",
  });
  expect(
    await gate.admit({ ...caller, bearer: { kind: "token", jti: newId("jti", random) } }, call("cmux_send")),
  ).toEqual({
    effect: "gone",
    because: "token",
  });
  expect(await gate.admit({ ...caller, team: newId("tm", random) as TeamId }, call("cmux_send"))).toEqual({
    effect: "gone",
    because: "token",
  });
  await gate.apply({ ...snapshot, epoch: 2, grant: { ...snapshot.grant, revoked: true } });
  expect(await gate.admit(caller, call("cmux_send"))).toEqual({ effect: "gone", because: "token" });
  expect(await gate.stands(caller, 1)).toBe("gone");
});

test("an older snapshot never replaces a newer one", async () => {
  const revoked = { ...s.snapshot, epoch: 3, grant: { ...s.snapshot.grant, revoked: true } };
  expect(await s.gate.apply(revoked)).toEqual({ epoch: 3 });
  expect(await s.gate.apply({ ...s.snapshot, epoch: 2 })).toEqual({ epoch: 3 });
  expect((await s.gate.admit(s.caller, call("cmux_send"))).effect).toBe("gone");
});

test("a freeze stops every call, also through an evicted gate", async () => {
  await s.gate.apply({ ...s.snapshot, epoch: 2, team: { ...s.snapshot.team, frozen: "all" } });
  await evictDurableObject(s.gate);
  expect(await s.gate.admit(s.caller, call("cmux_workspace_snapshot"))).toMatchObject({
    effect: "deny",
    refusal: { outcome: "denied", rule: "(frozen)" },
  });
});

test("a policy that cannot be read denies everything", async () => {
  const broken = setting({ version: "9" });
  await broken.gate.apply(broken.snapshot);
  expect(await broken.gate.admit(broken.caller, call("cmux_send"))).toMatchObject({ effect: "deny" });
});

test("a team's policy that cannot be read lets nothing pass, with a name or without", async () => {
  const policy = s.snapshot.routes[0]?.policy ?? null;
  const team = { ...s.snapshot.team, policy: policy && { ...policy, text: '{"version":"9"}' } };
  await s.gate.apply({ ...s.snapshot, epoch: 2, team });
  const refused = {
    outcome: "denied",
    rule: "/team",
    reason: "The team's policy cannot be read by this version of the gateway.",
  };
  expect(await s.gate.admit(s.caller, call("cmux_send"))).toMatchObject({ effect: "deny", refusal: refused });
  for (const method of ["initialize", "tools/list", "server/discover", "vendor/secret", null]) {
    expect(await s.gate.view(s.caller, method)).toMatchObject({ refused });
  }
});

test("a decision is found at the gate at once, and in the log with its outcome after shipping", async () => {
  const admission = await s.gate.admit(s.caller, call("cmux_send", { text: "hello" }));
  const id = admission.effect === "allow" ? admission.decision : "";
  const found = await s.gate.find(1);
  expect(found).toMatchObject({
    id,
    decision: { seq: 1, verdict: "allowed", target: { name: "cmux_send" }, argumentKeys: ["text"], epoch: 1 },
    outcome: null,
  });
  expect(JSON.stringify(found)).not.toContain("hello");
  await s.gate.settle([{ seq: 1, end: "answered", status: 200, bytes: 12, ms: 3 }]);
  await s.gate.settle([{ seq: 1, end: "client_gone", status: 200, bytes: 0, ms: 9 }]);
  await runDurableObjectAlarm(s.gate);
  expect(await s.gate.find(1)).toBeNull();
  const log = env.LOGS.get(env.LOGS.idFromName(s.caller.team));
  expect((await log.list({ limit: 5 })).items).toMatchObject([
    { id, outcome: { end: "answered", bytes: 12 } },
  ]);
});

test("what a busy second leaves behind reaches the log at one waking", async () => {
  const calls = 600;
  for (let i = 0; i < calls; i++) await s.gate.admit(s.caller, call("cmux_workspace_snapshot"));
  const end = { end: "answered", status: 200, bytes: 12, ms: 3 } as const;
  await s.gate.settle(Array.from({ length: calls }, (_, i) => ({ seq: i + 1, ...end })));
  await runDurableObjectAlarm(s.gate);
  expect(await s.gate.find(calls)).toBeNull();
  const log = env.LOGS.get(env.LOGS.idFromName(s.caller.team));
  expect((await log.list({ limit: 1 })).items).toMatchObject([{ decision: { seq: calls }, outcome: end }]);
}, 30_000);

test("the view lists what is pinned and permitted, and refuses methods that no policy allows", async () => {
  const view = await s.gate.view(s.caller, "tools/list");
  const listed = view.effect === "view" ? [...view.listed.tools.keys()] : [];
  expect(listed).toEqual(["cmux_send", "cmux_workspace_snapshot", "cmux_session_save", "cmux_batch"]);
  expect(await s.gate.view(s.caller, "vendor/secret")).toMatchObject({ refused: { outcome: "denied" } });
  expect(await s.gate.view(s.caller, null)).toMatchObject({ refused: null });
});
