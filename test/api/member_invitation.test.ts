import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fault } from "../../src/fault.ts";
import { ControlPlane, type Person } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;

beforeAll(async () => {
  plane = await ControlPlane.start();
});
beforeEach(async () => {
  team = await TeamSetting.on(plane);
});

const week = 7 * 86_400_000;
const address = () => `${crypto.randomUUID()}@example.com`;
const invite = (email: string, more: object = {}) =>
  team.must(201, "POST", "/members", { email, role: "viewer", ...more });
const accept = (person: Person, token = plane.invitationTo(person.email)) =>
  plane.ask("POST", "/v1/invitations/accept", { token: person.token, body: { token } });
const open = async () => (await team.must(200, "GET", "/invitations")).items;
const told = ({ request_id: _, ...problem }: Record<string, unknown>) => problem;

async function events() {
  const { items } = await team.must(200, "GET", "/events?limit=2");
  return items.map(({ actor, action, subject, detail }: Record<string, unknown>) => ({
    actor,
    action,
    subject,
    detail,
  }));
}

describe("an invitation", () => {
  it("makes who accepts it a member with the role and additions it says, and the log says so", async () => {
    const person = await plane.signUp("Elsewhere");
    const standing = { role: "policy_manager", approver: true, auditor: false };
    const invited = await invite(person.email.toUpperCase(), { ...standing, auditor: undefined });
    expect(invited).toEqual({
      id: expect.stringMatching(/^inv_/),
      email: person.email,
      ...standing,
      invited_by: team.person.id,
      created_at: expect.any(String),
      expires_at: expect.any(String),
      mail: "sent",
    });
    expect(Date.parse(invited.expires_at) - Date.parse(invited.created_at)).toBe(week);
    expect(await open()).toEqual([expect.objectContaining({ id: invited.id, email: person.email })]);
    const joined = await accept(person);
    expect([joined.status, joined.body]).toEqual([
      200,
      expect.objectContaining({ id: team.person.team.id, ...standing }),
    ]);
    expect(await open()).toEqual([]);
    const detail = { ...standing, invitation: invited.id };
    expect(await events()).toEqual([
      { actor: person.id, action: "member.joined", subject: person.id, detail },
      { actor: team.person.id, action: "member.invited", subject: invited.id, detail: standing },
    ]);
  });

  it("is a mail that names the team by its slug, and nothing that anybody could have made up", async () => {
    const named = await TeamSetting.on(plane, "Win at https://evil.example now");
    const email = address();
    await named.must(201, "POST", "/members", { email, role: "admin" });
    const mail = plane.mails.at(-1);
    const text = `${mail?.subject} ${mail?.text}`;
    expect(mail?.to).toBe(email);
    expect(text).toContain(`"${named.person.team.slug}"`);
    expect(text).not.toContain("evil.example");
    expect(text.match(/https?:[^\s,]*/g)).toEqual([
      "https://gateway.example",
      `https://gateway.example/invitations#${plane.invitationTo(email)}`,
    ]);
  });

  it("is kept without what its link holds", async () => {
    const email = address();
    await invite(email);
    const { results } = await env.DB.prepare("SELECT * FROM invitation WHERE email = ?1").bind(email).all();
    expect(results).toHaveLength(1);
    expect(plane.invitationTo(email)).toMatch(/^[\w-]{43}$/);
    expect(JSON.stringify(results)).not.toContain(plane.invitationTo(email));
  });

  it("is answered alike whether the address has an account or not", async () => {
    const { email } = await plane.signUp("Elsewhere");
    const blank = ({
      id: _,
      email: __,
      created_at: ___,
      expires_at: ____,
      ...rest
    }: Record<string, unknown>) => rest;
    expect(blank(await invite(address()))).toEqual(blank(await invite(email)));
  });

  it("can be withdrawn, and is gone then", async () => {
    const person = await plane.signUp("Elsewhere");
    const { id } = await invite(person.email);
    await team.must(204, "DELETE", `/invitations/${id}`);
    expect(await open()).toEqual([]);
    expect((await accept(person)).status).toBe(404);
    expect((await team.ask("DELETE", `/invitations/${id}`)).status).toBe(404);
  });

  it("is used or withdrawn where both are tried at once, and the log tells which", async () => {
    for (let times = 0; times < 4; times++) {
      const person = await plane.signUp("Elsewhere");
      const { id } = await invite(person.email);
      const [joined, withdrawn] = await Promise.all([
        accept(person),
        team.ask("DELETE", `/invitations/${id}`),
      ]);
      const used = joined.status === 200;
      expect([joined.status, withdrawn.status]).toEqual(used ? [200, 404] : [404, 204]);
      const [last] = await events();
      expect(last.action).toBe(used ? "member.joined" : "invitation.withdrawn");
    }
  });

  it("replaces the address's earlier one, link and role", async () => {
    const person = await plane.signUp("Elsewhere");
    await invite(person.email, { role: "admin" });
    const before = plane.invitationTo(person.email);
    const { id } = await invite(person.email);
    expect(await open()).toEqual([expect.objectContaining({ id, role: "viewer" })]);
    expect((await accept(person, before)).status).toBe(404);
    expect((await accept(person)).body.role).toBe("viewer");
  });

  it.each(["demoted", "removed"])("ends when the admin who sent it is %s", async (how) => {
    const admin = await team.member("admin");
    const person = await plane.signUp("Elsewhere");
    await team.as(admin).must(201, "POST", "/members", { email: person.email, role: "admin" });
    const path = `/members/${admin.id}`;
    if (how === "removed") await team.must(200, "DELETE", path);
    else await team.must(200, "PATCH", path, { role: "policy_manager" });
    expect(await open()).toEqual([]);
    expect((await accept(person)).status).toBe(404);
  });

  it("of a member is refused: their role is changed instead", async () => {
    const { email } = await team.member();
    const refused = await team.ask("POST", "/members", { email, role: "admin" });
    expect([refused.status, refused.body.code, refused.body.errors[0].pointer]).toEqual([
      409,
      "conflict",
      "/email",
    ]);
  });
});

