import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { fault } from "../../src/fault.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, type Person } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.start();
});

const address = () => `${crypto.randomUUID()}@example.com`;
const password = "correct horse battery";
const confirm = (token: string, at = plane) => at.ask("POST", "/v1/email/confirm", { body: { token } });
const user = async ({ token }: Pick<Person, "token">) =>
  (await plane.ask("GET", "/v1/me", { token })).body.user;

/** Somebody who has signed up, and not followed the link. */
async function newcomer() {
  const email = address();
  const { body } = await plane.ask("POST", "/v1/signup", { body: { email, password, team: "New" } });
  return {
    email,
    token: body.token as string,
    id: body.user.id as string,
    link: plane.linkTo(email, "confirm-email"),
  };
}

describe("an e-mail address", () => {
  it("is confirmed by the link that signing up mails there, which works once", async () => {
    const person = await newcomer();
    expect((await user(person)).email_verified).toBe(false);
    const done = await confirm(person.link);
    expect([done.status, done.body]).toEqual([200, { email: person.email }]);
    expect((await user(person)).email_verified).toBe(true);
    const [again, never] = [await confirm(person.link), await confirm("never")];
    expect([again.status, again.body.detail]).toEqual([404, never.body.detail]);
  });

  it("that is not confirmed joins no team, whatever it was sent", async () => {
    const team = await TeamSetting.on(plane);
    const person = await newcomer();
    await team.must(201, "POST", "/members", { email: person.email, role: "admin" });
    const accept = (token: string) =>
      plane.ask("POST", "/v1/invitations/accept", { token: person.token, body: { token } });
    const invitation = plane.invitationTo(person.email);
    const [real, none] = [await accept(invitation), await accept("none")];
    expect([real.status, real.body.code]).toEqual([403, "forbidden"]);
    expect(none.body.detail).toBe(real.body.detail);
    await confirm(person.link);
    expect((await accept(invitation)).status).toBe(200);
  });

  it("gets another link, which replaces the first; five at once, and none when it is confirmed", async () => {
    const person = await newcomer();
    const ask = () => plane.ask("POST", "/v1/email/confirmation", { token: person.token });
    expect((await ask()).body).toEqual({ mail: "sent" });
    expect((await confirm(person.link)).status).toBe(404);
    for (let i = 0; i < 4; i++) expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect([refused.status, refused.body.code, Number(refused.headers.get("Retry-After")) > 600]).toEqual([
      429,
      "throttled",
      true,
    ]);
    expect((await confirm(plane.linkTo(person.email, "confirm-email"))).status).toBe(200);
    expect((await ask()).status).toBe(409);
  });

  it("is not confirmed by a link of yesterday, nor by one for a new password", async () => {
    const person = await newcomer();
    const late = plane.with({ now: () => Date.now() + 24 * 3_600_000 });
    expect((await confirm(person.link, late)).status).toBe(404);
    await plane.ask("POST", "/v1/password/forgotten", { body: { email: person.email } });
    expect((await confirm(plane.linkTo(person.email, "reset-password"))).status).toBe(404);
  });

  it("is stored with a hash of its link alone", async () => {
    const { link } = await newcomer();
    const { results } = await env.DB.prepare("SELECT * FROM mail_link").all();
    expect(results.length).toBeGreaterThan(0);
    expect(JSON.stringify(results)).not.toContain(link);
  });

  it("is shown its link in development, where no mail is sent", async () => {
    const { token } = await newcomer();
    const printed = plane.with({ mail: { send: async () => "printed" } });
    const { body } = await printed.ask("POST", "/v1/email/confirmation", { token });
    expect(body).toEqual({
      mail: "printed",
      link: expect.stringMatching(/^https:\/\/gateway\.example\/confirm-email#[\w-]{43}$/),
    });
  });

  it("can be signed up with where no mail can be sent", async () => {
    const mute = plane.with({ mail: fault("misconfigured", "No mail.") });
    const body = { email: address(), password, team: "Mute" };
    const { status, body: made } = await mute.ask("POST", "/v1/signup", { body });
    expect(status).toBe(201);
    const asked = await mute.ask("POST", "/v1/email/confirmation", { token: made.token });
    expect([asked.status, asked.body.detail]).toEqual([500, "No mail."]);
  });
});

describe("changing the address", () => {
  const change = (person: Person, email: string, more: object = {}) =>
    plane.ask("POST", "/v1/email", { token: person.token, body: { email, password, ...more } });

  it("takes the password and the link that is mailed to the new one, and tells the old one", async () => {
    const person = await plane.signUp();
    const to = address();
    expect((await change(person, to, { password: "not this one" })).status).toBe(403);
    expect((await change(person, to)).status).toBe(202);
    expect((await user(person)).email).toBe(person.email);
    expect((await plane.ask("POST", "/v1/login", { body: { email: to, password } })).status).toBe(401);
    expect((await confirm(plane.linkTo(to, "confirm-email"))).body).toEqual({ email: to });
    expect(await user(person)).toEqual({ id: person.id, email: to, email_verified: true });
    expect(plane.mails.findLast((mail) => mail.to === person.email)?.subject).toBe(
      "Your e-mail address was changed",
    );
    expect((await plane.ask("POST", "/v1/login", { body: { email: to, password } })).status).toBe(200);
    const old = await plane.ask("POST", "/v1/login", { body: { email: person.email, password } });
    expect(old.status).toBe(401);
  });

  it("is what policies read at the next call, and an event of each team without the addresses", async () => {
    const team = await TeamSetting.on(plane);
    const { person } = team;
    const to = address();
    await team.server();
    const require = [{ conditions: [{ path: "member.email", op: "eq", value: to }], on_deny: "No." }];
    const document = { version: "1", default: "deny", tools: { read_a: { require } } };
    await team.policy("tools", "Theirs", document);
    const agent = new AgentCalls(team, await team.grant("tools", "theirs", { member: person.id }));
    expect((await agent.call("tools", "read_a", {})).effect).toBe("deny");
    await change(person, to);
    await confirm(plane.linkTo(to, "confirm-email"));
    expect((await agent.call("tools", "read_a", {})).effect).toBe("allow");
    const { items } = await team.must(200, "GET", "/events?limit=1");
    expect(items).toEqual([
      expect.objectContaining({ action: "member.email_changed", subject: person.id, detail: {} }),
    ]);
  });

  it("to one that somebody has is answered alike, and tells its owner instead", async () => {
    const [person, owner] = [await plane.signUp(), await plane.signUp()];
    const taken = await change(person, owner.email);
    const free = await change(person, address());
    expect([taken.status, taken.text]).toEqual([free.status, free.text]);
    expect(plane.mails.findLast((mail) => mail.to === owner.email)?.subject).toBe(
      "You have an account with this address",
    );
    expect((await user(owner)).id).toBe(owner.id);
  });

  it("to one that is taken by the time of the link leads nowhere", async () => {
    const [person, to] = [await plane.signUp(), address()];
    await change(person, to);
    const link = plane.linkTo(to, "confirm-email");
    await plane.ask("POST", "/v1/signup", { body: { email: to, password, team: "Faster" } });
    expect((await confirm(link)).status).toBe(404);
    expect((await user(person)).email).toBe(person.email);
  });
});
