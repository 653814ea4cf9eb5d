import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { UserId } from "../../src/id.ts";
import { listChoices } from "../../src/store/offer.ts";
import { Authenticator } from "../support/authenticator.ts";
import { type Answered, origin, type Person } from "./control_plane.ts";
import { FactorSetting, told, wrong } from "./factor_setting.ts";
import { TeamSetting } from "./team_setting.ts";

// Passwords are hashed again and again here, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 20_000 });

let first: FactorSetting;
let other: FactorSetting;
let s: FactorSetting;

// Two people who have nothing set up before each test: signing up takes its time.
beforeAll(async () => {
  first = await FactorSetting.start();
  other = await first.another();
});
beforeEach(async () => {
  s = first;
  await s.clear();
});

describe("an authenticator app", () => {
  it("is asked for at sign-in from its first code on, and its code completes the sign-in", async () => {
    const begun = await s.me("POST", "totp", s.password);
    expect(begun.body.otpauth_uri).toBe(
      `otpauth://totp/gateway.example:${encodeURIComponent(s.person.email)}?secret=${begun.body.secret}&issuer=gateway.example`,
    );
    expect((await s.login()).body.token).toMatch(/^ey/);
    const app = s.app(begun.body.secret);
    const confirmed = await s.me("POST", "totp/confirm", { code: app.code() });
    expect(confirmed.body.recovery_codes).toHaveLength(10);
    const asked = await s.login();
    expect(asked.body).toEqual({
      second_factor: { challenge: expect.any(String), methods: ["totp", "recovery_code"] },
    });
    const { challenge } = asked.body.second_factor;
    const done = await s.second({ challenge, code: app.next() });
    expect(done.status).toBe(200);
    const self = await s.plane.ask("GET", "/v1/me", { token: done.body.token });
    expect([self.status, self.body.user.email]).toEqual([200, s.person.email]);
  });

  it("needs the password to be set up, and ends the sessions that began without it, but the one in use", async () => {
    expect(told(await s.me("POST", "totp", { password: "wrong" }))).toEqual([403, "forbidden"]);
    const other = (await s.login()).body.token;
    await s.setUp();
    const standing = async (token: string) => (await s.plane.ask("GET", "/v1/me", { token })).status;
    expect([await standing(s.person.token), await standing(other)]).toEqual([200, 401]);
  });

  it("is not set up by a wrong code, nor twice", async () => {
    const { body } = await s.me("POST", "totp", s.password);
    const app = s.app(body.secret);
    expect(told(await s.me("POST", "totp/confirm", { code: app.code(5) }))).toEqual([403, "forbidden"]);
    expect((await s.login()).body.token).toBeDefined();
    expect((await s.me("POST", "totp/confirm", { code: app.code() })).status).toBe(200);
    expect(told(await s.me("POST", "totp/confirm", { code: app.next() }))).toEqual([409, "conflict"]);
    expect(told(await s.me("POST", "totp", s.password))).toEqual([409, "conflict"]);
  });

  it("has each code taken once, whoever shows it, and none that is older than one taken", async () => {
    const { app } = await s.setUp();
    const code = app.next();
    const challenges = await Promise.all([s.lacks(), s.lacks(), s.lacks()]);
    const answers = await Promise.all(challenges.map(({ challenge }) => s.second({ challenge, code })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401, 401]);
    const { challenge } = await s.lacks();
    expect(told(await s.second({ challenge, code: app.code(-1) }))).toEqual(wrong);
    expect((await s.second({ challenge, code: app.next() })).status).toBe(200);
  });

  it("is stored sealed, and its recovery codes as hashes", async () => {
    const { body } = await s.me("POST", "totp", s.password);
    const { body: confirmed } = await s.me("POST", "totp/confirm", { code: s.app(body.secret).code() });
    const rows = await Promise.all(
      ["totp", "recovery_code"].map((table) => env.DB.prepare(`SELECT * FROM ${table}`).all()),
    );
    const text = JSON.stringify(rows.map(({ results }) => results)).toLowerCase();
    const plain = confirmed.recovery_codes.flatMap((code: string) => [code, code.replaceAll("-", "")]);
    for (const secret of [body.secret, ...plain]) expect(text).not.toContain(secret.toLowerCase());
  });

  it("is removed by password and a factor, and by nothing less; its recovery codes go with it", async () => {
    const { app } = await s.setUp();
    expect(told(await s.me("DELETE", "totp", s.password))).toEqual([403, "forbidden"]);
    const { challenge } = (await s.me("POST", "second-factors/challenge")).body;
    const remove = (code: string, given = s.password) =>
      s.me("DELETE", "totp", { ...given, second_factor: { challenge, code } });
    expect(told(await remove(app.next(), { password: "wrong" }))).toEqual([403, "forbidden"]);
    expect(told(await remove(app.code(5)))).toEqual([403, "forbidden"]);
    expect((await remove(app.code())).status).toBe(204);
    expect((await s.login()).body.token).toBeDefined();
    expect((await s.me("GET", "second-factors")).body).toEqual({
      totp: null,
      passkeys: [],
      recovery_codes_left: 0,
    });
  });
});

