import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { drainErasures } from "../../src/api/erasure.ts";
import { drainOutbox } from "../../src/gate/push.ts";
import { type GrantId, newId, type TeamId } from "../../src/id.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane } from "./control_plane.ts";
import { openPolicy, TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
let agent: AgentCalls;
let grant: GrantId;
let mark: string;

beforeAll(async () => {
  plane = await ControlPlane.start();
});
beforeEach(async () => {
  team = await TeamSetting.on(plane);
  await team.server();
  mark = `only here: ${crypto.randomUUID()}`;
  await team.policy("tools", "Open", openPolicy);
  await team.policy("tools", "Marked", { ...openPolicy, description: mark });
  const made = await team.grant("tools", "open");
  grant = made.id;
  agent = new AgentCalls(team, made);
  expect((await agent.call("tools", "read_a", { path: mark })).effect).toBe("allow");
  await agent.ship();
});

const gateOf = (id: GrantId) => env.GATES.get(env.GATES.idFromName(id));
const logOf = (id: TeamId) => env.LOGS.get(env.LOGS.idFromName(id));
const teamId = () => team.person.team.id as TeamId;
const end = (through = team) => through.ask("DELETE", "", { slug: team.person.team.slug });

/** The tables of an object that hold something. */
const kept = (stub: DurableObjectStub) =>
  runInDurableObject(stub, (_, { storage: { sql } }) =>
    sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      )
      .toArray()
      .filter(({ name }) => sql.exec(`SELECT 1 FROM "${name}" LIMIT 1`).toArray().length > 0)
      .map(({ name }) => name),
  );

const wakes = (stub: DurableObjectStub) => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());

/** Every table of the database in which a text can be found. */
async function tablesWith(text: string): Promise<string[]> {
  const { results } = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
  ).all<{ name: string }>();
  const found = await Promise.all(
    results.map(async ({ name }) => {
      const rows = await env.DB.prepare(`SELECT * FROM "${name}"`).all();
      return JSON.stringify(rows.results).includes(text) ? [name] : [];
    }),
  );
  return found.flat();
}

it("a deleted team's agents are refused, and nothing of it is left in any table, gate or log", async () => {
  const other = await TeamSetting.on(plane);
  await other.server();
  await other.policy("tools", "Open", openPolicy);
  const viewer = await team.member();
  await team.must(201, "POST", "/members", { email: "invited@example.com", role: "viewer" });
  await team.must(201, "POST", "/hooks", { url: "https://x.example", events: ["approval.requested"] });
  expect(await tablesWith(teamId())).toContain("member");
  expect(await tablesWith(mark)).toEqual(["document"]);
  expect(await kept(gateOf(grant))).toContain("snapshot");

  expect((await end()).status).toBe(204);

  expect(await agent.call("tools", "read_a")).toEqual({ effect: "gone", because: "token" });
  for (const who of [team, team.as(viewer)]) expect((await who.ask("GET", "")).status).toBe(404);
  for (const text of [teamId(), grant, mark]) expect(await tablesWith(text)).toEqual([]);
  expect(await kept(gateOf(grant))).toEqual([]);
  expect(await kept(logOf(teamId()))).toEqual([]);
  for (const object of [gateOf(grant), logOf(teamId())]) expect(await wakes(object)).toBeNull();
  await evictDurableObject(gateOf(grant));
  expect(await agent.call("tools", "read_a")).toEqual({ effect: "gone", because: "token" });
  // What they shared is the other team's still.
  await other.must(200, "GET", "/servers/tools/policies/open");
});

it("a deleted team's log keeps nothing any more, and does not claim to have recorded a call", async () => {
  await end();
  const [id, subject] = [newId("evt", plane.deps.random), grant];
  const late = { kind: "control", id, atMs: 0, requestId: "", actor: "system", subject, detail: {} } as const;
  for (const action of ["before.eviction", "after.eviction"]) {
    await logOf(teamId()).append([{ ...late, action }]);
    expect(await kept(logOf(teamId()))).toEqual([]);
    await evictDurableObject(logOf(teamId()));
  }
  const ended = {
    kind: "outcome",
    gate: grant,
    seq: 1,
    atMs: 0,
    end: "answered",
    status: 200,
    bytes: 0,
    ms: 0,
  } as const;
  await runInDurableObject(logOf(teamId()), (log) =>
    expect(() => log.append([ended])).toThrow("deleted team"),
  );
});

it("a team is deleted by who types its slug, as its admin", async () => {
  const manager = team.as(await team.member("policy_manager"));
  const wrong = await team.ask("DELETE", "", { slug: "another" });
  expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([422, "/slug"]);
  expect((await end(manager)).status).toBe(403);
  expect((await agent.call("tools", "read_a")).effect).toBe("allow");
});

it("a team stays until every gate has heard of its end, and its agents are refused meanwhile", async () => {
  const second = new AgentCalls(team, await team.grant("tools", "open"));
  const away = plane.with({
    gate: (id) => {
      if (id === grant) throw new Error("away");
      return plane.deps.gate(id);
    },
  });
  const waiting = await end(team.through(away));
  expect([waiting.status, waiting.body]).toEqual([202, { in_force: { acknowledged: 1, pending: 1 } }]);
  expect(await second.call("tools", "read_a")).toEqual({ effect: "gone", because: "token" });
  await team.must(200, "GET", "");
  expect((await end()).body).toEqual({ in_force: { acknowledged: 0, pending: 1 } });
  await drainOutbox({ db: env.DB, gate: plane.deps.gate }, Date.now());
  expect(await agent.call("tools", "read_a")).toEqual({ effect: "gone", because: "token" });
  expect((await end()).status).toBe(204);
});

it("what cannot be emptied at once is emptied by the cron", async () => {
  const away = plane.with({
    log: (id) => ({
      ...plane.deps.log(id),
      append: async () => null,
      forget: () => Promise.reject(new Error("away")),
    }),
  });
  expect((await end(team.through(away))).status).toBe(204);
  expect(await tablesWith(teamId())).toEqual(["erasure"]);
  expect(await kept(logOf(teamId()))).not.toEqual([]);
  await drainErasures({ ...plane.deps, db: env.DB, gate: gateOf, log: logOf }, Date.now());
  expect(await tablesWith(teamId())).toEqual([]);
  expect(await kept(logOf(teamId()))).toEqual([]);
});
