import { beforeAll, beforeEach, expect, it } from "vitest";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, type Person } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
let heir: Person;

beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane);
  heir = await team.member("viewer", { auditor: true });
});

const transfer = (to: string, through = team, more: object = {}) =>
  through.ask("POST", "/transfer", { to, ...more });
const standing = async (who: Person) => {
  const { role, approver, auditor } = await team.as(who).must(200, "GET", "");
  return { role, approver, auditor };
};
const none = { approver: false, auditor: false };
let back: TeamSetting;

beforeEach(async () => {
  back = team.as(heir);
  if ((await standing(team.person)).role !== "admin") {
    expect((await transfer(team.person.id, back)).status).toBe(200);
  }
});

it("a team is handed over in one step: the heir is its admin, who gave it is not, and the log says so", async () => {
  const done = await transfer(heir.email);
  expect([done.status, done.body]).toEqual([
    200,
    { admin: heir.id, in_force: { acknowledged: 0, pending: 0 } },
  ]);
  expect(await standing(heir)).toEqual({ role: "admin", approver: false, auditor: true });
  expect(await standing(team.person)).toEqual({ role: "viewer", ...none });
  const { items } = await back.must(200, "GET", "/events?limit=1");
  expect(items[0]).toMatchObject({
    actor: team.person.id,
    action: "team.transferred",
    subject: heir.id,
    detail: { stay: "viewer" },
  });
  expect((await transfer(heir.id)).status).toBe(403);
});

it("handing over ends the invitations of who steps back, who may stay a policy manager", async () => {
  await team.must(201, "POST", "/members", { email: "invited@example.com", role: "admin" });
  expect((await transfer(heir.id, team, { stay: "policy_manager" })).status).toBe(200);
  expect(await standing(team.person)).toEqual({ role: "policy_manager", ...none });
  expect((await back.must(200, "GET", "/invitations")).items).toEqual([]);
});

it("agents of both are judged by their new roles from the next call on", async () => {
  await team.server("Judged");
  const require = [{ conditions: [{ path: "member.role", op: "eq", value: "admin" }], on_deny: "No." }];
  await team.policy("judged", "Admins", { version: "1", default: "deny", tools: { read_a: { require } } });
  const agents = await Promise.all(
    [team.person, heir].map(
      async ({ id }) => new AgentCalls(team, await team.grant("judged", "admins", { member: id })),
    ),
  );
  const effects = () =>
    Promise.all(agents.map(async (agent) => (await agent.call("judged", "read_a")).effect));
  expect(await effects()).toEqual(["allow", "deny"]);
  expect((await transfer(heir.id)).body.in_force).toEqual({ acknowledged: 2, pending: 0 });
  expect(await effects()).toEqual(["deny", "allow"]);
});

it("a team is handed to another member only, and nothing has changed where it is refused", async () => {
  const stranger = await plane.signUp("Elsewhere");
  const refused = await transfer(stranger.email);
  expect([refused.status, refused.body.code]).toEqual([404, "not_found"]);
  const self = await transfer(team.person.id);
  expect([self.status, self.body.errors[0].pointer]).toEqual([422, "/to"]);
  expect((await standing(team.person)).role).toBe("admin");
});

it("an heir who leaves at that moment leaves the team with its admin", async () => {
  const [done, left] = await Promise.all([transfer(heir.id), back.ask("DELETE", `/members/${heir.id}`)]);
  const both = [done.status, left.status];
  // As the heir left first, or was the last admin by then.
  expect([
    [404, 200],
    [200, 409],
  ]).toContainEqual(both);
  const admin = done.status === 200 ? heir : team.person;
  expect((await standing(admin)).role).toBe("admin");
  if (left.status === 200) {
    await team.must(201, "POST", "/members", { email: heir.email, role: "viewer" });
    const body = { token: plane.invitationTo(heir.email) };
    await plane.ask("POST", "/v1/invitations/accept", { token: heir.token, body });
  }
});
