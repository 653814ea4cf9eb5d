import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { UserId } from "../../src/id.ts";
import { totpCode } from "../../src/identity/totp.ts";
import { listChoices } from "../../src/store/offer.ts";
import { Authenticator, type Twist } from "../support/authenticator.ts";
import { type Answered, ControlPlane, origin, type Person } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let person: Person;
let skewMs = 0;

let first: Person;
let other: Person;

beforeAll(async () => {
  plane = await ControlPlane.start({ now: () => Date.now() + skewMs });
});
// Two people for each group, who have nothing set up before each test: signing up takes its time.
const people = () =>
  beforeAll(async () => {
    [first, other] = [await plane.signUp("First"), await plane.signUp("Other")];
  });
beforeEach(async () => {
  person = first;
  const tables = ["totp", "recovery_code", "passkey"];
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

const told = ({ status, body }: Answered) => [status, body.code];
const wrong = [401, "unauthenticated"];
const me = (method: string, path: string, body?: unknown, { token } = person) =>
  plane.ask(method, `/v1/me/${path}`, { token, ...(body === undefined ? {} : { body }) });
const password = () => ({ password: person.password });
const login = () =>
  plane.ask("POST", "/v1/login", { body: { email: person.email, password: person.password } });
const second = (body: unknown) => plane.ask("POST", "/v1/login/second-factor", { body });
const lacks = async () => (await login()).body.second_factor;

/** An authenticator app, as its person holds it: it reads the secret as RFC 4648 §6 has it. */
class App {
  readonly #secret: Uint8Array;
  constructor(written: string) {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const bits = [...written].map((one) => alphabet.indexOf(one).toString(2).padStart(5, "0")).join("");
    this.#secret = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
  }
  code(steps = 0): string {
    return totpCode(this.#secret, Math.floor((Date.now() + skewMs) / 30_000) + steps);
  }
  /** The code of a step that no code was shown of. */
  next(): string {
    skewMs += 30_000;
    return this.code();
  }
}

async function setUp(): Promise<{ app: App; codes: string[] }> {
  const begun = await me("POST", "totp", password());
  expect(begun.status, begun.text).toBe(201);
  const app = new App(begun.body.secret);
  const { status, body } = await me("POST", "totp/confirm", { code: app.next() });
  expect(status).toBe(200);
  return { app, codes: body.recovery_codes };
}

async function offered() {
  const begun = await me("POST", "passkeys/options", password());
  expect(begun.status, begun.text).toBe(200);
  return begun.body;
}

async function makePasskey() {
  const key = await Authenticator.at(origin);
  const { challenge, options } = await offered();
  const passkey = await key.create(options);
  const made = await me("POST", "passkeys", { challenge, name: "Laptop", passkey });
  expect(made.status, made.text).toBe(201);
  return { key, made: made.body };
}

const begin = async () => (await plane.ask("POST", "/v1/login/passkey/options")).body;
async function signIn(key: Authenticator, twist: Twist = {}, begun?: Awaited<ReturnType<typeof begin>>) {
  const { challenge, options } = begun ?? (await begin());
  const body = { challenge, passkey: await key.get(options, twist) };
  return plane.ask("POST", "/v1/login/passkey", { body });
}

describe("an authenticator app", () => {
  people();

  it("is asked for at sign-in from its first code on, and its code completes the sign-in", async () => {
    const begun = await me("POST", "totp", password());
    expect(begun.body.otpauth_uri).toBe(
      `otpauth://totp/gateway.example:${encodeURIComponent(person.email)}?secret=${begun.body.secret}&issuer=gateway.example`,
    );
    expect((await login()).body.token).toMatch(/^ey/);
    const app = new App(begun.body.secret);
    const confirmed = await me("POST", "totp/confirm", { code: app.code() });
    expect(confirmed.body.recovery_codes).toHaveLength(10);
    const asked = await login();
    expect(asked.body).toEqual({
      second_factor: { challenge: expect.any(String), methods: ["totp", "recovery_code"] },
    });
    const { challenge } = asked.body.second_factor;
    const done = await second({ challenge, code: app.next() });
    expect(done.status).toBe(200);
    const self = await plane.ask("GET", "/v1/me", { token: done.body.token });
    expect([self.status, self.body.user.email]).toEqual([200, person.email]);
  });

  it("needs the password to be set up, and ends the sessions that began without it, but the one in use", async () => {
    expect(told(await me("POST", "totp", { password: "wrong" }))).toEqual([403, "forbidden"]);
    const other = (await login()).body.token;
    await setUp();
    const standing = async (token: string) => (await plane.ask("GET", "/v1/me", { token })).status;
    expect([await standing(person.token), await standing(other)]).toEqual([200, 401]);
  });

  it("is not set up by a wrong code, nor twice", async () => {
    const { body } = await me("POST", "totp", password());
    const app = new App(body.secret);
    expect(told(await me("POST", "totp/confirm", { code: app.code(5) }))).toEqual([403, "forbidden"]);
    expect((await login()).body.token).toBeDefined();
    expect((await me("POST", "totp/confirm", { code: app.code() })).status).toBe(200);
    expect(told(await me("POST", "totp/confirm", { code: app.next() }))).toEqual([409, "conflict"]);
    expect(told(await me("POST", "totp", password()))).toEqual([409, "conflict"]);
  });

  it("has each code taken once, whoever shows it, and none that is older than one taken", async () => {
    const { app } = await setUp();
    const code = app.next();
    const challenges = await Promise.all([lacks(), lacks(), lacks()]);
    const answers = await Promise.all(challenges.map(({ challenge }) => second({ challenge, code })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401, 401]);
    const { challenge } = await lacks();
    expect(told(await second({ challenge, code: app.code(-1) }))).toEqual(wrong);
    expect((await second({ challenge, code: app.next() })).status).toBe(200);
  });

  it("is stored sealed, and its recovery codes as hashes", async () => {
    const { body } = await me("POST", "totp", password());
    const { body: confirmed } = await me("POST", "totp/confirm", { code: new App(body.secret).code() });
    const rows = await Promise.all(
      ["totp", "recovery_code"].map((table) => env.DB.prepare(`SELECT * FROM ${table}`).all()),
    );
    const text = JSON.stringify(rows.map(({ results }) => results)).toLowerCase();
    const plain = confirmed.recovery_codes.flatMap((code: string) => [code, code.replaceAll("-", "")]);
    for (const secret of [body.secret, ...plain]) expect(text).not.toContain(secret.toLowerCase());
  });

  it("is removed by password and a factor, and by nothing less; its recovery codes go with it", async () => {
    const { app } = await setUp();
    expect(told(await me("DELETE", "totp", password()))).toEqual([403, "forbidden"]);
    const { challenge } = (await me("POST", "second-factors/challenge")).body;
    const remove = (code: string, given = password()) =>
      me("DELETE", "totp", { ...given, second_factor: { challenge, code } });
    expect(told(await remove(app.next(), { password: "wrong" }))).toEqual([403, "forbidden"]);
    expect(told(await remove(app.code(5)))).toEqual(wrong);
    expect((await remove(app.code())).status).toBe(204);
    expect((await login()).body.token).toBeDefined();
    expect((await me("GET", "second-factors")).body).toEqual({
      totp: null,
      passkeys: [],
      recovery_codes_left: 0,
    });
  });
});

describe("a challenge", () => {
  people();

  it("is over after five minutes, and once it was answered", async () => {
    const { app } = await setUp();
    const late = await lacks();
    skewMs += 5 * 60_000;
    expect(told(await second({ challenge: late.challenge, code: app.code() }))).toEqual(wrong);
    const { challenge } = await lacks();
    expect((await second({ challenge, code: app.next() })).status).toBe(200);
    expect(told(await second({ challenge, code: app.next() }))).toEqual(wrong);
  });

  it("is one person's: another's code does not answer it, nor does a session or a challenge for something else", async () => {
    const { app: others } = await setUp();
    person = other;
    await setUp();
    const { challenge } = await lacks();
    expect(told(await second({ challenge, code: others.next() }))).toEqual(wrong);
    const { challenge: forPasskey } = await begin();
    for (const odd of [person.token, forPasskey, `${challenge}x`, ""]) {
      expect(told(await second({ challenge: odd, code: others.next() }))).toEqual(wrong);
    }
  });

  it("is answered by exactly one method", async () => {
    const { app } = await setUp();
    const key = await Authenticator.at(origin);
    const passkey = await key.get({ challenge: "", rpId: "gateway.example" });
    const { challenge } = await lacks();
    for (const given of [{}, { code: app.next(), passkey }]) {
      expect(told(await second({ challenge, ...given }))).toEqual([422, "invalid"]);
    }
  });

  it("lets five guesses through, then says when to come back, whatever address they come from", async () => {
    const { app } = await setUp();
    const guesses: Answered[] = [];
    const { challenge } = await lacks();
    for (let n = 0; n < 6; n++) {
      const body = { challenge, code: app.code(10 + n) };
      const headers = { "CF-Connecting-IP": `192.0.2.${n}` };
      guesses.push(await plane.ask("POST", "/v1/login/second-factor", { body, headers }));
    }
    expect(guesses.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
    expect(Number(guesses[5]?.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect((await second({ challenge, code: app.next() })).status).toBe(429);
  });
});

describe("a recovery code", () => {
  people();

  it("works once in the place of a factor, however it is typed", async () => {
    const { codes } = await setUp();
    const [code = ""] = codes;
    const [one, two] = [await lacks(), await lacks()];
    const typed = { code: ` ${code.toUpperCase().replaceAll("-", " ")}` };
    expect((await second({ challenge: one.challenge, ...typed })).status).toBe(200);
    expect(told(await second({ challenge: two.challenge, ...typed }))).toEqual(wrong);
    expect((await me("GET", "second-factors")).body.recovery_codes_left).toBe(9);
  });

  it("is one person's", async () => {
    const { codes } = await setUp();
    person = other;
    await setUp();
    const { challenge } = await lacks();
    expect(told(await second({ challenge, code: codes[0] }))).toEqual(wrong);
  });

  it("ends when new ones are made, which needs password and factor", async () => {
    const { app, codes } = await setUp();
    expect(told(await me("POST", "recovery-codes", password()))).toEqual([403, "forbidden"]);
    const { challenge } = (await me("POST", "second-factors/challenge")).body;
    const renewed = await me("POST", "recovery-codes", {
      ...password(),
      second_factor: { challenge, code: app.next() },
    });
    expect(renewed.body.recovery_codes).toHaveLength(10);
    const { challenge: next } = await lacks();
    expect(told(await second({ challenge: next, code: codes[1] }))).toEqual(wrong);
    const [fresh] = renewed.body.recovery_codes;
    expect((await second({ challenge: next, code: fresh })).status).toBe(200);
  });
});

describe("a passkey", () => {
  people();

  it("signs its person in alone, and is listed, renamed and removed", async () => {
    const { key, made } = await makePasskey();
    expect(made).toMatchObject({ name: "Laptop", used_at: null, recovery_codes: expect.any(Array) });
    const done = await signIn(key);
    expect(done.status).toBe(200);
    const { body } = await plane.ask("GET", "/v1/me", { token: done.body.token });
    expect(body.user.id).toBe(person.id);
    const renamed = await me("PATCH", `passkeys/${made.id}`, { name: "Phone" });
    expect(renamed.body).toMatchObject({ id: made.id, name: "Phone", used_at: expect.any(String) });
    expect((await me("GET", "second-factors")).body.passkeys).toEqual([renamed.body]);
    expect(told(await me("DELETE", `passkeys/${made.id}`, password()))).toEqual([403, "forbidden"]);
    const lastMail = () => plane.mails.findLast(({ to }) => to === person.email)?.text;
    expect(lastMail()).toContain("A passkey was added");
    const asked = (await me("POST", "second-factors/challenge")).body;
    const second_factor = { challenge: asked.challenge, passkey: await key.get(asked.passkey_options) };
    expect((await me("DELETE", `passkeys/${made.id}`, { ...password(), second_factor })).status).toBe(204);
    expect(lastMail()).toContain("A passkey of your account was removed");
    expect(told(await signIn(key))).toEqual(wrong);
    expect((await login()).body.token).toBeDefined();
  });

  it("is a second factor behind the password", async () => {
    const { key } = await makePasskey();
    const { challenge, methods, passkey_options: options } = await lacks();
    expect(methods).toEqual(["passkey", "recovery_code"]);
    expect(options.allowCredentials).toEqual([{ type: "public-key", id: key.id, transports: ["internal"] }]);
    expect((await second({ challenge, passkey: await key.get(options) })).status).toBe(200);
  });

  it("can be named by its person alone", async () => {
    const { key, made } = await makePasskey();
    const owner = person;
    person = other;
    expect(told(await me("PATCH", `passkeys/${made.id}`, { name: "Mine" }))).toEqual([404, "not_found"]);
    expect(told(await me("DELETE", `passkeys/${made.id}`, password()))).toEqual([404, "not_found"]);
    await setUp();
    const { challenge, passkey_options: options } = await lacks();
    expect(options).toBeUndefined();
    const answer = await key.get({ challenge: "", rpId: "gateway.example" }, { challenge });
    expect(told(await second({ challenge, passkey: answer }))).toEqual(wrong);
    person = owner;
    expect((await signIn(key)).status).toBe(200);
  });

  it("belongs to one account: nobody adds it to another", async () => {
    const { key } = await makePasskey();
    person = other;
    const { challenge, options } = await offered();
    const again = await me("POST", "passkeys", {
      challenge,
      name: "Mine",
      passkey: await key.create(options),
    });
    expect(told(again)).toEqual([409, "conflict"]);
  });

  it("may be one of twenty, however many are added at once", async () => {
    const begun = [await offered(), await offered()];
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
       INSERT INTO passkey (id, user_id, credential, public_key, counter, transports, name, created_at)
       SELECT ?1 || i, ?1, ?1 || i, '', 0, '[]', '', 0 FROM n`,
    )
      .bind(person.id)
      .run();
    const answers = await Promise.all(
      begun.map(async ({ challenge, options }) => {
        const passkey = await (await Authenticator.at(origin)).create(options);
        return me("POST", "passkeys", { challenge, name: "More", passkey });
      }),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 429]);
    expect(told(await me("POST", "passkeys/options", password()))).toEqual([429, "over_quota"]);
  });

  const twists: readonly [what: string, twist: Twist][] = [
    ["another origin", { origin: "https://evil.example" }],
    ["a page of the same host by another scheme", { origin: "http://gateway.example" }],
    ["another port", { origin: `${origin}:8443` }],
    ["another site's frame", { crossOrigin: true }],
    ["another relying party", { rpId: "evil.example" }],
    ["another ceremony", { type: "webauthn.other" }],
    ["another challenge", { challenge: "AAAA" }],
    ["nobody verified", { userVerified: false }],
    ["nobody present", { userPresent: false }],
  ];

  it("opens nothing where anything of what it says is not as it must be", async () => {
    const { key } = await makePasskey();
    const more: typeof twists = [
      ["a counter that stands still", { counter: 1 }],
      ["a counter that goes back to nothing", { counter: 0 }],
      ["another person's name", { userHandle: Buffer.from("usr_other").toString("base64url") }],
      ["nobody's name", { userHandle: null }],
      ["an unknown credential", { credential: "AAAA" }],
    ];
    for (const [what, twist] of [...twists, ...more]) {
      expect([what, ...told(await signIn(key, twist))]).toEqual([what, ...wrong]);
    }
    expect((await signIn(key)).status).toBe(200);
  });

  it("is not added where anything of what it says is not as it must be", async () => {
    const { challenge, options } = await offered();
    const key = await Authenticator.at(origin);
    const add = async (twist: Twist) =>
      me("POST", "passkeys", { challenge, name: "x", passkey: await key.create(options, twist) });
    for (const [what, twist] of twists) {
      expect([what, ...told(await add(twist))]).toEqual([what, 422, "invalid"]);
    }
    expect((await add({})).status).toBe(201);
    expect(told(await add({}))).toEqual([422, "invalid"]);
  });

  it("answers each challenge once, within five minutes, and the challenge that it was made for", async () => {
    const { key } = await makePasskey();
    const begun = await begin();
    const body = { challenge: begun.challenge, passkey: await key.get(begun.options) };
    const twice = await Promise.all([1, 2].map(() => plane.ask("POST", "/v1/login/passkey", { body })));
    expect(twice.map(({ status }) => status).toSorted()).toEqual([200, 401]);
    const [one, two] = [await begin(), await begin()];
    expect(told(await signIn(key, {}, { ...one, challenge: two.challenge }))).toEqual(wrong);
    skewMs += 5 * 60_000;
    expect(told(await signIn(key, {}, one))).toEqual(wrong);
  });

  it("that does not count may always say nothing of its uses", async () => {
    const key = await Authenticator.at(origin);
    const { challenge, options } = await offered();
    const passkey = await key.create(options, { counter: 0 });
    expect((await me("POST", "passkeys", { challenge, name: "x", passkey })).status).toBe(201);
    for (let n = 0; n < 2; n++) expect((await signIn(key, { counter: 0 })).status).toBe(200);
  });

  it("is refused where what it sends is no message of WebAuthn's at all", async () => {
    const { key } = await makePasskey();
    const { challenge, options } = await begin();
    const good = await key.get(options);
    for (const part of ["clientDataJSON", "authenticatorData", "signature"] as const) {
      const passkey = { ...good, response: { ...good.response, [part]: "AAAA" } };
      expect(told(await plane.ask("POST", "/v1/login/passkey", { body: { challenge, passkey } }))).toEqual(
        wrong,
      );
    }
    const odd = { ...good, type: "password" };
    expect(told(await plane.ask("POST", "/v1/login/passkey", { body: { challenge, passkey: odd } }))).toEqual(
      [422, "invalid"],
    );
  });
});

describe("a team that takes members only with a second factor", () => {
  let team: TeamSetting;
  let member: Person;

  beforeAll(async () => {
    team = await TeamSetting.on(plane);
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
    const script = await plane.ask("POST", "/v1/tokens", { token: member.token, body: token });
    expect(told(await require(true))).toEqual([409, "conflict"]);
    person = team.person;
    await setUp();
    const required = await require(true);
    expect([required.status, required.body.second_factor_required]).toEqual([200, true]);
    for (const out of [own, team.as(script.body)]) {
      const refused = await out.ask("GET", "/members");
      expect(told(refused)).toEqual([403, "forbidden"]);
      expect(refused.body.detail).toContain("https://gateway.example/second-factor");
    }
    expect(told(await require(false, own))).toEqual([403, "forbidden"]);
    expect(await choices()).toBe(0);
    person = member;
    await setUp();
    expect(await choices()).toBe(1);
    await own.must(200, "GET", "/members");
    await team.as(script.body).must(200, "GET", "/members");
    await env.DB.prepare("DELETE FROM totp WHERE user_id = ?1").bind(member.id).run();
    expect(told(await own.ask("GET", ""))).toEqual([403, "forbidden"]);
    expect((await require(false)).status).toBe(200);
    await own.must(200, "GET", "");
  });
});