describe("a link", () => {
  it("works once, also after who joined by it was removed", async () => {
    const person = await plane.signUp("Elsewhere");
    await invite(person.email);
    const answers = await Promise.all([1, 2, 3, 4].map(() => accept(person)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.every(({ status }) => [200, 404, 409].includes(status))).toBe(true);
    await team.must(200, "DELETE", `/members/${person.id}`);
    expect((await accept(person)).status).toBe(404);
  });

  it("works for the invited address alone, and tells everybody else as much as one that never was", async () => {
    const email = address();
    await invite(email);
    const other = await plane.signUp("Elsewhere");
    const [theirs, none] = [await accept(other, plane.invitationTo(email)), await accept(other, "none")];
    expect([theirs.status, theirs.body.code]).toEqual([404, "not_found"]);
    expect(told(none.body)).toEqual(told(theirs.body));
    expect(await open()).toHaveLength(1);
  });

  it.each([
    [60_000, 200],
    [0, 404],
  ])("that has %i ms left of its seven days is answered with %i", async (leftMs, status) => {
    const past = plane.with({ now: () => Date.now() - week + leftMs });
    const person = await plane.signUp("Elsewhere");
    team = await TeamSetting.on(past);
    await invite(person.email);
    expect((await accept(person)).status).toBe(status);
  });
});

describe("a team", () => {
  it("invites one address five times a day", async () => {
    const email = address();
    for (let times = 0; times < 5; times++) await invite(email);
    const refused = await team.ask("POST", "/members", { email, role: "viewer" });
    expect([refused.status, refused.body.code]).toEqual([429, "over_quota"]);
    await invite(address());
  });

  it("has 200 open invitations, and may still replace one", async () => {
    await invitationsMade(200, null);
    const refused = await team.ask("POST", "/members", { email: address(), role: "viewer" });
    expect([refused.status, refused.body.detail]).toEqual([429, expect.stringContaining("200 open")]);
    await invite("p1@example.com");
  });

  it("makes 400 invitations a day, whatever became of them", async () => {
    await invitationsMade(400, Date.now());
    const refused = await team.ask("POST", "/members", { email: address(), role: "viewer" });
    expect([refused.status, refused.body.detail]).toEqual([429, expect.stringContaining("400")]);
  });

  it("has 500 members: nobody more is invited, and nobody more joins", async () => {
    const person = await plane.signUp("Elsewhere");
    await invite(person.email);
    await membersJoined(499);
    for (const refused of [
      await accept(person),
      await team.ask("POST", "/members", { email: address(), role: "viewer" }),
    ]) {
      expect([refused.status, refused.body.detail]).toEqual([429, expect.stringContaining("500 members")]);
    }
    expect(await open()).toHaveLength(1);
  });
});

describe("mail that", () => {
  it("nobody took leaves an invitation that can be sent again", async () => {
    team = team.through(plane.with({ mail: { send: async () => "failed" } }));
    const invited = await invite(address());
    expect([invited.mail, "link" in invited, (await open()).length]).toEqual(["failed", false, 1]);
  });

  it("was only printed is shown to the admin too", async () => {
    team = team.through(plane.with({ mail: { send: async () => "printed" } }));
    const person = await plane.signUp("Elsewhere");
    const { mail, link } = await invite(person.email);
    expect([mail, link]).toEqual([
      "printed",
      expect.stringContaining("https://gateway.example/invitations#"),
    ]);
    expect((await accept(person, link.split("#")[1])).status).toBe(200);
  });

  it("cannot be sent at all keeps anybody from being invited", async () => {
    team = team.through(plane.with({ mail: fault("misconfigured", "No mail.") }));
    const refused = await team.ask("POST", "/members", { email: address(), role: "viewer" });
    expect([refused.status, refused.body.detail]).toEqual([500, "No mail."]);
    expect(await open()).toEqual([]);
  });
});

/** Invitations of the last minute, as a busy day leaves them. */
async function invitationsMade(count: number, endedAt: number | null): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO invitation (id, team_id, email, role, approver, auditor, token_hash, inviter_id, created_at, expires_at, ended_at)
     SELECT ?2 || i, ?2, 'p' || i || '@example.com', 'viewer', 0, 0, ?2 || i, ?3, ?4, ?4 + 86400000, ?5 FROM n`,
  )
    .bind(count, team.person.team.id, team.person.id, Date.now() - 60_000, endedAt)
    .run();
}

async function membersJoined(count: number): Promise<void> {
  const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)";
  await env.DB.batch([
    env.DB.prepare(
      `${numbers} INSERT INTO user (id, email, password, created_at) SELECT ?2 || i, ?2 || i, '', 0 FROM n`,
    ).bind(count, team.person.team.id),
    env.DB.prepare(
      `${numbers} INSERT INTO member (team_id, user_id, role, created_at) SELECT ?2, ?2 || i, 'viewer', 0 FROM n`,
    ).bind(count, team.person.team.id),
  ]);
}
