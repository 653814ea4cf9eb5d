import { beforeAll, describe, expect, it } from "vitest";
import { ControlPlane, origin, type Person } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
let stranger: Person;

beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane);
  await team.server();
  stranger = await plane.signUp("Other");
});

const mint = (more: object = {}, token = team.person.token) =>
  plane.ask("POST", "/v1/tokens", {
    token,
    body: { label: "deploy", team: team.person.team.slug, role: "admin", ...more },
  });
const script = async (more: object = {}) => team.as({ token: (await mint(more)).body.token });
const list = async () => (await plane.ask("GET", "/v1/tokens", { token: team.person.token })).body.items;
const listed = async (id: string) => (await list()).find((one: { id: string }) => one.id === id);
const dayMs = 86_400_000;

describe("a script's token", () => {
  it("is shown once, opens one team with a role at most, and ends", async () => {
    const { status, body } = await mint({ role: "viewer" });
    const { token, ...shown } = body;
    expect(status).toBe(201);
    expect(shown).toEqual({
      id: expect.stringMatching(/^tok_/),
      label: "deploy",
      team: team.person.team.id,
      role: "viewer",
      created_at: expect.any(String),
      expires_at: expect.any(String),
      last_used_at: null,
    });
    expect(Date.parse(shown.expires_at) - Date.parse(shown.created_at)).toBe(90 * dayMs);
    expect(await listed(shown.id)).toEqual(shown);
    expect(JSON.stringify(await list())).not.toContain(token);
    const after = plane.with({ now: () => Date.now() + 90 * dayMs });
    const late = await after.ask("GET", "/v1/me", { token });
    expect([late.status, late.body.code]).toEqual([401, "unauthenticated"]);
  });

  it.each([
    ["viewer", 403, 403],
    ["policy_manager", 201, 403],
    ["admin", 201, 200],
  ])("with the role %s writes what that role may", async (role, policy, settings) => {
    const by = await script({ role });
    const saved = await by.ask("POST", "/servers/tools/policies", {
      name: `By ${role}`,
      document: { version: "1", default: "deny" },
    });
    const changed = await by.ask("PATCH", "", { retention_days: 30 });
    expect([saved.status, changed.status]).toEqual([policy, settings]);
  });

  it("may never more than its person may at that time", async () => {
    const member = await team.member("admin");
    const { body } = await mint({}, member.token);
    const by = team.as(body);
    await by.must(200, "PATCH", "", { retention_days: 30 });
    await team.must(200, "PATCH", `/members/${member.id}`, { role: "viewer" });
    expect((await by.ask("PATCH", "", { retention_days: 31 })).status).toBe(403);
    const me = await plane.ask("GET", "/v1/me", { token: body.token });
    expect(me.body.teams.map(({ id, role }: Record<string, string>) => [id, role])).toEqual([
      [team.person.team.id, "viewer"],
    ]);
    await team.must(200, "DELETE", `/members/${member.id}`);
    expect((await by.ask("GET", "")).status).toBe(401);
  });

  it("finds no other team of its person", async () => {
    const { token } = (await mint()).body;
    const body = { name: "Second" };
    const second = await plane.ask("POST", "/v1/teams", { token: team.person.token, body });
    const foreign = await plane.ask("GET", `/v1/teams/${second.body.slug}`, { token });
    const absent = await plane.ask("GET", "/v1/teams/absent", { token });
    expect([foreign.status, foreign.body.detail]).toEqual([404, absent.body.detail]);
    const { items } = (await plane.ask("GET", "/v1/teams", { token })).body;
    expect(items.map(({ id }: { id: string }) => id)).toEqual([team.person.team.id]);
  });

  it("has no say in approvals and reads no arguments, whatever its person may", async () => {
    await team.must(200, "PATCH", `/members/${team.person.id}`, { approver: true, auditor: true });
    const by = await script();
    const membership = await by.must(200, "GET", "");
    expect([membership.role, membership.approver, membership.auditor]).toEqual(["admin", false, false]);
    for (const word of ["approve", "refuse"]) {
      const refused = await by.ask("POST", `/approvals/apr_${"0".repeat(26)}_1/${word}`);
      expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
    }
  });

  it.each([
    ["POST", "/v1/tokens", { label: "x", team: "x", role: "viewer" }],
    ["GET", "/v1/tokens", undefined],
    ["DELETE", "/v1/tokens/tok_x", undefined],
    ["GET", "/v1/sessions", undefined],
    ["DELETE", "/v1/sessions", undefined],
    ["DELETE", "/v1/sessions/ses_x", undefined],
    ["POST", "/v1/logout", undefined],
    ["POST", "/v1/teams", { name: "x" }],
    ["POST", "/v1/invitations/accept", { token: "x" }],
  ])("may not %s %s", async (method, path, body) => {
    const { token } = (await mint()).body;
    const refused = await plane.ask(method, path, { token, body });
    expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
  });

  it.each([
    ["PUT", "/identity", { issuer: "https://issuer.example", audience: "x" }],
    ["DELETE", "/identity", undefined],
    ["PATCH", "", { second_factor_required: false }],
  ])("may not change how the team's people sign in: %s %s", async (method, path, body) => {
    const refused = await (await script()).ask(method, path, body);
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining("script's token")]);
  });

  it("is no session: as a cookie it opens nothing", async () => {
    const { token } = (await mint()).body;
    const headers = {
      Cookie: `__Host-session=${token}`,
      Origin: origin,
      "Sec-Fetch-Site": "same-origin",
    };
    expect((await plane.ask("GET", "/v1/me", { headers })).status).toBe(401);
  });

  it("that is revoked is refused from then on, and both are events of its team", async () => {
    const { body } = await mint();
    const by = team.as(body);
    await by.must(200, "GET", "");
    const gone = await plane.ask("DELETE", `/v1/tokens/${body.id}`, { token: team.person.token });
    expect(gone.status).toBe(204);
    expect((await by.ask("GET", "")).status).toBe(401);
    expect(await listed(body.id)).toBeUndefined();
    const { items } = await team.must(200, "GET", "/events?limit=2");
    expect(
      items.map(({ action, subject, detail }: Record<string, unknown>) => [action, subject, detail]),
    ).toEqual([
      ["token.revoked", body.id, {}],
      ["token.created", body.id, { role: "admin", label: "deploy", expires_at: body.expires_at }],
    ]);
  });

  it("of somebody else is not there", async () => {
    const { body } = await mint();
    const gone = await plane.ask("DELETE", `/v1/tokens/${body.id}`, { token: stranger.token });
    expect([gone.status, gone.body.code]).toEqual([404, "not_found"]);
    expect(await listed(body.id)).toBeDefined();
  });

  it("is for a team of one's own, and for a year at most", async () => {
    expect((await mint({ team: stranger.team.id })).status).toBe(404);
    for (const ms of [-1_000, 366 * dayMs]) {
      const refused = await mint({ expires_at: new Date(Date.now() + ms).toISOString() });
      expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, "/expires_at"]);
    }
  });

  it("says when it was last used", async () => {
    const { body } = await mint();
    const before = Date.now();
    await team.as(body).must(200, "GET", "");
    const { last_used_at: at } = await listed(body.id);
    expect(Date.parse(at)).toBeGreaterThanOrEqual(before);
  });
});
