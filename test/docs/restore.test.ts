import { env } from "cloudflare:test";
import { expect, it } from "vitest";
import { AgentCalls } from "../api/agent_calls.ts";
import { ControlPlane } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";

/** The statement that docs/runbooks.md has for a database that was restored. */
function statement(): string {
  const [page = ""] = Object.values(
    import.meta.glob("/docs/runbooks.md", { query: "?raw", import: "default", eager: true }),
  );
  return /```sql\n\s*(.*?)\n\s*```/s.exec(page)?.[1] ?? "";
}

it("after a restore the runbook leaves nothing open that was closed since the back-up", async () => {
  const team = await TeamSetting.on(await ControlPlane.start());
  await team.server("Tools");
  await team.policy("tools", "Open");
  const [kept, revoked] = [await team.grant("tools", "open"), await team.grant("tools", "open")];
  const [agent, gone] = [new AgentCalls(team, kept), new AgentCalls(team, revoked)];
  const effects = async () => [
    (await agent.call("tools", "read_a")).effect,
    (await gone.call("tools", "read_a")).effect,
  ];
  const { id } = team.person.team;
  const { epoch } = (await env.DB.prepare("SELECT epoch FROM team WHERE id = ?1").bind(id).first()) as {
    epoch: number;
  };
  await team.must(200, "DELETE", `/grants/${revoked.id}`);
  for (let edits = 0; edits < 3; edits++)
    await team.must(200, "PATCH", `/grants/${kept.id}`, { label: `${edits}` });

  // 1. The database is as it was before the revocation.
  await env.DB.batch([
    env.DB.prepare('UPDATE "grant" SET revoked_at = NULL WHERE id = ?1').bind(revoked.id),
    env.DB.prepare("UPDATE team SET epoch = ?2 WHERE id = ?1").bind(id, epoch),
  ]);
  expect(await effects()).toEqual(["allow", "gone"]);
  expect((await team.must(200, "GET", `/grants/${revoked.id}`)).state).toBe("active");

  // 2. Every team is frozen, above every gate's epoch.
  await env.DB.prepare(statement()).run();
  await team.must(200, "PATCH", "", { name: "Told" });
  expect(await effects()).toEqual(["deny", "deny"]);

  // 3. The log has what D1 forgot.
  const { items } = await team.must(200, "GET", "/events");
  const lost = items.filter(({ action }: { action: string }) => action === "grant.revoked");
  expect(lost.map(({ subject }: { subject: string }) => subject)).toEqual([revoked.id]);
  await team.must(200, "DELETE", `/grants/${revoked.id}`);
  expect(await effects()).toEqual(["deny", "gone"]);

  // 4. The team lifts its own freeze.
  expect((await team.must(200, "PATCH", "", { frozen: "off" })).in_force.pending).toBe(0);
  expect(await effects()).toEqual(["allow", "gone"]);
});
