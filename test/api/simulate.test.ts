import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { recorded } from "../gate/recorded.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, seenTool } from "./control_plane.ts";
import { closedPolicy, TeamSetting } from "./team_setting.ts";

const saved = {
  version: "1",
  default: "deny",
  tools: {
    read_a: {},
    send: { limits: [{ counter: "send_rate", window: "hour", max: 3 }] },
    save: { deny_if: [{ conditions: [{ path: "args.name", op: "eq", value: "prod" }] }] },
  },
};
const tools = ["read_a", "send", "save", "close_all"].map((name) => seenTool(name));
const path = "/servers/tools/policies/main/simulate";

let plane: ControlPlane;
let team: TeamSetting;
let grant: { id: string };

beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Tries");
  await team.server("Tools", tools);
  await team.policy("tools", "Main", saved);
  const made = await team.grant("tools", "main");
  grant = made;
  const agent = new AgentCalls(team, made);
  await agent.call("tools", "read_a", { path: "/a" });
  for (let i = 0; i < 5; i++) await agent.call("tools", "send", { text: "hi" });
  await agent.call("tools", "save", { name: "prod" });
  await agent.call("tools", "save", { name: "test" });
  await agent.call("tools", "save");
  await agent.call("tools", "close_all");
  await agent.call("tools", "absent");
  await agent.ship();
});

const simulate = (body?: unknown) => team.must(200, "POST", path, body);

describe("a simulation", () => {
  it("of the saved revision changes nothing, and says which condition it cannot replay", async () => {
    expect(await simulate()).toEqual({
      considered: 11,
      replayed: 9,
      changed: 0,
      by_rule: [],
      not_replayed: [
        {
          rule: "/tools/save/deny_if/args.name-eq",
          reason: 'cannot evaluate args.name eq "prod": the value is not stored',
          count: 2,
        },
      ],
    });
  });

  it("of a draft says which decisions change, by which rule, with examples that the log has", async () => {
    const document = {
      version: "1",
      default: "deny",
      tools: {
        read_a: { require: [{ conditions: [{ path: "args.reason", op: "exists", value: true }] }] },
        send: { limits: [{ counter: "send_rate", window: "hour", max: 4 }] },
        save: { action: "deny" },
        close_all: { action: "approve" },
      },
    };
    const answer = await simulate({ document });
    expect(answer).toEqual({
      considered: 11,
      replayed: 11,
      changed: 5,
      by_rule: [
        change("/tools/save/action", "allowed", "denied", 2),
        change("/tools/read_a/require/args.reason-exists", "allowed", "denied", 1),
        change("/tools/send/limits/send_rate-per-hour", "limited", "allowed", 1),
        change("/tools/close_all/action", "denied", "approval_required", 1),
      ],
      not_replayed: [],
    });
    const [id] = answer.by_rule[1].examples;
    expect((await team.must(200, "GET", `/log/${id}`)).target.name).toBe("read_a");
  });

  it("looks at the last decisions only, and still counts those before them", async () => {
    const document = {
      ...closedPolicy,
      tools: { send: { limits: [{ counter: "c", window: "hour", max: 4 }] } },
    };
    const { considered, by_rule } = await simulate({ document, last: 6 });
    expect([considered, by_rule]).toEqual([6, [change("(default deny)", "allowed", "denied", 2)]]);
    const all = await simulate({ document, last: 7 });
    expect(all.by_rule).toContainEqual(
      change("/tools/send/limits/send_rate-per-hour", "limited", "allowed", 1),
    );
  });

  it("is narrowed by time and by grant", async () => {
    expect(await simulate({ to: "2026-01-01T00:00:00Z" })).toMatchObject({ considered: 0, replayed: 0 });
    expect(await simulate({ from: "2026-01-01T00:00:00Z", grant: grant.id })).toMatchObject({
      considered: 11,
    });
    const other = await team.grant("tools", "main");
    expect(await simulate({ grant: other.id })).toMatchObject({ considered: 0 });
    expect((await team.ask("POST", path, { grant: "grt_00000000000000000000000000" })).status).toBe(404);
  });

  it("judges under the team policy that is in force, and as if the team were not frozen", async () => {
    const own = await TeamSetting.on(plane, "Guarded");
    await own.server("Tools", tools);
    await own.policy("tools", "Main", saved);
    const agent = new AgentCalls(own, await own.grant("tools", "main"));
    await agent.call("tools", "read_a");
    await agent.ship();
    await own.must(200, "PUT", "/policy", {
      document: { version: "1", default: "allow", tools: { "tools/read_*": { action: "deny" } } },
    });
    await own.must(200, "PATCH", "", { frozen: "all" });
    expect((await own.must(200, "POST", path)).by_rule).toEqual([
      change("/team/tools/tools~1read_*/action", "allowed", "denied", 1),
    ]);
  });

  it("refuses a draft with mistakes, a stranger and more decisions than it reads", async () => {
    const wrong = await team.ask("POST", path, { document: { version: "1" } });
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([422, "/document/default"]);
    expect((await team.ask("POST", path, { last: 5_001 })).status).toBe(422);
    expect((await team.ask("POST", "/servers/tools/policies/absent/simulate")).status).toBe(404);
    const stranger = await plane.signUp();
    expect((await team.as(stranger).ask("POST", path)).status).toBe(404);
  });

  it("reads thousands of decisions, page by page, in good time", async () => {
    const own = await TeamSetting.on(plane, "Busy");
    const { id, slug } = await own.server("Tools", tools);
    await own.policy("tools", "Main", closedPolicy);
    const { id: gate } = await own.grant("tools", "main");
    const server = { id, slug };
    const log = env.LOGS.get(env.LOGS.idFromName(own.person.team.id));
    const atMs = (seq: number) => Date.UTC(2026, 0, 1) + seq * 1_000;
    for (let from = 1; from <= 6_000; from += 1_000) {
      const rows = Array.from({ length: 1_000 }, (_, i) =>
        recorded(from + i, atMs(from + i), { gate, server }),
      );
      await log.append(rows.map(({ decision }) => decision));
    }
    const document = {
      ...closedPolicy,
      tools: { send: { limits: [{ counter: "c", window: "day", max: 5_500 }] } },
    };
    const started = Date.now();
    expect(await own.must(200, "POST", path, { document, last: 5_000 })).toMatchObject({
      considered: 5_000,
      replayed: 5_000,
      changed: 500,
    });
    expect(Date.now() - started).toBeLessThan(10_000);
  });
});

const change = (rule: string, from: string, to: string, count: number) => ({
  rule,
  from,
  to,
  count,
  examples: expect.objectContaining({ length: Math.min(count, 5) }),
});
