import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sso } from "../../src/api/sso.ts";
import { type Answered, type ControlPlane, origin, type Person } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";
import { Provider } from "../support/oidc/provider.ts";
import { Isolate, planeIn, World } from "./team_gateway.ts";

const world = new World();
let plane: ControlPlane;
let team: TeamSetting;
/** Another team, and its admin. */
let spare: TeamSetting;
let provider: Provider;
let enter: (request: Request) => Promise<Response>;
let issuers = 0;

const client = { id: "portcullis", secret: "s3cret&=%+ ü" };
const rules = [
  { claim: "groups", contains: "admins", role: "admin" },
  { claim: "groups", contains: "staff", role: "viewer", approver: true },
];
const identity = (change: object = {}, signIn: object = {}) => ({
  issuer: provider.issuer,
  audience: "api://acme",
  mapping: { label: "name", rules },
  sign_in: { client_id: client.id, client_secret: client.secret, ...signIn },
  ...change,
});
const register = (on = team, change: object = {}, signIn: object = {}) =>
  on.must(200, "PUT", "/identity", identity(change, signIn));

beforeAll(async () => {
  plane = await planeIn(world);
  [team, spare] = [await TeamSetting.on(plane, "Acme"), await TeamSetting.on(plane, "Spare")];
  enter = sso(plane.deps);
});

beforeEach(async () => {
  provider = await Provider.start(`https://login${issuers++}.example`);
  provider.clients.push(client);
  provider.person = { sub: "alice", groups: ["staff"], name: "Alice" };
  world.providers.unshift(provider);
});

interface Browser {
  cookies: Map<string, string>;
  /** Every address that it was sent to. */
  readonly seen: string[];
}
const newBrowser = (): Browser => ({ cookies: new Map(), seen: [] });

/** Follows redirects as a browser does, to us and to the identity provider, until somebody stays. */
async function visit(browser: Browser, start: string): Promise<Response> {
  for (let url = start; ; ) {
    browser.seen.push(url);
    const ours = url.startsWith(origin);
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const request = new Request(url, ours ? { headers: { Cookie: cookie, "User-Agent": "Browser" } } : {});
    const staying = ours && !new URL(url).pathname.startsWith("/sso/");
    if (staying) return new Response(url);
    const answer = ours ? await enter(request) : await world.fetch(request);
    for (const set of ours ? answer.headers.getSetCookie() : []) keep(browser, set);
    const next = answer.headers.get("Location");
    if (next === null) return answer;
    url = next;
  }
}

