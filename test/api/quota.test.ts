import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { QuotaName } from "../../src/store/quota.ts";
import { ControlPlane, type Person, ready, seenTool } from "./control_plane.ts";
import { openPolicy, TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;

beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane);
  await team.server();
});
beforeEach(() => env.DB.prepare("DELETE FROM team_quota").run());

/** As its operator sets it (docs/teams.md). */
const set = (name: QuotaName, max: number) =>
  env.DB.prepare(
    "INSERT INTO team_quota (team_id, name, max) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET max = ?3",
  )
    .bind(team.person.team.id, name, max)
    .run();

const quotas = () => team.must(200, "GET", "/quotas");

let made = 0;
const makers: Record<string, () => ReturnType<TeamSetting["ask"]>> = {
  servers: () => {
    const url = `https://${crypto.randomUUID()}.example/mcp`;
    plane.upstreams.set(url, ready(seenTool("read_a")));
    return team.ask("POST", "/servers", { name: `S${++made}`, url });
  },
  policies_of_a_server: () =>
    team.ask("POST", "/servers/tools/policies", { name: `P${++made}`, document: openPolicy }),
  grants: () => team.ask("POST", "/grants", { label: "agent", servers: [] }),
  open_invitations: () => team.ask("POST", "/members", { email: `p${++made}@example.com`, role: "viewer" }),
  invitations_a_day: () => team.ask("POST", "/members", { email: `p${++made}@example.com`, role: "viewer" }),
  invitations_a_day_to_one: () => team.ask("POST", "/members", { email: "p@example.com", role: "viewer" }),
  hooks: () => team.ask("POST", "/hooks", { url: "https://x.example", events: ["approval.requested"] }),
};

it("a team's quotas are shown to its members, with what is used", async () => {
  await team.policy("tools", "A");
  await team.policy("tools", "B");
  await team.grant("tools", "a");
  await team.must(201, "POST", "/members", { email: "p@example.com", role: "viewer" });
  const viewer = await team.member();
  expect(await team.as(viewer).must(200, "GET", "/quotas")).toEqual({
    servers: { used: 1, max: 100 },
    policies_of_a_server: { used: 2, max: 100 },
    grants: { used: 1, max: 1000 },
    members: { used: 2, max: 500 },
    open_invitations: { used: 1, max: 200 },
    invitations_a_day: { used: 2, max: 400 },
    invitations_a_day_to_one: { used: 1, max: 5 },
    hooks: { used: 0, max: 20 },
    subjects: { used: 0, max: 1_000 },
    refused_subjects: { used: 0, max: 10_000 },
  });
});

describe("a quota is never passed, however many ask at once, and the refusal says what to do:", () => {
  it.each(Object.keys(makers) as QuotaName[])("%s", async (name) => {
    const { used } = (await quotas())[name];
    await set(name, used + 2);
    const answers = await Promise.all(Array.from({ length: 6 }, () => makers[name]?.()));
    const statuses = answers.map((answer) => answer?.status);
    expect(statuses.toSorted()).toEqual([201, 201, 429, 429, 429, 429]);
    for (const refused of answers.filter((answer) => answer?.status === 429)) {
      expect(refused?.body.code).toBe("over_quota");
      expect(refused?.body.detail).toMatch(
        new RegExp(`^A team may have ${used + 2} .*ask who runs this gateway`),
      );
    }
    expect((await quotas())[name]).toEqual({ used: used + 2, max: used + 2 });
    expect((await makers[name]?.())?.status).toBe(429);
    await set(name, used + 3);
    expect((await makers[name]?.())?.status).toBe(201);
  });
});

it("a team that is full takes nobody more, though several accept at once, and their invitations stand", async () => {
  const people: Person[] = [];
  for (let n = 0; n < 3; n++) people.push(await plane.signUp("Elsewhere"));
  for (const { email } of people) await team.must(201, "POST", "/members", { email, role: "viewer" });
  const { members, open_invitations: open } = await quotas();
  await set("members", members.used + 1);
  const accepted = await Promise.all(
    people.map(({ email, token }) =>
      plane.ask("POST", "/v1/invitations/accept", { token, body: { token: plane.invitationTo(email) } }),
    ),
  );
  expect(accepted.map(({ status }) => status).toSorted()).toEqual([200, 429, 429]);
  expect((await quotas()).open_invitations.used).toBe(open.used - 1);
});

it("a grant that was revoked or has expired makes room, and takes it when it is given time again", async () => {
  await set("grants", (await quotas()).grants.used + 1);
  const first = await team.must(201, "POST", "/grants", { label: "a", servers: [] });
  const soon = new Date(Date.now() + 60_000).toISOString();
  await team.must(200, "PATCH", `/grants/${first.id}`, { expires_at: soon });
  const later = team.through(plane.with({ now: () => Date.now() + 120_000 }));
  const second = await later.must(201, "POST", "/grants", { label: "b", servers: [] });
  const again = { expires_at: new Date(Date.now() + 3_600_000).toISOString() };
  const refused = await later.ask("PATCH", `/grants/${first.id}`, again);
  expect([refused.status, refused.body.code]).toEqual([429, "over_quota"]);
  await later.must(200, "DELETE", `/grants/${second.id}`);
  await later.must(200, "PATCH", `/grants/${first.id}`, again);
});

it("a quota that was lowered under what is there takes nothing away, and keeps nothing from being changed", async () => {
  const grant = await team.must(201, "POST", "/grants", { label: "a", servers: [] });
  const { used } = (await quotas()).grants;
  await set("grants", 0);
  await team.must(200, "PATCH", `/grants/${grant.id}`, { label: "b" });
  expect((await quotas()).grants).toEqual({ used, max: 0 });
});

it("one team's quota is no other's", async () => {
  await set("hooks", 0);
  expect((await makers["hooks"]?.())?.status).toBe(429);
  const other = await TeamSetting.on(plane);
  await other.must(201, "POST", "/hooks", { url: "https://x.example", events: ["approval.requested"] });
});

it("a person founds teams until they administer fifty, and again once they have handed one over or deleted it", async () => {
  const { token } = await plane.signUp();
  const found = () => plane.ask("POST", "/v1/teams", { token, body: { name: "Another" } });
  const one = await found();
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 47)
     INSERT INTO team (id, slug, name, data_key, created_at) SELECT 'many' || i, 'many' || i, '', '', 0 FROM n`,
  ).run();
  await env.DB.prepare(
    `INSERT INTO member (team_id, user_id, role, created_at)
     SELECT id, (SELECT user_id FROM member WHERE team_id = ?1), 'admin', 0 FROM team WHERE id LIKE 'many%'`,
  )
    .bind(one.body.id)
    .run();
  const answers = await Promise.all([found(), found(), found()]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 429, 429]);
  expect(answers.find(({ status }) => status === 429)?.body.detail).toContain("50 teams");
  const ended = await plane.ask("DELETE", `/v1/teams/${one.body.slug}`, {
    token,
    body: { slug: one.body.slug },
  });
  expect([ended.status, (await found()).status]).toEqual([204, 201]);
});
