import { env } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { enqueueForeseen } from "../../src/store/foreseen.ts";
import type { AuthorizationServer } from "../support/authorization_server.ts";
import type { ProtectedServer } from "../support/protected_server.ts";
import { type Agent, origin, Person, World } from "./world.ts";

let world: World;
let admin: Person;
let hook: string;
beforeAll(async () => {
  world = await World.start();
  admin = await Person.signUp();
  const given = { url: "https://hooks.example/", events: ["server.credential_failing"] };
  hook = (await admin.must(201, "POST", "/hooks", given)).id;
});
afterEach(() => vi.useRealTimers());

interface Connected {
  readonly slug: string;
  readonly server: ProtectedServer;
  readonly gives: AuthorizationServer;
  readonly agent: Agent;
}

let made = 0;
/** A server whose account is connected, and an agent that calls it. */
async function connected(traits: Partial<AuthorizationServer["traits"]> = {}): Promise<Connected> {
  const { server, gives } = world.upstream();
  Object.assign(gives.traits, traits);
  const body = { name: `Tools ${++made}`, url: server.url, auth: { type: "oauth" } };
  const { slug } = await admin.must(201, "POST", "/servers", body);
  expect(await admin.connect(slug)).toBe(`200 ${origin}/connections/connected`);
  return { slug, server, gives, agent: await admin.agent(slug) };
}

const refreshes = ({ gives }: Connected): number =>
  gives.tokenRequests.filter((form) => form.get("grant_type") === "refresh_token").length;

const stateOf = async ({ slug }: Connected) =>
  (await admin.must(200, "GET", `/servers/${slug}`)).auth.connection;

/** What webhooks are told of a server, once a minute's cron has run. */
async function told({ slug }: Connected, nowMs = Date.now()) {
  await env.DB.batch(enqueueForeseen(env.DB, nowMs, origin));
  const { results } = await env.DB.prepare("SELECT body FROM hook_delivery WHERE hook_id = ?1")
    .bind(hook)
    .all<{ body: string }>();
  return results.map(({ body }) => JSON.parse(body).data).filter((data) => data.server.slug === slug);
}

const hourMs = 3_600_000;
const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

describe("an access token", () => {
  it("is used until shortly before its end, then renewed, and every refresh token is used once", async () => {
    const one = await connected();
    vi.useFakeTimers({ toFake: ["Date"] });
    for (let hours = 0; hours < 3; hours++) {
      expect(await one.agent.whoami()).toBe("ada");
      expect(await one.agent.whoami()).toBe("ada");
      expect(refreshes(one)).toBe(hours);
      later(hourMs - 60_000);
    }
    expect(one.gives.standing("ada")).toBe(1);
    expect(one.gives.tokenRequests.every((form) => form.get("resource") === one.server.url)).toBe(true);
  });

  it("that has run out is renewed once for 200 calls at the same time, however slow that is", async () => {
    const one = await connected({ tokenDelayMs: 300 });
    one.server.tokens.length = 0;
    vi.useFakeTimers({ toFake: ["Date"] });
    later(hourMs);
    const seen = await Promise.all(Array.from({ length: 200 }, () => one.agent.whoami()));
    expect(new Set(seen)).toEqual(new Set(["ada"]));
    expect([refreshes(one), one.gives.standing("ada"), new Set(one.server.tokens).size]).toEqual([1, 1, 1]);
    expect(one.server.ran).toHaveLength(200);
  }, 30_000);

  it("that the server refuses is renewed once, and the call, which was not run, is sent once more", async () => {
    const one = await connected();
    expect(await one.agent.whoami()).toBe("ada");
    one.gives.expireAccess();
    const seen = await Promise.all(Array.from({ length: 20 }, () => one.agent.whoami()));
    expect(new Set(seen)).toEqual(new Set(["ada"]));
    expect([refreshes(one), one.server.ran.length]).toEqual([1, 21]);
  });

  it("that the server refuses again and again costs one renewal, and the refusal goes through", async () => {
    const one = await connected();
    vi.spyOn(one.gives, "accepts").mockReturnValue(null);
    for (let calls = 0; calls < 5; calls++) expect((await one.agent.call()).status).toBe(401);
    expect(refreshes(one)).toBe(1);
    expect((await stateOf(one)).state).toBe("connected");
  });

  it("outlives an authorization server that is away, until its own end", async () => {
    const one = await connected();
    one.gives.traits.tokenAnswer = () => new Response("down", { status: 503 });
    vi.useFakeTimers({ toFake: ["Date"] });
    later(hourMs - 30_000);
    expect(await one.agent.whoami()).toBe("ada");
    expect(await one.agent.whoami()).toBe("ada");
    // It is left alone for some seconds.
    expect(refreshes(one)).toBe(1);
    later(31_000);
    expect(await one.agent.whoami()).toContain("does not answer as it should");
    expect((await stateOf(one)).state).toBe("connected");
    one.gives.traits.tokenAnswer = null;
    later(6_000);
    expect(await one.agent.whoami()).toBe("ada");
  });
});