function keep({ cookies }: Browser, set: string): void {
  expect(set).toMatch(/^__Host-[a-z]+=[^;]*; Max-Age=\d+; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
  const [, name = "", value = "", age] = /^([^=]+)=([^;]*); Max-Age=(\d+)/.exec(set) ?? [];
  if (age === "0") cookies.delete(name);
  else cookies.set(name, value);
}

/** Signs in; the page that the browser ends at, and its session. */
async function signIn(on = team, next = ""): Promise<{ at: string; token: string; browser: Browser }> {
  const browser = newBrowser();
  const answer = await visit(browser, `${origin}/sso/${on.person.team.slug}${next}`);
  return {
    at: (await answer.text()).replace(origin, ""),
    token: browser.cookies.get("__Host-session") ?? "",
    browser,
  };
}

const members = async (on = team) => (await on.must(200, "GET", "/members")).items;
const events = async (on = team): Promise<string[]> => {
  const { results } = await env.DB.prepare("SELECT body FROM event WHERE team_id = ?1")
    .bind(on.person.team.id)
    .all<{ body: string }>();
  const listed = await on.must(200, "GET", "/events");
  return [
    ...results.map(({ body }) => JSON.parse(body).action),
    ...listed.items.map(({ action }: { action: string }) => action),
  ];
};
const asked = (answer: Answered) => [answer.status, answer.body.code ?? null];

describe("a person", () => {
  it("signs in by their team's provider, with PKCE, state and nonce, and is a member with the mapped role", async () => {
    await register();
    const { at, token, browser } = await signIn(team, "?next=/connections/acme/tools");
    expect(at).toBe("/connections/acme/tools");
    const there = new URL(browser.seen[1] ?? "");
    expect(there.origin + there.pathname).toBe(`${provider.issuer}/authorize`);
    expect(Object.fromEntries(there.searchParams)).toEqual({
      response_type: "code",
      client_id: client.id,
      redirect_uri: `${origin}/sso/callback`,
      scope: "openid",
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: "S256",
    });
    const me = await plane.ask("GET", "/v1/me", { token });
    expect(me.body).toMatchObject({
      user: { email: null },
      teams: [{ id: team.person.team.id, role: "viewer", approver: true, auditor: false }],
    });
    expect((await members()).find(({ id }: { id: string }) => id === me.body.user.id)).toMatchObject({
      email: null,
      role: "viewer",
    });
    expect(await events()).toContain("sso.signed_in");
    expect(browser.cookies.has("__Host-sso")).toBe(false);
  });

  it("is opened this team alone by it, however many they know the slugs of", async () => {
    await register();
    const { token } = await signIn();
    const foreign = await plane.ask("GET", `/v1/teams/${spare.person.team.slug}`, { token });
    expect(asked(foreign)).toEqual([404, "not_found"]);
    expect(asked(await plane.ask("POST", "/v1/teams", { token, body: { name: "Mine" } }))).toEqual([
      403,
      "forbidden",
    ]);
    expect((await team.as({ token }).ask("GET", "")).status).toBe(200);
  });

  it("has at each sign-in what the claims give then, and no more", async () => {
    await register();
    provider.person = { sub: "riser", groups: ["admins"] };
    const first = await signIn();
    const as = team.as(first);
    expect((await as.ask("GET", "/identity")).status).toBe(200);
    provider.person = { sub: "riser", groups: ["staff"] };
    const second = await signIn();
    for (const { token } of [first, second]) {
      expect(asked(await team.as({ token }).ask("GET", "/identity"))).toEqual([403, "forbidden"]);
    }
    const { user } = (await plane.ask("GET", "/v1/me", { token: second.token })).body;
    expect(asked(await team.ask("PATCH", `/members/${user.id}`, { role: "admin" }))).toEqual([
      409,
      "conflict",
    ]);
    provider.person = { sub: "riser", groups: [] };
    expect((await signIn()).at).toBe("/sso-ended/no_role");
    expect((await plane.ask("GET", "/v1/me", { token: second.token })).status).toBe(401);
    expect((await members()).some(({ id }: { id: string }) => id === user.id)).toBe(false);
  });

  it("is the subject that their agents' tokens name, and is refused with them", async () => {
    await team.server("Tools");
    await team.policy("tools", "Open");
    const servers = [{ server: "tools", policy: "open" }];
    await register(team, { mapping: { rules: [...rules, { servers }] } });
    const { token } = await signIn();
    const { user } = (await plane.ask("GET", "/v1/me", { token })).body;
    const isolate = new Isolate(plane, world);
    await isolate.call(await provider.token({ sub: "alice", aud: "api://acme", groups: ["staff"] }), team);
    const { items } = await team.must(200, "GET", "/identity/subjects");
    expect(items).toMatchObject([{ sub: "alice", user: user.id, role: "viewer" }]);
    await team.must(200, "POST", "/identity/subjects/alice/revoke");
    expect((await plane.ask("GET", "/v1/me", { token })).status).toBe(401);
    expect((await signIn()).at).toBe("/sso-ended/refused");
    await team.must(200, "POST", "/identity/subjects/alice/allow");
    expect((await signIn()).at).toBe("/");
    await team.must(200, "DELETE", `/members/${user.id}`);
    expect((await signIn()).at).toBe("/sso-ended/refused");
  });

  it("is never an account by the address that they claim", async () => {
    const { email, id } = team.person;
    await register();
    provider.person = { sub: id, email, email_verified: true, groups: ["admins"] };
    const { token } = await signIn();
    const me = (await plane.ask("GET", "/v1/me", { token })).body;
    expect(me.user.id).not.toBe(id);
    expect(me.user.email).toBeNull();
    await register(spare);
    const theirs = await signIn(spare);
    const other = (await plane.ask("GET", "/v1/me", { token: theirs.token })).body;
    expect(other.user.id).not.toBe(me.user.id);
    expect(other.teams.map(({ id }: { id: string }) => id)).toEqual([spare.person.team.id]);
  });

  it("is taken by a client that proves itself by a key of the team's own", async () => {
    const put = await register(team, {}, { client_auth: "private_key_jwt", client_secret: undefined });
    const { jwks_uri: address } = put.sign_in;
    const { keys } = (await (await enter(new Request(address))).json()) as { keys: object[] };
    expect(keys).toEqual([
      { kty: "EC", crv: "P-256", x: expect.any(String), y: expect.any(String), alg: "ES256", use: "sig" },
    ]);
    provider.trusts = { clientId: client.id, keys };
    expect((await signIn()).at).toBe("/");
    const again = await register(team, {}, { client_auth: "private_key_jwt", client_secret: undefined });
    expect(again.sign_in.jwks_uri).toBe(address);
    expect(await (await enter(new Request(address))).json()).toEqual({ keys });
  });
});

describe("nobody gets in", () => {
  const failing: Record<string, () => void> = {
    "by an ID token for another client": () => (provider.lies.idToken = { aud: "another" }),
    "by one of two audiences without azp": () => (provider.lies.idToken = { aud: [client.id, "another"] }),
    "by one that another client was given": () => (provider.lies.idToken = { azp: "another" }),
    "by another nonce": () => (provider.lies.idToken = { nonce: "another" }),
    "without a nonce": () => (provider.lies.idToken = { nonce: undefined }),
    "by another access token's hash": () => (provider.lies.idToken = { at_hash: "AAAAAAAAAAAAAAAAAAAAAA" }),
    "by another issuer": () => (provider.lies.idToken = { iss: "https://evil.example" }),
    "by an ID token that has expired": () => (provider.lies.idToken = { iat: 1, exp: 2 }),
    "where the answer names another issuer": () => (provider.lies.iss = "https://evil.example"),
    "where the answer names none, and the issuer always does": () => (provider.lies.iss = null),
    "by an access token in an ID token's place": () => (provider.lies.idTokenType = "at+jwt"),
    "by keys that are no longer published": () => (provider.lies.jwks = { keys: [] }),
    "by a client that the issuer does not know": () =>
      void provider.clients.splice(0, 1, { ...client, secret: "other" }),
    "where the person says no": () => (provider.lies.error = "access_denied"),
  };
  it.each(Object.entries(failing))("%s", async (_, lie) => {
    await register();
    lie();
    const { at, token } = await signIn();
    expect([at, token]).toEqual(["/sso-ended/failed", ""]);
  });

  it("without the cookie, in another browser, twice, too late, or once the team has changed it", async () => {
    await register();
    const browser = newBrowser();
    const there = (await enter(new Request(`${origin}/sso/${team.person.team.slug}`))).headers;
    keep(browser, there.getSetCookie()[0] ?? "");
    const back = (await world.fetch(there.get("Location") ?? "")).headers.get("Location") ?? "";
    const cookie = browser.cookies.get("__Host-sso") ?? "";
    const at = async (header: string, url = back) => {
      const answer = await enter(new Request(url, { headers: { Cookie: header } }));
      return (answer.headers.get("Location") ?? "").replace(origin, "");
    };
    const mine = `__Host-sso=${cookie}`;
    for (const other of ["", `__Host-sso=${cookie.slice(0, -2)}AA`, `${mine}; ${mine}`, "__Host-sso=1.a.b"]) {
      expect(await at(other)).toBe("/sso-ended/over");
    }
    expect(await at(mine, back.replace(/state=[^&]+/, "state=other"))).toBe("/sso-ended/failed");
    expect(await at(mine)).toBe("/");
    expect(await at(mine)).toBe("/sso-ended/failed");
    await register();
    expect(await at(mine)).toBe("/sso-ended/over");
  });

  it("and nobody is sent elsewhere than to a page of ours", async () => {
    await register();
    for (const next of [
      "https://evil.example",
      "//evil.example",
      "/\\evil.example",
      "javascript:alert(1)",
      "/%09/evil.example",
    ]) {
      const { at } = await signIn(team, `?next=${encodeURIComponent(next)}`);
      expect(at).toMatch(/^\/(?:%09\/evil\.example)?$/);
    }
  });

  it("and a team without it is answered as no team", async () => {
    await spare.ask("DELETE", "/identity");
    const answers = await Promise.all(
      [spare.person.team.slug, "no-such-team"].map((slug) => enter(new Request(`${origin}/sso/${slug}`))),
    );
    const told = await Promise.all(
      answers.map(async (one) => [one.status, await one.text(), [...one.headers]]),
    );
    expect(told[0]).toEqual(told[1]);
    expect(told[0]?.[0]).toBe(404);
  });
});

describe("a team that requires it", () => {
  const withFactor = (user: string) =>
    env.DB.prepare(
      "INSERT OR REPLACE INTO totp (user_id, secret, confirmed_at, last_step, created_at) VALUES (?1, 'x', 1, 0, 1)",
    )
      .bind(user)
      .run();

  const join = ({ person }: TeamSetting, { id }: Person, role: string) =>
    env.DB.prepare("INSERT INTO member (team_id, user_id, role, created_at) VALUES (?1, ?2, ?3, 1)")
      .bind(person.team.id, id, role)
      .run();

  it("keeps out whoever has an account, but for the one admin with a second factor", async () => {
    const strict = await TeamSetting.on(plane, "Strict");
    const [viewer, admin] = [team.person, spare.person];
    await join(strict, viewer, "viewer");
    await join(strict, admin, "admin");
    const refused = await strict.ask("PUT", "/identity", identity({}, { required: true }));
    expect(refused.body.errors).toMatchObject([{ pointer: "/sign_in/required" }]);
    await withFactor(strict.person.id);
    const put = await register(strict, {}, { required: true });
    expect(put.sign_in).toMatchObject({ required: true, break_glass: strict.person.id });
    for (const { token } of [viewer, admin]) {
      const answer = await strict.as({ token }).ask("GET", "");
      expect(asked(answer)).toEqual([403, "forbidden"]);
      expect(answer.body.detail).toContain(`${origin}/sso/${strict.person.team.slug}`);
    }
    const { token } = await signIn(strict);
    expect((await strict.as({ token }).ask("GET", "")).status).toBe(200);
    // The issuer breaks: the one admin gets in, and turns it off.
    provider.lies.status = 500;
    expect((await strict.ask("GET", "/identity")).status).toBe(200);
    expect(asked(await strict.ask("DELETE", `/members/${strict.person.id}`))).toEqual([409, "conflict"]);
    expect(asked(await strict.ask("PATCH", `/members/${strict.person.id}`, { role: "viewer" }))).toEqual([
      409,
      "conflict",
    ]);
    await env.DB.prepare("DELETE FROM totp WHERE user_id = ?1").bind(strict.person.id).run();
    expect((await strict.ask("GET", "/identity")).status).toBe(403);
    await withFactor(strict.person.id);
    await strict.must(200, "DELETE", "/identity");
    expect((await strict.as(viewer).ask("GET", "")).status).toBe(200);
    expect((await strict.as({ token }).ask("GET", "")).status).toBe(401);
  });

  it("keeps an admin who has an account, whatever the issuer's admins do", async () => {
    await register(spare);
    provider.person = { sub: "boss", groups: ["admins"] };
    const { token } = await signIn(spare);
    expect(asked(await spare.as({ token }).ask("DELETE", `/members/${spare.person.id}`))).toEqual([
      409,
      "conflict",
    ]);
    expect(asked(await spare.ask("PATCH", `/members/${spare.person.id}`, { role: "viewer" }))).toEqual([
      409,
      "conflict",
    ]);
  });
});

it("a client's secret is never shown, is kept without being given again, and only for its issuer and client", async () => {
  await register();
  const shown = await team.ask("GET", "/identity");
  expect(shown.text).not.toContain("s3cret");
  const { results } = await env.DB.prepare("SELECT * FROM identity").all();
  expect(JSON.stringify(results)).not.toContain("s3cret");
  await register(team, {}, { client_secret: undefined });
  expect((await signIn()).at).toBe("/");
  const elsewhere = identity({}, { client_id: "another", client_secret: undefined });
  expect((await team.ask("PUT", "/identity", elsewhere)).body.errors).toMatchObject([
    { pointer: "/sign_in/client_secret" },
  ]);
});

it("a team with people and subjects of its issuer can be deleted, and leaves none of them", async () => {
  const gone = await TeamSetting.on(plane, "Gone");
  await gone.server("Tools");
  await register(gone, { mapping: { rules: [...rules, { servers: [{ server: "tools", policy: null }] }] } });
  const { token } = await signIn(gone);
  const mint = (more: object) =>
    plane.ask("POST", "/v1/tokens", {
      token,
      body: { label: "x", team: gone.person.team.id, role: "viewer", ...more },
    });
  // Nothing of theirs outlives the session: the issuer is who lets them in.
  const script = await mint({});
  expect(Date.parse(script.body.expires_at)).toBeLessThanOrEqual(Date.now() + 12 * 3_600_000);
  const later = new Date(Date.now() + 13 * 3_600_000).toISOString();
  expect((await mint({ expires_at: later })).body.errors).toMatchObject([{ pointer: "/expires_at" }]);
  const isolate = new Isolate(plane, world);
  await isolate.call(await provider.token({ sub: "alice", aud: "api://acme", groups: ["staff"] }), gone);
  const { user } = (await plane.ask("GET", "/v1/me", { token })).body;
  await gone.must(204, "DELETE", "", { slug: gone.person.team.slug });
  const left = await env.DB.prepare("SELECT count(*) AS n FROM user WHERE id = ?1").bind(user.id).first();
  expect(left).toEqual({ n: 0 });
});
