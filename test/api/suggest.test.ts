import { beforeAll, describe, expect, it } from "vitest";
import type { GrantId } from "../../src/id.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, seenTool } from "./control_plane.ts";
import { openPolicy, TeamSetting } from "./team_setting.ts";

const saved = {
  version: "1",
  default: "allow",
  hide: ["wipe"],
  tools: {
    send: { limits: [{ counter: "send_rate", window: "minute", max: 3 }] },
    close_all: { action: "deny", reason: "Too dangerous." },
  },
};
const names = ["read_a", "send", "close_all", "wipe"];

let plane: ControlPlane;
let team: TeamSetting;
let grant: { id: GrantId; token: string };

beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Least");
  for (const name of ["Tools", "Other"]) {
    await team.server(
      name,
      names.map((tool) => seenTool(tool)),
    );
    await team.policy(name.toLowerCase(), "Main", name === "Tools" ? saved : openPolicy);
  }
  const servers = ["tools", "other"].map((server) => ({ server, policy: "main" }));
  grant = await team.must(201, "POST", "/grants", { label: "agent", servers });
  const agent = new AgentCalls(team, grant);
  for (let i = 0; i < 4; i++) await agent.call("tools", "read_a", { path: "/a" });
  for (let i = 0; i < 5; i++) await agent.call("tools", "send");
  for (const name of ["close_all", "wipe", "absent"]) await agent.call("tools", name);
  await agent.call("other", "read_a");
  await agent.ship();
});

const suggest = (query = "") => team.must(200, "GET", `/grants/${grant.id}/suggest${query}`);
const rate = (tool: string, window: string, max: number) => ({
  counter: `${tool}_rate`,
  window,
  max,
  scope: "grant",
});

describe("a suggestion", () => {
  it("permits per server what the grant used, with the rates that were seen and the rules that there are", async () => {
    const { considered, servers } = await suggest();
    expect(considered).toBe(13);
    const [tools, other] = ["tools", "other"].map((slug) =>
      servers.find((one: { server: { slug: string } }) => one.server.slug === slug),
    );
    expect(tools.document).toEqual({
      version: "1",
      default: "deny",
      hide: ["wipe"],
      tools: {
        read_a: { limits: [rate("read_a", "minute", 10), rate("read_a", "hour", 10)] },
        send: {
          limits: [
            { counter: "send_rate", window: "minute", max: 3 },
            { ...rate("send", "hour", 5), counter: "send_rate_2" },
          ],
        },
      },
    });
    expect(tools.evidence).toEqual([
      {
        kind: "tool",
        tool: "read_a",
        calls: 4,
        peak_per_minute: 4,
        peak_per_hour: 4,
        why: "allowed 4 times, at most 4 in a minute and 4 in an hour; limited to 10 per minute and 10 per hour.",
      },
      {
        kind: "tool",
        tool: "send",
        calls: 3,
        peak_per_minute: 3,
        peak_per_hour: 3,
        why: "allowed 3 times, at most 3 in a minute and 3 in an hour; held up 2 times by a limit or for a person; limited to 5 per hour; keeps what /tools/send asks of it now.",
      },
    ]);
    expect(tools.not_known).toEqual([
      { tool: "read_a", reason: "The values of path are not stored: no limits on them can be learned." },
    ]);
    expect(Object.keys(other.document.tools)).toEqual(["read_a"]);
  });

  it("can be tried on the log that it came from, and then changes no decision", async () => {
    const { servers } = await suggest();
    for (const { server, document } of servers) {
      const path = `/servers/${server.slug}/policies/main`;
      const tried = await team.must(200, "POST", `${path}/simulate`, { document });
      expect(tried).toMatchObject({ replayed: tried.considered, changed: 0, not_replayed: [] });
      expect(tried.considered).toBe(server.slug === "tools" ? 12 : 1);
      expect((await team.must(200, "PUT", path, { document })).warnings).toEqual([]);
    }
  });

  it("says when it did not look at everything", async () => {
    const { considered, servers } = await suggest("?last=1");
    expect(considered).toBe(1);
    expect(servers[0].not_known[0]).toEqual({
      tool: null,
      reason: "There are older decisions, which were not looked at.",
    });
    expect(await suggest("?to=2026-01-01T00:00:00Z")).toEqual({ considered: 0, servers: [] });
  });

  it("is not for strangers, and there is none for a grant that is not the team's", async () => {
    const stranger = await plane.signUp();
    const path = `/grants/${grant.id}/suggest`;
    expect((await team.as(stranger).ask("GET", path)).status).toBe(404);
    expect((await team.ask("GET", "/grants/grt_00000000000000000000000000/suggest")).status).toBe(404);
  });
});
