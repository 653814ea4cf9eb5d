import { env } from "cloudflare:test";
import { beforeAll, expect, it } from "vitest";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let team: TeamSetting;

beforeAll(async () => {
  team = await TeamSetting.on(await ControlPlane.start());
  await team.server();
  await team.policy("tools", "Open");
});

/** As its operator sets it (docs/teams.md); any edit brings it to the gates. */
async function setCalls(max: number | null): Promise<void> {
  const sql =
    max === null
      ? "DELETE FROM team_quota WHERE team_id = ?1 AND name = 'calls_a_day' AND ?2 IS NULL"
      : "INSERT INTO team_quota (team_id, name, max) VALUES (?1, 'calls_a_day', ?2) ON CONFLICT DO UPDATE SET max = ?2";
  await env.DB.prepare(sql).bind(team.person.team.id, max).run();
  await team.must(200, "PATCH", "", { name: "Engines" });
}

it("what a team's agents call in a day is held to its quota, together, though its own policy only watches", async () => {
  const document = { version: "1", mode: "shadow", default: "allow" };
  await team.must(200, "PUT", "/policy", { document });
  const agents = [
    new AgentCalls(team, await team.grant("tools", "open")),
    new AgentCalls(team, await team.grant("tools", "open")),
  ];
  await setCalls(3);
  const calls = await Promise.all([0, 1, 0, 1, 0, 1].map((n) => agents[n]?.call("tools", "read_a")));
  expect(calls.map((call) => call?.effect).toSorted()).toEqual([
    "allow",
    "allow",
    "allow",
    "deny",
    "deny",
    "deny",
  ]);
  const refused = await agents[0]?.call("tools", "read_a");
  expect(refused).toMatchObject({
    effect: "deny",
    refusal: {
      outcome: "limited",
      rule: "(quota)",
      reason: "The team may make 3 calls in 24 hours. Ask who runs this gateway for more.",
    },
  });
  await setCalls(4);
  expect((await agents[1]?.call("tools", "read_a"))?.effect).toBe("allow");
  expect((await agents[1]?.call("tools", "read_a"))?.effect).toBe("deny");
  await setCalls(null);
  expect((await agents[1]?.call("tools", "read_a"))?.effect).toBe("allow");
});
