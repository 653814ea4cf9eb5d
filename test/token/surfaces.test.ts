import { env } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { decodeJwt, type JWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { type FamilyId, type GrantId, newId, type TeamId, type UserId } from "../../src/id.ts";
import { mintAccessToken, resourceOf } from "../../src/identity/access_token.ts";
import { mintGrantToken } from "../../src/identity/grant_token.ts";
import { mintScriptToken } from "../../src/identity/script_token.ts";
import { mintSession } from "../../src/identity/session.ts";
import { ControlPlane, type Person } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";
import { type Attack, attacksOn } from "./attacks.ts";
import { takeApart } from "./forge.ts";

// T8 at the doors themselves: every surface that takes a token, and what it answers to whoever shows another.
const { default: here } = exports as unknown as { default: Fetcher };
const origin = env.PUBLIC_ORIGIN;
const own = JSON.parse(env.SIGNING_KEYS)[0] as JWK;
const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));

let team: TeamSetting;
let server: string;
let tokens: Record<"grant" | "access" | "session" | "script", string>;
let grant: { id: GrantId; token: string };
beforeAll(async () => {
  const plane = await ControlPlane.start();
  team = await TeamSetting.on(plane);
  ({ slug: server } = await team.server("Tools"));
  const policy = await team.policy(server, "Open");
  grant = await team.grant(server, policy.slug);
  const script = await plane.ask("POST", "/v1/tokens", {
    token: team.person.token,
    body: { label: "ci", team: team.person.team.slug, role: "viewer" },
  });
  tokens = await minted(team.person, script.body.token);
});

/** Tokens of this Worker's own for what the control plane of the tests has made: that has another origin. */
async function minted({ id, token, team: { id: teamId, slug } }: Person, script: string) {
  const { keys } = team.plane.deps;
  const nowMs = Date.now();
  const [user, ofTeam] = [id as UserId, teamId as TeamId];
  const to = (text: string) => {
    const { jti = "", exp = 0 } = decodeJwt(text);
    return { jti, expiresAtMs: exp * 1000 };
  };
  const family = newId("fam", random) as FamilyId;
  const audience = resourceOf(origin, slug, server);
  const notAfter = nowMs + 3_600_000;
  await env.DB.prepare(
    `INSERT INTO oauth_family (id, grant_id, client_id, resource, scope, generation, rotated_at, not_after, created_at)
     VALUES (?1, ?2, 'c', ?3, 'mcp', 1, ?4, ?5, ?4)`,
  )
    .bind(family, grant.id, audience, nowMs, notAfter)
    .run();
  // Its gate hears of the sign-in with the next edit.
  await team.must(200, "PATCH", `/grants/${grant.id}`, { label: "signed in" });
  const bearer = { grant: grant.id, team: ofTeam, family, client: "c", audience, expiresAtMs: notAfter };
  return {
    grant: await mintGrantToken({ grant: grant.id, team: ofTeam, ...to(grant.token) }, keys, origin, nowMs),
    access: await mintAccessToken(bearer, "mcp", keys, origin, { nowMs, random }),
    session: await mintSession(
      { user, ...to(token) } as Parameters<typeof mintSession>[0],
      keys,
      origin,
      nowMs,
    ),
    script: await mintScriptToken(
      { user, ...to(script) } as Parameters<typeof mintScriptToken>[0],
      keys,
      origin,
      nowMs,
    ),
  };
}

type Show = (token: string) => RequestInit & { readonly path: string };

const gateway =
  (surface: "mcp" | "key"): Show =>
  (token) => ({
    path: `/${surface}/${team.person.team.slug}/${server}`,
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"absent"}}',
  });
const asBearer: Show = (token) => ({ path: "/v1/me", headers: { Authorization: `Bearer ${token}` } });
const asCookie: Show = (token) => ({
  path: "/v1/me",
  headers: { Cookie: `__Host-session=${token}`, "Sec-Fetch-Site": "same-origin" },
});

