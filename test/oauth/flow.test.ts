import { env } from "cloudflare:test";
import { decodeJwt } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import type { GateStub } from "../../src/gate/rpc.ts";
import type { FamilyId, GrantId, TeamId } from "../../src/id.ts";
import { mintRefreshToken } from "../../src/identity/refresh_token.ts";
import { callback, type Json, OAuthSetting, origin, policiesIn, ticketIn } from "./oauth_setting.ts";

let s: OAuthSetting;
beforeAll(async () => {
  s = await OAuthSetting.start();
});

// The team's policy lets everything pass and its server has no such tool, which only whoever passed is told.
const passes = async (token: string) =>
  expect(await (await s.call(token)).json()).toMatchObject({ error: { message: "Unknown tool: none" } });
const isRefused = async (token: string) => expect((await s.call(token)).status).toBe(401);

const invalidGrant = { status: 400, body: { error: "invalid_grant" } };

/** A family's event of its end. */
const lastEvent = async () => ((await s.events()) as Json).items[0].event;

describe("a program that a person agrees to", () => {
  it("gets tokens for the one gateway, and a grant of that person like any other", async () => {
    const { client, tokens } = await s.signedIn();
    expect(tokens).toEqual({
      access_token: expect.any(String),
      token_type: "Bearer",
      expires_in: 3600,
      refresh_token: expect.any(String),
      scope: "mcp",
    });
    const [grant] = await s.grants();
    expect(grant).toMatchObject({
      label: "OAuth: Editor",
      member: s.team.person.id,
      state: "active",
      servers: [{ server: { slug: "tools" }, policy: { slug: "open" } }],
    });
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      iss: origin,
      sub: grant.id,
      aud: s.resource,
      client_id: client.client_id,
      scope: "mcp",
    });
    await passes(tokens.access_token);
  });

  it("uses its token at /mcp and /key of that server, and at no other", async () => {
    await s.team.server("Second");
    const { tokens } = await s.signedIn();
    const [grant] = await s.grants();
    const servers = ["tools", "second"].map((server) => ({ server, policy: null }));
    await s.team.must(200, "PATCH", `/grants/${grant.id}`, { servers });
    const { slug } = s.team.person.team;
    const at = async (path: string) => (await s.call(tokens.access_token, path)).status;
    expect([await at(`/mcp/${slug}/tools`), await at(`/key/${slug}/tools`)]).toEqual([200, 200]);
    expect([await at(`/mcp/${slug}/second`), await at(`/mcp/other/tools`)]).toEqual([401, 401]);
  });

  it("is answered with state and iss, and nothing else but the code", async () => {
    const client = await s.register();
    const back = await s.consent(client.client_id);
    expect(`${back.origin}${back.pathname}`).toBe(callback);
    expect([...back.searchParams.keys()]).toEqual(["code", "state", "iss"]);
    expect([back.searchParams.get("state"), back.searchParams.get("iss")]).toEqual(["s1", origin]);
  });

  it("keeps its grant, and what was counted, when it is agreed to again or has registered anew", async () => {
    const limits = [{ counter: "a", window: "day", max: 5 }];
    await s.team.policy("tools", "Within limits", {
      version: "1",
      default: "deny",
      tools: { read_a: { limits } },
    });
    const { items } = await s.team.must(200, "GET", "/servers/tools/policies");
    const limited = items.find(({ slug }: Json) => slug === "within-limits").id;
    const metadata = { client_name: "Counted" };
    const first = await s.register(metadata);
    await s.consent(first.client_id, {}, s.team.person, limited);
    const [grant] = await s.grants();
    await callOf(grant.id);
    const again = await s.register({ ...metadata, redirect_uris: [callback.replace("5555", "7777")] });
    await s.consent(again.client_id, {}, s.team.person, limited);
    await s.consent(first.client_id, {}, s.team.person, limited);
    const [same] = await s.grants();
    expect(same.id).toBe(grant.id);
    const { items: usage } = await s.team.must(200, "GET", `/grants/${grant.id}/usage`);
    expect(usage).toMatchObject([{ counter: "a", used: 1, remaining: 4 }]);
    const other = await s.register({ client_name: "Another" });
    await s.consent(other.client_id, {}, s.team.person, limited);
    expect((await s.grants())[0].id).not.toBe(grant.id);
  });

  /** A call that counts, as the grant's newest sign-in makes it. */
  async function callOf(grant: GrantId): Promise<void> {
    const row = await env.DB.prepare("SELECT id FROM oauth_family WHERE grant_id = ?1")
      .bind(grant)
      .first<{ id: FamilyId }>();
    const gate = env.GATES.get(env.GATES.idFromName(grant)) as unknown as GateStub;
    const { team } = s.team.person;
    const bearer = { kind: "access" as const, family: row?.id as FamilyId };
    const caller = { grant, team: team.id as TeamId, bearer, teamSlug: team.slug, serverSlug: "tools" };
    const targets = [{ kind: "tool" as const, name: "read_a" }];
    const ask = { method: "tools/call", targets, argumentsText: "{}", requestId: "req_1" };
    expect(await gate.admit(caller, ask)).toMatchObject({ effect: "allow" });
  }

  it("is signed in on several machines by one grant", async () => {
    const client = await s.register({ client_name: "Everywhere" });
    const tokens = [];
    for (let machine = 0; machine < 2; machine++) {
      const code = (await s.consent(client.client_id)).searchParams.get("code") ?? "";
      tokens.push((await s.redeem(client.client_id, code)).body.access_token);
    }
    expect(decodeJwt(tokens[0]).sub).toBe(decodeJwt(tokens[1]).sub);
    for (const token of tokens) await passes(token);
  });

  it("is refused at the next request once its grant is revoked, and starts over with a grant of its own", async () => {
    const { client, tokens } = await s.signedIn();
    const [grant] = await s.grants();
    const id = decodeJwt(tokens.access_token).sub;
    await s.team.must(200, "DELETE", `/grants/${id}`);
    await isRefused(tokens.access_token);
    expect(await s.refresh(client.client_id, tokens.refresh_token)).toMatchObject(invalidGrant);
    const again = await s.signedIn();
    expect(decodeJwt(again.tokens.access_token).sub).not.toBe(id);
    expect(grant.id).toBeDefined();
    await passes(again.tokens.access_token);
  });

  it("is refused once its grant's bearers are rotated, or its person has left the team", async () => {
    const { tokens } = await s.signedIn(s.team.person, { client_name: "Rotated" });
    const id = decodeJwt(tokens.access_token).sub;
    await s.team.must(200, "POST", `/grants/${id}/rotate`, {});
    await isRefused(tokens.access_token);
    const member = await s.team.member("policy_manager");
    const theirs = await s.signedIn(member);
    await passes(theirs.tokens.access_token);
    await s.team.must(200, "DELETE", `/members/${member.id}`);
    await isRefused(theirs.tokens.access_token);
  });

  it("gets no grant where its team has no room for one, and keeps the one it has", async () => {
    const other = await s.ofAnotherTeam();
    const { id } = other.team.person.team;
    await env.DB.prepare("INSERT INTO team_quota (team_id, name, max) VALUES (?1, 'grants', 1)")
      .bind(id)
      .run();
    const { client } = await other.signedIn();
    const another = await other.register({ client_name: "Another" });
    const { person } = other.team;
    const { text } = await other.open(person, other.authorizePath(another.client_id));
    const form = { ticket: ticketIn(text), policy: policiesIn(text)[0] ?? "", answer: "allow" };
    const refused = await other.answer(person, form);
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("as many grants")]);
    await other.consent(client.client_id);
    expect(await other.grants()).toHaveLength(1);
  });

  it("leaves nothing behind when its team is deleted", async () => {
    const other = await s.ofAnotherTeam();
    const { tokens } = await other.signedIn();
    const grant = decodeJwt(tokens.access_token).sub ?? "";
    await other.team.must(204, "DELETE", "", { slug: other.team.person.team.slug });
    expect((await other.call(tokens.access_token)).status).toBe(401);
    for (const table of ["oauth_family", "oauth_consent", "machine_client"]) {
      const { results } = await env.DB.prepare(`SELECT * FROM ${table} WHERE grant_id = ?1`)
        .bind(grant)
        .all();
      expect([table, results]).toEqual([table, []]);
    }
  });

  it("is in the team's log with its person, client and policy", async () => {
    const { client } = await s.signedIn(s.team.person, { client_name: "Logged" });
    expect(await lastEvent()).toMatchObject({
      actor: s.team.person.id,
      action: "grant.created",
      detail: { label: "OAuth: Logged", client: client.client_id, server: "tools", policy: "open" },
    });
  });
});

