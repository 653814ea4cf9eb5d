import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import type { TeamId, UserId } from "../../src/id.ts";
import { visitor } from "../../src/identity/sign_in.ts";
import { startSession } from "../../src/identity/start_session.ts";
import { ControlPlane, origin, type Person } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let person: Person;

/** What a browser says of a request that a page of ours makes. */
const ours = { Origin: origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json" };

/** The session of a person who signed in with a browser, as `Cookie`. */
async function browser({ email, password }: Person): Promise<string> {
  const { headers } = await plane.ask("POST", "/v1/login", { body: { email, password }, headers: ours });
  return headers.get("Set-Cookie")?.split(";")[0] ?? "";
}

let cookie: string;
beforeAll(async () => {
  plane = await ControlPlane.start();
  person = await plane.signUp();
  cookie = await browser(person);
});

describe("a browser that signs in on our own page", () => {
  it("gets a cookie that only this host can set and no script can read, and no token", async () => {
    const { email, password } = person;
    const { status, body, headers } = await plane.ask("POST", "/v1/login", {
      body: { email, password },
      headers: ours,
    });
    expect([status, Object.keys(body)]).toEqual([200, ["expires_at"]]);
    expect(headers.get("Set-Cookie")).toMatch(
      /^__Host-session=[\w.-]+; Max-Age=43200; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    );
  });

  it("gets it for signing up, too", async () => {
    const body = { email: `${crypto.randomUUID()}@example.com`, password: person.password, team: "Acme" };
    const signedUp = await plane.ask("POST", "/v1/signup", { body, headers: ours });
    expect([signedUp.status, "token" in signedUp.body]).toEqual([201, false]);
    expect(signedUp.headers.get("Set-Cookie")).toMatch(/^__Host-session=/);
  });

  it.each([
    ["another origin's page", { ...ours, Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" }],
    ["a page of a neighbouring host", { ...ours, "Sec-Fetch-Site": "same-site" }],
    ["no browser", { "Content-Type": "application/json" }],
  ])("is not %s, which gets no cookie", async (_, headers) => {
    const { email, password } = person;
    const answer = await plane.ask("POST", "/v1/login", { body: { email, password }, headers });
    expect([answer.headers.get("Set-Cookie"), typeof answer.body.token]).toEqual([null, "string"]);
  });

  it("loses the session and the cookie when it signs out", async () => {
    const leaving = await browser(person);
    const { status, headers } = await plane.ask("POST", "/v1/logout", {
      headers: { ...ours, Cookie: leaving },
    });
    expect(status).toBe(204);
    expect(headers.get("Set-Cookie")).toMatch(/^__Host-session=; Max-Age=0;/);
    const after = await plane.ask("GET", "/v1/me", { headers: { ...ours, Cookie: leaving } });
    expect([after.status, after.body.code]).toEqual([401, "unauthenticated"]);
  });
});

it("too many wrong passwords get one answer, whether somebody has the address or not", async () => {
  const answers = [];
  for (const email of [(await plane.signUp()).email, "nobody-has-this@example.com"]) {
    const stub = plane.deps.throttle(`account ${email}`);
    for (let i = 0; i < 10; i++) await stub.take("password", { burst: 10, everyMs: 300_000 }, null);
    const { status, headers, body } = await plane.ask("POST", "/v1/login", {
      body: { email, password: person.password },
    });
    const { request_id: _, detail, ...problem } = body;
    expect(Math.abs(Number(headers.get("Retry-After")) - 300)).toBeLessThan(10);
    answers.push({ status, problem, detail: detail.replace(/\d+/, "N") });
  }
  expect(answers[0]).toMatchObject({ status: 429, problem: { code: "throttled" } });
  expect(answers[1]).toEqual(answers[0]);
});

describe("the cookie", () => {
  const me = (headers: Record<string, string>) => plane.ask("GET", "/v1/me", { headers });
  const found = (headers: Record<string, string>, text = '{"name":"By cookie"}') =>
    plane.ask("POST", "/v1/teams", { headers, text });

  it("speaks for the person where a page of ours reads or writes", async () => {
    expect((await me({ Cookie: cookie, "Sec-Fetch-Site": "same-origin" })).body.user.email).toBe(
      person.email,
    );
    expect((await found({ ...ours, Cookie: cookie })).status).toBe(201);
  });

  it.each([
    ["from nobody knows where", {}],
    ["from the address bar", { "Sec-Fetch-Site": "none" }],
    ["from a page of a neighbouring host", { "Sec-Fetch-Site": "same-site" }],
    ["from another's page", { "Sec-Fetch-Site": "cross-site" }],
    ["from another origin that says it is ours", { "Sec-Fetch-Site": "same-origin", Origin: "null" }],
  ])("is not taken for reading %s", async (_, headers) => {
    const refused = await me({ ...headers, Cookie: cookie });
    expect([refused.status, refused.body.code]).toEqual([403, "bad_origin"]);
  });

  it.each([
    ["without an Origin", { Origin: undefined }],
    ["from another Origin", { Origin: "https://gateway.example.evil.example" }],
    ["from our host by http", { Origin: "http://gateway.example" }],
    ["without Sec-Fetch-Site", { "Sec-Fetch-Site": undefined }],
    ["from a neighbouring host", { "Sec-Fetch-Site": "same-site" }],
    ["as a form", { "Content-Type": "application/x-www-form-urlencoded" }],
    ["as text", { "Content-Type": "text/plain" }],
    ["without a type", { "Content-Type": undefined }],
  ])("is not taken for writing %s", async (_, change) => {
    const headers: Record<string, string> = { Cookie: cookie };
    for (const [name, value] of Object.entries({ ...ours, ...change })) {
      if (value !== undefined) headers[name] = value;
    }
    const before = (await plane.ask("GET", "/v1/teams", { token: person.token })).body.items.length;
    const refused = headers["Content-Type"]
      ? await found(headers)
      : await plane.ask("POST", "/v1/logout", { headers });
    expect([refused.status, refused.body.code]).toEqual([403, "bad_origin"]);
    expect((await plane.ask("GET", "/v1/teams", { token: person.token })).body.items).toHaveLength(before);
  });

  it("is not looked at beside a bearer token, also a bad one", async () => {
    const other = await plane.signUp();
    const asOther = await plane.ask("GET", "/v1/me", { token: other.token, headers: { Cookie: cookie } });
    expect(asOther.body.user.email).toBe(other.email);
    const bad = await plane.ask("GET", "/v1/me", { token: "a.b.c", headers: { ...ours, Cookie: cookie } });
    expect(bad.status).toBe(401);
  });

  it("opens a stream from our own pages, and from no other", async () => {
    const path = `/v1/teams/${person.team.slug}/log/stream`;
    const own = await plane.open(path, { headers: { Cookie: cookie, "Sec-Fetch-Site": "same-origin" } });
    await own.body?.cancel();
    const foreign = await plane.open(path, { headers: { Cookie: cookie, "Sec-Fetch-Site": "cross-site" } });
    expect([own.status, foreign.status]).toEqual([200, 403]);
  });

  it("counts for nobody where there are two of it", async () => {
    const two = `${cookie}; ${await browser(await plane.signUp())}`;
    expect((await me({ ...ours, Cookie: two })).status).toBe(401);
  });

  it("opens a page that a link from elsewhere leads to, and sends no form from there", async () => {
    const at = (method: string, headers: Record<string, string>) =>
      visitor(
        new Request(`${origin}/authorize`, { method, headers: { Cookie: cookie, ...headers } }),
        plane.deps,
      );
    expect((await at("GET", { "Sec-Fetch-Site": "cross-site" }))?.user.email).toBe(person.email);
    expect((await at("POST", ours))?.user.email).toBe(person.email);
    const foreign = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect(await at("POST", foreign)).toBeNull();
    expect(await at("POST", {})).toBeNull();
  });
});

describe("a session for one team", () => {
  it("finds no other team of the person, in no list either, and changes nothing of the person", async () => {
    const [one, two] = [await TeamSetting.on(plane), await plane.signUp("Other")];
    const { id } = one.person;
    const joined = "INSERT INTO member (team_id, user_id, role, created_at) VALUES (?1, ?2, 'admin', 1)";
    await env.DB.prepare(joined).bind(two.team.id, id).run();
    const scoped = await startSession(
      { user: id as UserId, team: one.person.team.id as TeamId, kind: "sso" },
      "x",
      plane.deps,
    );
    await env.DB.batch([...scoped.statements]);
    const { token } = scoped;
    const get = (path: string) => plane.ask("GET", path, { token });
    expect((await get(`/v1/teams/${one.person.team.slug}`)).status).toBe(200);
    const foreign = await get(`/v1/teams/${two.team.slug}`);
    const absent = await get("/v1/teams/absent");
    expect([foreign.status, foreign.body.detail]).toEqual([404, absent.body.detail]);
    const listed = (await get("/v1/teams")).body.items.map((team: { id: string }) => team.id);
    const mine = (await get("/v1/me")).body.teams.map((team: { id: string }) => team.id);
    expect([listed, mine]).toEqual([[one.person.team.id], [one.person.team.id]]);
    const founded = await plane.ask("POST", "/v1/teams", { token, body: { name: "Third" } });
    expect([founded.status, founded.body.code]).toEqual([403, "forbidden"]);
  });
});

it("a session notes what it was begun by and when it was last used, a write every five minutes at most", async () => {
  const { email, password } = person;
  const began = Date.now();
  const at = (ms: number) => plane.with({ now: () => began + ms });
  const client = `Browser\t${"x".repeat(300)}`;
  const { body } = await at(0).ask("POST", "/v1/login", {
    body: { email, password },
    headers: { "User-Agent": client },
  });
  const row = () =>
    env.DB.prepare("SELECT client, last_used_at - ?1 AS used FROM session WHERE client LIKE 'Browser%'")
      .bind(began)
      .first();
  const stored = `Browser?${"x".repeat(192)}`;
  for (const [ms, used] of [
    [0, 0],
    [299_999, 0],
    [300_000, 300_000],
    [500_000, 300_000],
  ] as const) {
    expect((await at(ms).ask("GET", "/v1/me", { token: body.token })).status).toBe(200);
    expect(await row()).toEqual({ client: stored, used });
  }
});

describe("a person's sessions", () => {
  const signIn = async ({ email, password }: Person, client: string) =>
    (
      await plane.ask("POST", "/v1/login", {
        body: { email, password },
        headers: { "User-Agent": client },
      })
    ).body.token as string;
  const list = async (token: string) => (await plane.ask("GET", "/v1/sessions", { token })).body.items;

  it("are listed with what they were begun by; one or all others are ended", async () => {
    const one = await plane.signUp();
    const two = await signIn(one, "Two/1.0");
    const three = await signIn(one, "Three/1.0");
    const items = await list(two);
    expect(items.map(({ client, current }: Record<string, unknown>) => [client, current])).toEqual([
      ["", false],
      ["Two/1.0", true],
      ["Three/1.0", false],
    ]);
    expect(items[1]).toEqual({
      id: expect.stringMatching(/^ses_/),
      current: true,
      kind: "password",
      team: null,
      client: "Two/1.0",
      created_at: expect.any(String),
      last_used_at: expect.any(String),
      expires_at: expect.any(String),
    });
    const end = (id: string, token: string) => plane.ask("DELETE", `/v1/sessions/${id}`, { token });
    expect((await end(items[2].id, person.token)).status).toBe(404);
    expect((await end(items[2].id, two)).status).toBe(204);
    expect((await plane.ask("GET", "/v1/me", { token: three })).status).toBe(401);
    expect((await plane.ask("DELETE", "/v1/sessions", { token: two })).status).toBe(204);
    expect((await plane.ask("GET", "/v1/me", { token: one.token })).status).toBe(401);
    expect(await list(two)).toHaveLength(1);
  });
});