const doors: readonly [door: string, kind: keyof typeof tokens, show: Show][] = [
  ["/mcp with a grant's token", "grant", gateway("mcp")],
  ["/key with a grant's token", "grant", gateway("key")],
  ["/mcp with an access token", "access", gateway("mcp")],
  ["/v1 with a session", "session", asBearer],
  ["/v1 with a session's cookie", "session", asCookie],
  ["/v1 with a script's token", "script", asBearer],
];

async function answer(show: Show, token: string): Promise<{ status: number; text: string }> {
  const { path, ...init } = show(token);
  const response = await here.fetch(new Request(`${origin}${path}`, init));
  const text = (await response.text()).replaceAll(/req_[0-9a-z]{26}/g, "req");
  return { status: response.status, text };
}

// Neither a header nor a cookie can hold the others.
const canBeSent = ([, token]: Attack): boolean => /^[\x21-\x7e]+$/.test(token);

describe.each(doors)("%s", (_, kind, show) => {
  it("is open to the one that was given out", async () => {
    expect((await answer(show, tokens[kind])).status).toBe(200);
  });

  it("is closed to every attack, and answers all of them as it answers a stranger", async () => {
    const stranger = await answer(show, "x");
    expect(stranger.status).toBe(401);
    const attacks = (await attacksOn(await takeApart(tokens[kind], own))).filter(canBeSent);
    expect(attacks.length).toBeGreaterThan(180);
    const wrong: string[] = [];
    for (const [what, token] of attacks) {
      // A cookie ends at a semicolon and is trimmed: what is left may be the token itself.
      if (token === tokens[kind]) continue;
      const met = await answer(show, token);
      if (met.status !== 401 || met.text !== stranger.text) wrong.push(`${what}: ${met.status}`);
    }
    expect(wrong).toEqual([]);
  });

  it("is closed to what is a token elsewhere", async () => {
    for (const other of ["grant", "access", "session", "script"] as const) {
      if (other === kind || doors.some(([, open, how]) => open === other && how === show)) continue;
      if (show !== asCookie && show !== asBearer && (other === "grant" || other === "access")) continue;
      expect((await answer(show, tokens[other])).status, other).toBe(401);
    }
  });
});

describe("a token that was good", () => {
  const open = async (show: Show, token: string) => (await answer(show, token)).status;

  it("opens nothing from an address, a body or a second header", async () => {
    const { session } = tokens;
    const me = (init: RequestInit, query = "") => here.fetch(new Request(`${origin}/v1/me${query}`, init));
    const tried = [
      await me({}, `?access_token=${session}`),
      await me({}, `?token=${session}`),
      await me({ headers: { Authorization: `Basic ${btoa(`x:${session}`)}` } }),
      await me({ headers: { Authorization: session } }),
      await me({ headers: { Authorization: `Bearer ${session}, Bearer ${session}` } }),
      await me({ headers: { "X-Authorization": `Bearer ${session}` } }),
      await me({ headers: { Cookie: `session=${session}`, "Sec-Fetch-Site": "same-origin" } }),
      await me({
        headers: {
          Cookie: `__Host-session=${session}; __Host-session=${session}`,
          "Sec-Fetch-Site": "same-origin",
        },
      }),
    ];
    expect(tried.map(({ status }) => status)).toEqual(tried.map(() => 401));
  });

  it("is refused at the next request after it was revoked", async () => {
    await team.must(200, "DELETE", `/grants/${grant.id}`);
    expect(await open(gateway("mcp"), tokens.grant)).toBe(401);
    expect(await open(gateway("key"), tokens.grant)).toBe(401);
    expect(await open(gateway("mcp"), tokens.access)).toBe(401);
    const list = await team.plane.ask("GET", "/v1/tokens", { token: team.person.token });
    await team.plane.ask("DELETE", `/v1/tokens/${list.body.items[0].id}`, { token: team.person.token });
    expect(await open(asBearer, tokens.script)).toBe(401);
    await team.plane.ask("POST", "/v1/logout", { token: team.person.token });
    expect(await open(asBearer, tokens.session)).toBe(401);
    expect(await open(asCookie, tokens.session)).toBe(401);
  });
});
