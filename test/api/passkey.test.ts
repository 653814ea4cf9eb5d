import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Authenticator, type Twist } from "../support/authenticator.ts";
import { origin } from "./control_plane.ts";
import { FactorSetting, told, wrong } from "./factor_setting.ts";

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

describe("a passkey", () => {
  it("signs its person in alone, and is listed, renamed and removed", async () => {
    const { key, made } = await s.makePasskey();
    expect(made).toMatchObject({ name: "Laptop", used_at: null, recovery_codes: expect.any(Array) });
    const done = await s.signIn(key);
    expect(done.status).toBe(200);
    const { body } = await s.plane.ask("GET", "/v1/me", { token: done.body.token });
    expect(body.user.id).toBe(s.person.id);
    const renamed = await s.me("PATCH", `passkeys/${made.id}`, { name: "Phone" });
    expect(renamed.body).toMatchObject({ id: made.id, name: "Phone", used_at: expect.any(String) });
    expect((await s.me("GET", "second-factors")).body.passkeys).toEqual([renamed.body]);
    expect(told(await s.me("DELETE", `passkeys/${made.id}`, s.password))).toEqual([403, "forbidden"]);
    const lastMail = () => s.plane.mails.findLast(({ to }) => to === s.person.email)?.text;
    expect(lastMail()).toContain("A passkey was added");
    const asked = (await s.me("POST", "second-factors/challenge")).body;
    const second_factor = { challenge: asked.challenge, passkey: await key.get(asked.passkey_options) };
    expect((await s.me("DELETE", `passkeys/${made.id}`, { ...s.password, second_factor })).status).toBe(204);
    expect(lastMail()).toContain("A passkey of your account was removed");
    expect(told(await s.signIn(key))).toEqual(wrong);
    expect((await s.login()).body.token).toBeDefined();
  });

  it("is a second factor behind the password", async () => {
    const { key } = await s.makePasskey();
    const { challenge, methods, passkey_options: options } = await s.lacks();
    expect(methods).toEqual(["passkey", "recovery_code"]);
    expect(options.allowCredentials).toEqual([{ type: "public-key", id: key.id, transports: ["internal"] }]);
    expect((await s.second({ challenge, passkey: await key.get(options) })).status).toBe(200);
  });

  it("can be named by its person alone", async () => {
    const { key, made } = await s.makePasskey();
    const owner = s;
    s = other;
    expect(told(await s.me("PATCH", `passkeys/${made.id}`, { name: "Mine" }))).toEqual([404, "not_found"]);
    expect(told(await s.me("DELETE", `passkeys/${made.id}`, s.password))).toEqual([404, "not_found"]);
    await s.setUp();
    const { challenge, passkey_options: options } = await s.lacks();
    expect(options).toBeUndefined();
    const answer = await key.get({ challenge: "", rpId: "gateway.example" }, { challenge });
    expect(told(await s.second({ challenge, passkey: answer }))).toEqual(wrong);
    s = owner;
    expect((await s.signIn(key)).status).toBe(200);
  });

  it("belongs to one account: nobody adds it to another", async () => {
    const { key } = await s.makePasskey();
    s = other;
    const { challenge, options } = await s.offered();
    const again = await s.me("POST", "passkeys", {
      challenge,
      name: "Mine",
      passkey: await key.create(options),
    });
    expect(told(again)).toEqual([409, "conflict"]);
  });

  it("may be one of twenty, however many are added at once", async () => {
    const begun = [await s.offered(), await s.offered()];
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
       INSERT INTO passkey (id, user_id, credential, public_key, counter, transports, name, created_at)
       SELECT ?1 || i, ?1, ?1 || i, '', 0, '[]', '', 0 FROM n`,
    )
      .bind(s.person.id)
      .run();
    const answers = await Promise.all(
      begun.map(async ({ challenge, options }) => {
        const passkey = await (await Authenticator.at(origin)).create(options);
        return s.me("POST", "passkeys", { challenge, name: "More", passkey });
      }),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 429]);
    expect(told(await s.me("POST", "passkeys/options", s.password))).toEqual([429, "over_quota"]);
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
    const { key } = await s.makePasskey();
    const more: typeof twists = [
      ["a counter that stands still", { counter: 1 }],
      ["a counter that goes back to nothing", { counter: 0 }],
      ["another person's name", { userHandle: Buffer.from("usr_other").toString("base64url") }],
      ["nobody's name", { userHandle: null }],
      ["an unknown credential", { credential: "AAAA" }],
    ];
    for (const [what, twist] of [...twists, ...more]) {
      expect([what, ...told(await s.signIn(key, twist))]).toEqual([what, ...wrong]);
    }
    expect((await s.signIn(key)).status).toBe(200);
  });

  it("is not added where anything of what it says is not as it must be", async () => {
    const { challenge, options } = await s.offered();
    const key = await Authenticator.at(origin);
    const add = async (twist: Twist) =>
      s.me("POST", "passkeys", { challenge, name: "x", passkey: await key.create(options, twist) });
    for (const [what, twist] of twists) {
      expect([what, ...told(await add(twist))]).toEqual([what, 422, "invalid"]);
    }
    expect((await add({})).status).toBe(201);
    expect(told(await add({}))).toEqual([422, "invalid"]);
  });

  it("answers each challenge once, within five minutes, and the challenge that it was made for", async () => {
    const { key } = await s.makePasskey();
    const begun = await s.begin();
    const body = { challenge: begun.challenge, passkey: await key.get(begun.options) };
    const twice = await Promise.all([1, 2].map(() => s.plane.ask("POST", "/v1/login/passkey", { body })));
    expect(twice.map(({ status }) => status).toSorted()).toEqual([200, 401]);
    const [one, two] = [await s.begin(), await s.begin()];
    expect(told(await s.signIn(key, {}, { ...one, challenge: two.challenge }))).toEqual(wrong);
    s.wait(5 * 60_000);
    expect(told(await s.signIn(key, {}, one))).toEqual(wrong);
  });

  it("that does not count may always say nothing of its uses", async () => {
    const key = await Authenticator.at(origin);
    const { challenge, options } = await s.offered();
    const passkey = await key.create(options, { counter: 0 });
    expect((await s.me("POST", "passkeys", { challenge, name: "x", passkey })).status).toBe(201);
    for (let n = 0; n < 2; n++) expect((await s.signIn(key, { counter: 0 })).status).toBe(200);
  });

  it("is refused where what it sends is no message of WebAuthn's at all", async () => {
    const { key } = await s.makePasskey();
    const { challenge, options } = await s.begin();
    const good = await key.get(options);
    for (const part of ["clientDataJSON", "authenticatorData", "signature"] as const) {
      const passkey = { ...good, response: { ...good.response, [part]: "AAAA" } };
      expect(told(await s.plane.ask("POST", "/v1/login/passkey", { body: { challenge, passkey } }))).toEqual(
        wrong,
      );
    }
    const odd = { ...good, type: "password" };
    expect(
      told(await s.plane.ask("POST", "/v1/login/passkey", { body: { challenge, passkey: odd } })),
    ).toEqual([422, "invalid"]);
  });
});