describe("a code", () => {
  const newCode = async (metadata: object = {}) => {
    const client = await s.register(metadata);
    const code = (await s.consent(client.client_id)).searchParams.get("code") ?? "";
    return { id: client.client_id as string, code };
  };

  it("used a second time gives nothing, and ends what it gave the first time", async () => {
    const { id, code } = await newCode();
    const { body } = await s.redeem(id, code);
    await passes(body.access_token);
    expect(await s.redeem(id, code)).toMatchObject(invalidGrant);
    await isRefused(body.access_token);
    expect(await s.refresh(id, body.refresh_token)).toMatchObject(invalidGrant);
    expect(await lastEvent()).toMatchObject({
      action: "sign_in.ended",
      detail: { client: id, why: "code_used_twice" },
    });
  });

  it("used by many at once gives tokens to one at most", async () => {
    const { id, code } = await newCode();
    const answers = await Promise.all(Array.from({ length: 8 }, () => s.redeem(id, code)));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  });

  it("lasts 60 seconds", async () => {
    const { id, code } = await newCode();
    s.laterMs = 60_001;
    try {
      expect(await s.redeem(id, code)).toMatchObject(invalidGrant);
    } finally {
      s.laterMs = 0;
    }
  });

  it.each<[string, Record<string, string>, string]>([
    ["without a verifier", { code_verifier: "" }, "invalid_grant"],
    ["with another verifier", { code_verifier: "b".repeat(50) }, "invalid_grant"],
    ["with a verifier that is too short", { code_verifier: "a".repeat(42) }, "invalid_grant"],
    ["with the challenge as its verifier", { code_verifier: "-" }, "invalid_grant"],
    ["with another redirect", { redirect_uri: `${callback}/` }, "invalid_grant"],
    ["with another port", { redirect_uri: callback.replace("5555", "5556") }, "invalid_grant"],
    ["for another gateway", { resource: `${origin}/mcp/acme/other` }, "invalid_target"],
    ["for the gateway's other address", { resource: "KEY" }, "invalid_target"],
    ["for no client", { client_id: "" }, "invalid_client"],
    ["for another client", { client_id: "cli_00000000000000000000000000" }, "invalid_grant"],
    ["as a secret client", { client_secret: "x" }, "invalid_client"],
  ])("is not redeemed %s", async (_, change, error) => {
    const { id, code } = await newCode();
    const sent = Object.fromEntries(
      Object.entries(change).map(([name, value]) => [
        name,
        value === "KEY" ? s.resource.replace("/mcp/", "/key/") : value,
      ]),
    );
    const { status, body, headers } = await s.redeem(id, code, sent);
    expect([status, body.error]).toEqual([error === "invalid_client" ? 401 : 400, error]);
    expect(headers.get("Cache-Control")).toBe("no-store");
  });

  it("that was tried with a wrong verifier is used up", async () => {
    const { id, code } = await newCode();
    await s.redeem(id, code, { code_verifier: "b".repeat(50) });
    expect(await s.redeem(id, code)).toMatchObject(invalidGrant);
  });

  it("is stored as a hash, and no token is stored at all", async () => {
    const { id, code } = await newCode();
    const { body } = await s.redeem(id, code);
    const tables = await env.DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
    ).all<{ name: string }>();
    const stored = await Promise.all(
      tables.results.map(async ({ name }) => (await env.DB.prepare(`SELECT * FROM "${name}"`).all()).results),
    );
    const text = JSON.stringify(stored);
    for (const secret of [code, body.access_token, body.refresh_token]) expect(text).not.toContain(secret);
  });
});

