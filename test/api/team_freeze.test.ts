import { beforeAll, expect, it } from "vitest";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let team: TeamSetting;
let agent: AgentCalls;

beforeAll(async () => {
  team = await TeamSetting.on(await ControlPlane.start());
  await team.server("Tools", [seenTool("read_a"), seenTool("write_a", { category: "Write" })]);
  await team.policy("tools", "Open");
  agent = new AgentCalls(team, await team.grant("tools", "open"));
});

it.each([
  ["all", "deny", "deny"],
  ["writes", "allow", "deny"],
  ["off", "allow", "allow"],
])(
  "a freeze set to %s is in force at the agent's next calls: read %s, write %s",
  async (frozen, read, write) => {
    const { in_force } = await team.must(200, "PATCH", "", { frozen });
    expect(in_force).toEqual({ acknowledged: 1, pending: 0 });
    const effects = [await agent.call("tools", "read_a"), await agent.call("tools", "write_a")];
    expect(effects.map(({ effect }) => effect)).toEqual([read, write]);
  },
);