describe("somebody has to sign in again", () => {
  it("when the authorization server has taken it back: the state, the log, a webhook and the agent say so", async () => {
    const one = await connected();
    one.gives.revoke("ada");
    const link = `${origin}/connections/${admin.team}/${one.slug}`;
    const messages = [await one.agent.whoami(), await one.agent.whoami()];
    for (const message of messages) {
      expect(message).toContain("has to be connected again");
      expect(message).toContain("invalid_grant");
      expect(message).toContain(link);
    }
    expect(refreshes(one)).toBe(1);
    expect(await stateOf(one)).toMatchObject({ state: "needs_sign_in", connect_url: link });
    expect((await admin.must(200, "GET", `/servers/${one.slug}`)).state).toBe("needs_sign_in");
    await told(one);
    expect(await told(one)).toMatchObject([
      {
        server: { slug: one.slug },
        member: null,
        connect_url: link,
        detail: expect.stringContaining("invalid_grant"),
      },
    ]);
    const event = await env.DB.prepare(
      "SELECT body FROM event WHERE body LIKE '%connection.needs_sign_in%'",
    ).first<{
      body: string;
    }>();
    expect(JSON.parse(event?.body ?? "{}")).toMatchObject({
      actor: "system",
      action: "connection.needs_sign_in",
    });
    expect(await admin.connect(one.slug)).toBe(`200 ${origin}/connections/connected`);
    expect(await one.agent.whoami()).toBe("ada");
    expect((await stateOf(one)).state).toBe("connected");
  });

  it("when access runs out that nothing renews, and is told a day before", async () => {
    const days = 30;
    const one = await connected({ refreshes: false, accessSeconds: days * 86_400 });
    expect(await stateOf(one)).toMatchObject({ state: "expires", expires_at: expect.any(String) });
    expect(await told(one)).toEqual([]);
    const begunMs = Date.now();
    expect(await told(one, begunMs + (days - 0.5) * 86_400_000)).toMatchObject([
      { detail: expect.stringContaining("Access ends at") },
    ]);
    expect(await told(one, begunMs + days * 86_400_000)).toHaveLength(2);
    expect((await stateOf(one)).state).toBe("needs_sign_in");
  });

  it("for a call that needs more than was granted; the rest goes on, and the next sign-in asks for both", async () => {
    const one = await connected();
    expect((await one.agent.call("administer")).status).toBe(403);
    await expect.poll(async () => (await stateOf(one)).state).toBe("needs_sign_in");
    expect(await stateOf(one)).toMatchObject({ wanted_scope: "admin", scope: "read" });
    expect(await one.agent.whoami()).toBe("ada");
    expect(await told(one)).toHaveLength(1);
    await one.agent.call("administer");
    expect(await told(one)).toHaveLength(1);
    await admin.connect(one.slug);
    expect(await stateOf(one)).toMatchObject({ state: "connected", scope: "read admin", wanted_scope: null });
    expect((await one.agent.call("administer")).body.result.content[0].text).toBe("ada");
  });
});

describe("secrets", () => {
  it("of accounts and clients are in no answer, no log and no database row", async () => {
    const one = await connected({
      metadata: { token_endpoint_auth_methods_supported: ["client_secret_post"] },
    });
    await admin.connect(one.slug);
    const answers = [
      (await one.agent.call()).text,
      (await admin.ask("GET", `/servers/${one.slug}`)).text,
      (await admin.ask("GET", "/servers")).text,
      (await admin.ask("GET", `/servers/${one.slug}/connections`)).text,
      (await admin.ask("GET", "/events")).text,
    ];
    one.gives.revoke("ada");
    answers.push((await one.agent.call()).text, (await admin.ask("GET", "/events")).text);
    const { results: tables } = await env.DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
    ).all<{ name: string }>();
    for (const { name } of tables) {
      const { results } = await env.DB.prepare(`SELECT * FROM "${name}"`).all();
      answers.push(JSON.stringify(results));
    }
    const { secrets } = one.gives;
    expect(secrets.length).toBeGreaterThan(4);
    const found = secrets.filter((secret) => answers.some((answer) => answer.includes(secret)));
    expect(found).toEqual([]);
  });
});