describe("a refresh token", () => {
  it("works once, and its successor after it", async () => {
    const { client, tokens } = await s.signedIn();
    const second = await s.refresh(client.client_id, tokens.refresh_token, { resource: s.resource });
    expect([second.status, second.body.expires_in]).toEqual([200, 3600]);
    await passes(second.body.access_token);
    const third = await s.refresh(client.client_id, second.body.refresh_token);
    expect(third.status).toBe(200);
  });

  it("that comes twice within a moment gives the same successor, and neither ends the sign-in", async () => {
    const { client, tokens } = await s.signedIn();
    const both = await Promise.all([0, 1].map(() => s.refresh(client.client_id, tokens.refresh_token)));
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    expect(new Set(both.map(({ body }) => decodeJwt(body.refresh_token)["generation"]))).toEqual(
      new Set([2]),
    );
    expect((await s.refresh(client.client_id, both[1]?.body.refresh_token)).status).toBe(200);
    // The successor was used: now its predecessor is somebody else's.
    expect(await s.refresh(client.client_id, tokens.refresh_token)).toMatchObject(invalidGrant);
    await isRefused(both[0]?.body.access_token);
  });

  it("that comes again later ends the sign-in with all its tokens", async () => {
    const { client, tokens } = await s.signedIn();
    const { body } = await s.refresh(client.client_id, tokens.refresh_token);
    await env.DB.prepare("UPDATE oauth_family SET rotated_at = rotated_at - 31000 WHERE client_id = ?1")
      .bind(client.client_id)
      .run();
    expect(await s.refresh(client.client_id, tokens.refresh_token)).toMatchObject(invalidGrant);
    await isRefused(body.access_token);
    expect(await s.refresh(client.client_id, body.refresh_token)).toMatchObject(invalidGrant);
    expect(await lastEvent()).toMatchObject({ detail: { why: "refresh_token_used_twice" } });
  });

  it("is its own client's, for its own gateway, and lasts 30 days", async () => {
    const { client, tokens } = await s.signedIn();
    const other = await s.register();
    expect(await s.refresh(other.client_id, tokens.refresh_token)).toMatchObject(invalidGrant);
    const elsewhere = { resource: `${origin}/mcp/a/b` };
    expect(await s.refresh(client.client_id, tokens.refresh_token, elsewhere)).toMatchObject({
      body: { error: "invalid_target" },
    });
    expect(await s.refresh(client.client_id, tokens.access_token)).toMatchObject(invalidGrant);
    s.laterMs = 30 * 86_400_000 + 1000;
    try {
      expect(await s.refresh(client.client_id, tokens.refresh_token)).toMatchObject(invalidGrant);
    } finally {
      s.laterMs = 0;
    }
    expect((await s.refresh(client.client_id, tokens.refresh_token)).status).toBe(200);
  });

  it("of a generation that was never given out is refused, and ends nothing", async () => {
    const { client, tokens } = await s.signedIn();
    const { keys, random } = s.plane.deps;
    const family = decodeJwt(tokens.access_token)["family"] as FamilyId;
    const at = { nowMs: Date.now(), random };
    const bearer = { family, generation: 9, expiresAtMs: Date.now() + 60_000 };
    const future = await mintRefreshToken(bearer, keys, origin, at);
    expect(await s.refresh(client.client_id, future)).toMatchObject(invalidGrant);
    await passes(tokens.access_token);
    await isRefused(tokens.refresh_token);
  });
});

describe("revocation", () => {
  const revoke = async (clientId: string, token: string) => {
    const body = new URLSearchParams({ client_id: clientId, token }).toString();
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    return (await s.ask("/revoke", { method: "POST", headers, body })).status;
  };

  it.each(["access_token", "refresh_token"])(
    "by an %s ends its sign-in at the next request",
    async (kind) => {
      const { client, tokens } = await s.signedIn();
      expect(await revoke(client.client_id, tokens[kind])).toBe(200);
      await isRefused(tokens.access_token);
      expect(await s.refresh(client.client_id, tokens.refresh_token)).toMatchObject(invalidGrant);
      expect(await revoke(client.client_id, tokens[kind])).toBe(200);
      expect(await lastEvent()).toMatchObject({ action: "sign_in.ended", detail: { why: "revoked" } });
    },
  );

  it("by another client, or of what is no token, is answered alike and ends nothing", async () => {
    const { tokens } = await s.signedIn();
    const other = await s.register();
    expect(await revoke(other.client_id, tokens.access_token)).toBe(200);
    expect(await revoke(other.client_id, "nothing")).toBe(200);
    await passes(tokens.access_token);
  });
});
