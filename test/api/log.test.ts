import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import type { LogStub } from "../../src/api/deps.ts";
import { drainEvents } from "../../src/api/event_outbox.ts";
import type { DecisionEntry, OutcomeEntry } from "../../src/audit/entry.ts";
import { decisionId, type GrantId, type ServerId } from "../../src/id.ts";
import { ControlPlane } from "./control_plane.ts";
import { openPolicy, TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
let server: { id: ServerId; slug: string };
let grant: { id: GrantId };

const decision = (seq: number, change: Partial<DecisionEntry> = {}): DecisionEntry => ({
  kind: "decision",
  gate: grant.id,
  seq,
  atMs: Date.UTC(2026, 0, 1) + seq * 1000,
  requestId: "req_1",
  epoch: 2,
  member: null,
  server,
  method: "tools/call",
  target: { kind: "tool", name: "read_a" },
  verdict: "allowed",
  rule: "/tools/read_a",
  reason: "",
  notes: [],
  policy: null,
  client: "test",
  argumentKeys: ["path"],
  argumentHash: "h",
  values: null,
  ...change,
});

const outcome = (seq: number): OutcomeEntry => ({
  kind: "outcome",
  gate: grant.id,
  seq,
  atMs: Date.UTC(2026, 0, 1) + seq * 1000 + 12,
  end: "answered",
  status: 200,
  bytes: 42,
  ms: 12,
});

const log = () => env.LOGS.get(env.LOGS.idFromName(team.person.team.id));

beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Logs Inc");
  const { id, slug } = await team.server("Tools");
  server = { id, slug };
  grant = await team.grant("tools", null);
  await log().append([
    decision(1),
    outcome(1),
    decision(2, { verdict: "denied", rule: "(no policy)", reason: "No." }),
    decision(3, { target: { kind: "tool", name: "read_b" } }),
  ]);
});

const seqs = (body: { items: { id: string }[] }) =>
  body.items.map((item) => [1, 2, 3].find((seq) => item.id === decisionId(grant.id, seq)));

describe("the log", () => {
  it("lists decisions, newest first, each with how it ended", async () => {
    const body = await team.must(200, "GET", "/log");
    expect(seqs(body)).toEqual([3, 2, 1]);
    expect(body.items[2]).toEqual({
      id: decisionId(grant.id, 1),
      at: "2026-01-01T00:00:01.000Z",
      grant: grant.id,
      member: null,
      server,
      method: "tools/call",
      target: { kind: "tool", name: "read_a" },
      outcome: "allowed",
      rule: "/tools/read_a",
      reason: "",
      notes: [],
      policy: null,
      client: "test",
      argument_keys: ["path"],
      argument_hash: "h",
      arguments: null,
      continues: null,
      epoch: 2,
      request_id: "req_1",
      end: { how: "answered", at: "2026-01-01T00:00:01.012Z", status: 200, bytes: 42, latency_ms: 12 },
    });
    expect(body.items[0].end).toBeNull();
  });

  it.each([
    ["outcome=denied", [2]],
    ["tool=read_b", [3]],
    ["server=tools", [3, 2, 1]],
    ["from=2026-01-01T00:00:02Z&to=2026-01-01T01:00:03%2B01:00", [2]],
  ])("is narrowed by %s", async (query, expected) => {
    expect(seqs(await team.must(200, "GET", `/log?${query}`))).toEqual(expected);
  });

  it("is narrowed by grant, and gives no list for one that is not the team's", async () => {
    expect(seqs(await team.must(200, "GET", `/log?grant=${grant.id}`))).toEqual([3, 2, 1]);
    for (const query of ["grant=grt_00000000000000000000000000", "grant=x", "server=absent"]) {
      expect((await team.ask("GET", `/log?${query}`)).status).toBe(404);
    }
    expect((await team.ask("GET", "/log?outcome=maybe")).status).toBe(422);
  });

  it("goes on at its cursor", async () => {
    const first = await team.must(200, "GET", "/log?limit=2");
    const second = await team.must(200, "GET", `/log?limit=2&cursor=${first.next_cursor}`);
    expect([seqs(first), seqs(second), second.next_cursor]).toEqual([[3, 2], [1], null]);
  });

  it("finds one decision by its id", async () => {
    const found = await team.must(200, "GET", `/log/${decisionId(grant.id, 2)}`);
    expect([found.outcome, found.rule]).toEqual(["denied", "(no policy)"]);
    for (const id of [decisionId(grant.id, 99), "dec_x_1", "x"]) {
      expect((await team.ask("GET", `/log/${id}`)).status).toBe(404);
    }
  });

  it("gets an event of every write of the control plane, with who and what, and no secret", async () => {
    const own = await TeamSetting.on(plane, "Events");
    await own.server("Tools");
    await own.policy("tools", "Open");
    const made = await own.grant("tools", "open");
    await own.must(200, "PUT", "/servers/tools/policies/open", { document: openPolicy });
    await own.must(200, "POST", `/grants/${made.id}/rotate`);
    await own.must(200, "PATCH", "", { frozen: "all" });
    await own.must(200, "DELETE", `/grants/${made.id}`);
    const told: { action: string; actor: string }[] = [];
    const watched = plane.with({
      log: () => ({ ...absent, append: async (all) => told.push(...all.flatMap(event)) }),
    });
    const watching = own.through(watched);
    await watching.must(200, "PATCH", "", { frozen: "off" });
    expect(told).toEqual([{ action: "team.frozen", actor: own.person.id }]);
    const { n } = await env.LOGS.get(env.LOGS.idFromName(own.person.team.id)).append([]);
    expect(n).toBe(8);
  });

  it("that is away fails no edit, and has its event once it is back", async () => {
    const away = plane.with({ log: () => ({ ...absent, append: () => Promise.reject(new Error("away")) }) });
    await team.through(away).must(200, "PATCH", "", { name: "Renamed" });
    expect((await team.must(200, "GET", "")).name).toBe("Renamed");
    const before = await team.must(200, "GET", "/events");
    expect(before.items.map((one: { action: string }) => one.action)).not.toContain("team.changed");
    const later = plane.deps.now() + 60_000;
    await drainEvents(plane.deps, later);
    await drainEvents(plane.deps, later + 60_000);
    const { items } = await team.must(200, "GET", "/events");
    const told = items.filter((one: { action: string }) => one.action === "team.changed");
    expect(told).toMatchObject([
      { actor: team.person.id, subject: team.person.team.id, detail: { name: "Renamed" } },
    ]);
    const waiting = await env.DB.prepare("SELECT id FROM event").all();
    expect(waiting.results).toEqual([]);
  });
});

const notAsked = () => Promise.reject(new Error("not asked"));
const absent: LogStub = {
  append: notAsked,
  forget: notAsked,
  list: notAsked,
  find: notAsked,
  events: notAsked,
  follow: notAsked,
  read: notAsked,
  hashAt: notAsked,
  checkpoints: notAsked,
  verify: notAsked,
  stats: notAsked,
};

const event = (entry: { kind: string; action?: string; actor?: string }) =>
  entry.kind === "control" ? [{ action: entry.action ?? "", actor: entry.actor ?? "" }] : [];
