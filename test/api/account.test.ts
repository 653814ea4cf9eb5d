import { beforeAll, describe, expect, it } from "vitest";
import { ControlPlane, turnedAway } from "./control_plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.start();
});

const password = "correct horse battery";
const address = () => `${crypto.randomUUID()}@Example.com`;

describe("signing up", () => {
  it("makes a user, and a team that they administer", async () => {
    const email = address();
    const { status, body } = await plane.ask("POST", "/v1/signup", {
      body: { email, password, team: "Ünïcode & Co." },
    });
    expect(status).toBe(201);
    expect(body.user.email).toBe(email.toLowerCase());
    expect(body.team).toEqual({
      id: expect.stringMatching(/^tm_/),
      slug: "unicode-co",
      name: "Ünïcode & Co.",
    });
    const me = await plane.ask("GET", "/v1/me", { token: body.token });
    expect(me.body.user).toEqual({ ...body.user, email_verified: false });
    expect(me.body.teams).toEqual([
      {
        ...body.team,
        zone: "UTC",
        frozen: "off",
        retention_days: 365,
        second_factor_required: false,
        role: "admin",
        approver: false,
        auditor: false,
        created_at: expect.any(String),
      },
    ]);
  });

  it("gives a second team of the same name a slug of its own", async () => {
    const [one, two] = [await plane.signUp("Same Name"), await plane.signUp("Same Name")];
    expect(one.team.slug).toBe("same-name");
    expect(two.team.slug).toMatch(/^same-name-[0-9a-z]{6}$/);
  });

  it("refuses an address that is taken, in any spelling", async () => {
    const { email } = await plane.signUp();
    const body = { email: email.toUpperCase(), password, team: "Other" };
    const again = await plane.ask("POST", "/v1/signup", { body });
    expect([again.status, again.body.code, again.body.errors[0].pointer]).toEqual([
      409,
      "conflict",
      "/email",
    ]);
  });

  it("is refused with a time to come back after twenty from one address, and from no other", async () => {
    const throttle = plane.deps.throttle("address 203.0.113.77");
    for (let i = 0; i < 20; i++) await throttle.take("sign_up", { burst: 20, everyMs: 180_000 }, null);
    const signUp = (from: string) =>
      plane.ask("POST", "/v1/signup", {
        body: { email: address(), password, team: "Many" },
        headers: { "CF-Connecting-IP": from },
      });
    const refused = await signUp("203.0.113.77");
    expect([refused.status, refused.body.code]).toEqual([429, "throttled"]);
    expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(150);
    expect((await signUp("203.0.113.78")).status).toBe(201);
  });

  it("tells every mistake at once", async () => {
    const body = { email: "nobody", password: "short", team: " ", invite: "x" };
    const refused = await plane.ask("POST", "/v1/signup", { body });
    expect([refused.status, refused.body.code]).toEqual([422, "invalid"]);
    expect(refused.body.errors.map((error: { pointer: string }) => error.pointer).toSorted()).toEqual([
      "/email",
      "/invite",
      "/password",
      "/team",
    ]);
    expect(refused.text).toContain("at least 12 characters");
  });
});

describe("signing in", () => {
  it("needs the right password, and says the same of an unknown address", async () => {
    const { email } = await plane.signUp();
    const good = await plane.ask("POST", "/v1/login", { body: { email, password } });
    expect([good.status, typeof good.body.token]).toEqual([200, "string"]);
    const wrong = await plane.ask("POST", "/v1/login", { body: { email, password: "wrong" } });
    const unknown = await plane.ask("POST", "/v1/login", { body: { email: address(), password } });
    expect([wrong.status, wrong.body.code]).toEqual([401, "unauthenticated"]);
    const { request_id: _one, ...first } = wrong.body;
    const { request_id: _two, ...second } = unknown.body;
    expect(second).toEqual(first);
  });

  it("is counted where it is refused, and nothing else is", async () => {
    turnedAway.length = 0;
    const { email, password, token } = await plane.signUp();
    await plane.ask("POST", "/v1/login", { body: { email, password: "not this one" } });
    await plane.ask("POST", "/v1/login", { body: { email, password } });
    await plane.ask("GET", "/v1/me", { token: "a.b.c" });
    await plane.ask("GET", "/v1/teams/absent", { token });
    expect(turnedAway).toEqual(["login", "control_plane"]);
  });

  it("ends with signing out, at once and for that session only", async () => {
    const { email, token } = await plane.signUp();
    const other = await plane.ask("POST", "/v1/login", { body: { email, password } });
    expect((await plane.ask("POST", "/v1/logout", { token })).status).toBe(204);
    expect((await plane.ask("GET", "/v1/me", { token })).status).toBe(401);
    expect((await plane.ask("GET", "/v1/me", { token: other.body.token })).status).toBe(200);
  });

  it("ends after twelve hours", async () => {
    const { token } = await plane.signUp();
    const later = (ms: number) => plane.with({ now: () => Date.now() + ms }).ask("GET", "/v1/me", { token });
    expect((await later(12 * 3_600_000 - 5_000)).status).toBe(200);
    expect((await later(12 * 3_600_000)).status).toBe(401);
  });
});

describe("a request", () => {
  it.each([
    ["text/plain", "{}", 415, "bad_media"],
    ["application/json; charset=latin1", "{}", 415, "bad_media"],
    ["application/json", "", 400, "bad_json"],
    ["application/json", '{"email":"a","email":"b"}', 400, "bad_json"],
    ["application/json", '{"__proto__":{}}', 400, "bad_json"],
    ["application/json", "[]", 422, "invalid"],
    ["application/json", `"${"x".repeat(1_100_000)}"`, 413, "too_large"],
  ])("with a body of %s %.30s gets a problem", async (type, text, status, code) => {
    const answer = await plane.ask("POST", "/v1/login", { text, headers: { "Content-Type": type } });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it("without a token, with a bad one or with a grant's is refused alike", async () => {
    for (const token of [undefined, "x", "a.b.c"]) {
      const answer = await plane.ask("GET", "/v1/me", token === undefined ? {} : { token });
      expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([
        401,
        'Bearer realm="Portcullis"',
      ]);
    }
  });

  it("to nowhere, or by another method, gets a problem", async () => {
    const nowhere = await plane.ask("GET", "/v1/nowhere");
    expect([nowhere.status, nowhere.body.code]).toEqual([404, "not_found"]);
    const method = await plane.ask("DELETE", "/v1/signup");
    expect([method.status, method.headers.get("Allow")]).toEqual([405, "POST"]);
  });

  it("that fails inside tells nothing of why", async () => {
    const broken = plane.with({
      db: {
        ...plane.deps.db,
        prepare: () => {
          throw new Error("secret detail");
        },
      },
    });
    const answer = await broken.ask("POST", "/v1/login", { body: { email: address(), password } });
    expect([answer.status, answer.body.code]).toEqual([503, "unavailable"]);
    expect(answer.text).not.toContain("secret");
  });
});
