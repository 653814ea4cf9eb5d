import { env } from "cloudflare:test";
import type { JWK } from "jose";
import { beforeAll, expect, it } from "vitest";
import { OAuthSetting } from "../oauth/oauth_setting.ts";
import { type Attack, attacksOn } from "./attacks.ts";
import { takeApart } from "./forge.ts";

// T8 at /token and /revoke, which take refresh tokens.
const own = JSON.parse(env.SIGNING_KEYS)[0] as JWK;

let s: OAuthSetting;
let clientId: string;
let tokens: { access_token: string; refresh_token: string };
let attacks: readonly Attack[];
beforeAll(async () => {
  s = await OAuthSetting.start();
  const signedIn = await s.signedIn();
  clientId = signedIn.client.client_id;
  tokens = signedIn.tokens;
  const all = await attacksOn(await takeApart(tokens.refresh_token, own));
  attacks = [
    ...all.filter(([, token]) => token !== tokens.refresh_token),
    ["its access token", tokens.access_token],
  ];
});

it("no forgery renews anything, and all are told the same", async () => {
  const told = new Map<string, string>();
  for (const [what, token] of attacks) {
    const { status, body } = await s.refresh(clientId, token);
    told.set(JSON.stringify([status, body.error === "invalid_request" ? "missing" : body]), what);
  }
  expect(attacks.length).toBeGreaterThan(200);
  // An empty one is no token at all, which is said.
  expect([...told.keys()].filter((answer) => answer !== '[400,"missing"]')).toEqual([
    expect.stringContaining('[400,{"error":"invalid_grant"'),
  ]);
});

it("no forgery ends the sign-in, neither by being used nor by being revoked", async () => {
  for (const [, token] of attacks.filter((_, n) => n % 5 === 0)) {
    const body = new URLSearchParams({ token, client_id: clientId }).toString();
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    if (token !== tokens.access_token) await s.ask("/revoke", { method: "POST", headers, body });
  }
  const renewed = await s.refresh(clientId, tokens.refresh_token);
  expect(renewed.status).toBe(200);
  expect((await s.call(renewed.body.access_token)).status).toBe(200);
});
