import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, type Person, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

const document = {
  version: "1",
  default: "deny",
  tools: {
    pay: { action: "approve", reason: "Money leaves." },
    wipe: { action: "approve", approve: { approvers: "admin" } },
  },
};

let plane: ControlPlane;
let team: TeamSetting;
let agent: AgentCalls;
let grant: { id: string };

/** Another member of the team. Invitations have no API yet, so the row is written here. */
async function member(role: string, addition: "approver" | null = null): Promise<Person & { path: string }> {
  const person = await plane.signUp("Elsewhere");
  await env.DB.prepare(
    "INSERT INTO member (team_id, user_id, role, approver, auditor, created_at) VALUES (?1, ?2, ?3, ?4, 0, 0)",
  )
    .bind(team.person.team.id, person.id, role, addition === "approver" ? 1 : 0)
    .run();
  return { ...person, path: `/v1/teams/${team.person.team.id}/approvals` };
}

async function ask(tool = "pay", args: unknown = { amount: 7 }): Promise<string> {
  const asked = await agent.call("tools", tool, args);
  return (asked.effect === "deny" && asked.waitsFor?.id) || "nothing";
}

beforeAll(async () => {
  plane = await ControlPlane.start();
});
beforeEach(async () => {
  team = await TeamSetting.on(plane);
  await team.server("Tools", [seenTool("pay"), seenTool("wipe")]);
  await team.policy("tools", "Ask", document);
  const made = await team.grant("tools", "ask");
  grant = made;
  agent = new AgentCalls(team, made);
});

it("takes a word without a note, as most clients send a POST of nothing: with a body that is empty", async () => {
  const path = `/v1/teams/${team.person.team.slug}/approvals/${await ask()}/approve`;
  expect((await plane.ask("POST", path, { token: team.person.token, text: "" })).status).toBe(200);
});

describe("the inbox", () => {
  it("lists what waits, newest first, page by page, and what came of it", async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.unshift(await ask("pay", { amount: i }));
    const first = await team.must(200, "GET", "/approvals?state=pending&limit=2");
    expect(first.items).toMatchObject([
      { id: ids[0], state: "pending", grant: grant.id, server: { slug: "tools" }, reason: "Money leaves." },
      { id: ids[1] },
    ]);
    const next = await team.must(200, "GET", `/approvals?state=pending&limit=2&cursor=${first.next_cursor}`);
    expect(next).toMatchObject({ items: [{ id: ids[2] }], next_cursor: null });
    await team.must(200, "POST", `/approvals/${ids[0]}/refuse`, { note: "No." });
    const refused = await team.must(200, "GET", "/approvals?state=refused");
    expect(refused.items).toMatchObject([{ id: ids[0], ended: { why: "refused", note: "No." } }]);
    expect((await team.must(200, "GET", "/approvals?state=pending")).items).toHaveLength(2);
  });

  it("shows the call as it was written to those who may decide, and to no other member", async () => {
    const id = await ask("pay", { amount: 7 });
    const viewer = await member("viewer");
    const approver = await member("viewer", "approver");
    const seen = await plane.ask("GET", `${viewer.path}/${id}`, { token: viewer.token });
    expect(seen.body).toMatchObject({ call: null, may_approve: false, why_not: "role" });
    const open = await plane.ask("GET", `${viewer.path}/${id}`, { token: approver.token });
    expect(open.body).toMatchObject({ call: { arguments: { amount: 7 }, others: null }, may_approve: true });
    expect(JSON.stringify(await team.must(200, "GET", "/approvals"))).not.toContain("amount");
  });
});

describe("a person's word", () => {
  it("lets the call through once, and is an event of the log", async () => {
    const id = await ask();
    const done = await team.must(200, "POST", `/approvals/${id}/approve`, { note: "Fine." });
    expect(done).toMatchObject({ state: "approved", approvals: [{ by: team.person.id, note: "Fine." }] });
    expect((await agent.call("tools", "pay", { amount: 7 })).effect).toBe("allow");
    expect((await agent.call("tools", "pay", { amount: 7 })).effect).toBe("deny");
    expect(await team.must(200, "GET", `/approvals/${id}`)).toMatchObject({ state: "used", call: null });
    await agent.ship();
    expect(await events()).toMatchObject([
      {
        actor: team.person.id,
        action: "approval.approved",
        subject: id,
        detail: { grant: grant.id, target: "pay", note: "Fine." },
      },
    ]);
  });

  it("comes too late once it is over, and counts once", async () => {
    const id = await ask();
    await team.must(200, "POST", `/approvals/${id}/approve`);
    expect((await team.ask("POST", `/approvals/${id}/approve`)).status).toBe(409);
    await team.must(200, "POST", `/approvals/${id}/refuse`);
    expect((await team.ask("POST", `/approvals/${id}/refuse`)).status).toBe(409);
    expect((await team.ask("POST", `/approvals/${id}/approve`)).status).toBe(409);
  });

  it("needs the role that the rule names", async () => {
    const [pay, wipe] = [await ask("pay"), await ask("wipe")];
    const viewer = await member("policy_manager");
    const approver = await member("viewer", "approver");
    const say = (who: Person, id: string) =>
      plane.ask("POST", `${viewer.path}/${id}/approve`, { token: who.token });
    expect((await say(viewer, pay)).status).toBe(403);
    expect((await say(approver, wipe)).status).toBe(403);
    expect((await say(approver, pay)).status).toBe(200);
  });

  it("on one's own grant counts only while nobody else could give it", async () => {
    const [alone, accompanied] = [await ask("pay"), await ask("wipe")];
    await team.must(200, "POST", `/approvals/${alone}/approve`);
    await member("viewer", "approver");
    await team.must(200, "POST", `/approvals/${accompanied}/approve`);
    const third = await ask("pay", { amount: 8 });
    const own = await team.ask("POST", `/approvals/${third}/approve`);
    expect([own.status, own.body.detail]).toEqual([403, expect.stringContaining("yours")]);
    expect(await team.must(200, "GET", `/approvals/${third}`)).toMatchObject({
      may_approve: false,
      why_not: "own",
      call: { arguments: { amount: 8 } },
    });
    await team.must(200, "POST", `/approvals/${third}/refuse`);
  });

  it("of the member whom a grant acts for counts no more than its creator's", async () => {
    const helper = await member("admin");
    const made = await team.grant("tools", "ask", { member: helper.id });
    agent = new AgentCalls(team, made);
    const id = await ask();
    const say = () => plane.ask("POST", `${helper.path}/${id}/approve`, { token: helper.token });
    const first = await say();
    expect(first.status, "both admins own the grant, so one of them may").toBe(200);
    await member("admin");
    const next = await ask("pay", { amount: 9 });
    expect((await plane.ask("POST", `${helper.path}/${next}/approve`, { token: helper.token })).status).toBe(
      403,
    );
    expect((await team.ask("POST", `/approvals/${next}/approve`)).status).toBe(403);
  });
});

/** What the team's log tells of approvals. */
async function events() {
  const { items } = await team.must(200, "GET", "/events");
  return items.filter(({ action }: { action: string }) => action.startsWith("approval."));
}