describe("a challenge", () => {
  it("is over after five minutes, and once it was answered", async () => {
    const { app } = await s.setUp();
    const late = await s.lacks();
    s.wait(5 * 60_000);
    expect(told(await s.second({ challenge: late.challenge, code: app.code() }))).toEqual(wrong);
    const { challenge } = await s.lacks();
    expect((await s.second({ challenge, code: app.next() })).status).toBe(200);
    expect(told(await s.second({ challenge, code: app.next() }))).toEqual(wrong);
  });

  it("is one person's: another's code does not answer it, nor does a session or a challenge for something else", async () => {
    const { app: others } = await s.setUp();
    s = other;
    await s.setUp();
    const { challenge } = await s.lacks();
    expect(told(await s.second({ challenge, code: others.next() }))).toEqual(wrong);
    const { challenge: forPasskey } = await s.begin();
    for (const odd of [s.person.token, forPasskey, `${challenge}x`, ""]) {
      expect(told(await s.second({ challenge: odd, code: others.next() }))).toEqual(wrong);
    }
  });

  it("is answered by exactly one method", async () => {
    const { app } = await s.setUp();
    const key = await Authenticator.at(origin);
    const passkey = await key.get({ challenge: "", rpId: "gateway.example" });
    const { challenge } = await s.lacks();
    for (const given of [{}, { code: app.next(), passkey }]) {
      expect(told(await s.second({ challenge, ...given }))).toEqual([422, "invalid"]);
    }
  });

  it("lets five guesses through, then says when to come back, whatever address they come from", async () => {
    const { app } = await s.setUp();
    const guesses: Answered[] = [];
    const { challenge } = await s.lacks();
    for (let n = 0; n < 6; n++) {
      const body = { challenge, code: app.code(10 + n) };
      const headers = { "CF-Connecting-IP": `192.0.2.${n}` };
      guesses.push(await s.plane.ask("POST", "/v1/login/second-factor", { body, headers }));
    }
    expect(guesses.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
    expect(Number(guesses[5]?.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect((await s.second({ challenge, code: app.next() })).status).toBe(429);
  });
});

describe("a recovery code", () => {
  it("works once in the place of a factor, however it is typed", async () => {
    const { codes } = await s.setUp();
    const [code = ""] = codes;
    const [one, two] = [await s.lacks(), await s.lacks()];
    const typed = { code: ` ${code.toUpperCase().replaceAll("-", " ")}` };
    expect((await s.second({ challenge: one.challenge, ...typed })).status).toBe(200);
    expect(told(await s.second({ challenge: two.challenge, ...typed }))).toEqual(wrong);
    expect((await s.me("GET", "second-factors")).body.recovery_codes_left).toBe(9);
  });

  it("is one person's", async () => {
    const { codes } = await s.setUp();
    s = other;
    await s.setUp();
    const { challenge } = await s.lacks();
    expect(told(await s.second({ challenge, code: codes[0] }))).toEqual(wrong);
  });

  it("ends when new ones are made, which needs password and factor", async () => {
    const { app, codes } = await s.setUp();
    expect(told(await s.me("POST", "recovery-codes", s.password))).toEqual([403, "forbidden"]);
    const { challenge } = (await s.me("POST", "second-factors/challenge")).body;
    const renewed = await s.me("POST", "recovery-codes", {
      ...s.password,
      second_factor: { challenge, code: app.next() },
    });
    expect(renewed.body.recovery_codes).toHaveLength(10);
    const { challenge: next } = await s.lacks();
    expect(told(await s.second({ challenge: next, code: codes[1] }))).toEqual(wrong);
    const [fresh] = renewed.body.recovery_codes;
    expect((await s.second({ challenge: next, code: fresh })).status).toBe(200);
  });
});

describe("a team that takes members only with a second factor", () => {
  let team: TeamSetting;
  let member: Person;

  beforeAll(async () => {
    team = await TeamSetting.on(first.plane);
    member = await team.member("admin");
  });
  const everywhere = { team: null, gateway: null };
  const require = (second_factor_required: boolean, through = team) =>
    through.ask("PATCH", "", { second_factor_required });

  it("is made so by an admin who has one, keeps out members who have none, and takes them once they do", async () => {
    const own = team.as(member);
    await team.server();
    await team.policy("tools", "Open");
    const choices = async () => (await listChoices(env.DB, member.id as UserId, everywhere, 10)).length;
    expect(await choices()).toBe(1);
    const token = { label: "script", team: team.person.team.slug, role: "viewer" };
    const script = await s.plane.ask("POST", "/v1/tokens", { token: member.token, body: token });
    expect(told(await require(true))).toEqual([409, "conflict"]);
    s = s.of(team.person);
    await s.setUp();
    const required = await require(true);
    expect([required.status, required.body.second_factor_required]).toEqual([200, true]);
    for (const out of [own, team.as(script.body)]) {
      const refused = await out.ask("GET", "/members");
      expect(told(refused)).toEqual([403, "forbidden"]);
      expect(refused.body.detail).toContain("https://gateway.example/second-factor");
    }
    expect(told(await require(false, own))).toEqual([403, "forbidden"]);
    expect(await choices()).toBe(0);
    s = s.of(member);
    await s.setUp();
    expect(await choices()).toBe(1);
    await own.must(200, "GET", "/members");
    await team.as(script.body).must(200, "GET", "/members");
    await env.DB.prepare("DELETE FROM totp WHERE user_id = ?1").bind(member.id).run();
    expect(told(await own.ask("GET", ""))).toEqual([403, "forbidden"]);
    expect((await require(false)).status).toBe(200);
    await own.must(200, "GET", "");
  });
});
