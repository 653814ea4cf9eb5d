import { env } from "cloudflare:test";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane } from "./control_plane.ts";
import { closedPolicy, openPolicy, TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
let agent: AgentCalls;

beforeAll(async () => {
  plane = await ControlPlane.start();
});
beforeEach(async () => {
  team = await TeamSetting.on(plane);
  await team.server();
  await team.policy("tools", "One", openPolicy);
  agent = new AgentCalls(team, await team.grant("tools", "one"));
});

const save = (document: unknown) => team.must(200, "PUT", "/servers/tools/policies/one", { document });
const effect = async () => (await agent.call("tools", "read_a")).effect;

/** The team's policies and epoch, as a back-up would hold them. */
async function backUp(): Promise<() => Promise<void>> {
  const { id } = team.person.team;
  const row = await env.DB.prepare("SELECT epoch FROM team WHERE id = ?1")
    .bind(id)
    .first<{ epoch: number }>();
  return async () => {
    const newer = "(SELECT id FROM policy WHERE team_id = ?1) AND revision > 1";
    await env.DB.batch([
      env.DB.prepare(`DELETE FROM policy_revision WHERE policy_id IN ${newer}`).bind(id),
      env.DB.prepare("UPDATE policy SET revision = 1 WHERE team_id = ?1").bind(id),
      env.DB.prepare("UPDATE team SET epoch = ?2 WHERE id = ?1").bind(id, row?.epoch),
    ]);
  };
}

it.each([1, 2, 3])(
  "an edit after a database was restored is in force once it says so, where the gate is %i edits ahead",
  async (ahead) => {
    const restore = await backUp();
    for (let edits = 0; edits < ahead; edits++) await save(openPolicy);
    expect(await effect()).toBe("allow");
    await restore();
    const saved = await save(closedPolicy);
    expect(saved).toMatchObject({ revision: 2, in_force: { acknowledged: 1, pending: 0 } });
    expect(await effect()).toBe("deny");
  },
);
