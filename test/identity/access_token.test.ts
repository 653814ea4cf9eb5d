import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { newId } from "../../src/id.ts";
import {
  accessLifetimeMs,
  mintAccessToken,
  resourceOf,
  verifyAccessToken,
} from "../../src/identity/access_token.ts";
import { mintGrantToken, verifyGrantToken } from "../../src/identity/grant_token.ts";
import { type KeySet, readSigningKeys } from "../../src/identity/keys.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const origin = "https://gateway.example";
const nowMs = 1_800_000_000_000;
const bearer = {
  grant: newId("grt", random),
  team: newId("tm", random),
  family: newId("fam", random),
  client: "https://client.example/id.json",
  audience: resourceOf(origin, "acme", "tools"),
  expiresAtMs: nowMs + accessLifetimeMs,
};

let keys: KeySet;
beforeAll(async () => {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  keys = await readSigningKeys(JSON.stringify([await exportJWK(privateKey)]));
});

/** A token signed with our own key, but with other claims or headers. */
function forged(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  const good = {
    iss: origin,
    sub: bearer.grant,
    aud: bearer.audience,
    jti: newId("jti", random),
    iat: nowMs / 1000,
    exp: nowMs / 1000 + 60,
    client_id: bearer.client,
    team: bearer.team,
    family: bearer.family,
  };
  return new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: keys.signer.kid, ...header })
    .sign(keys.signer.key);
}

describe("an access token", () => {
  it("says whom it speaks for, where, and which sign-in it comes from", async () => {
    const token = await mintAccessToken(bearer, "mcp", keys, origin, { nowMs, random });
    expect(await verifyAccessToken(token, keys, origin, nowMs)).toEqual(bearer);
    expect(await verifyAccessToken(token, keys, origin, bearer.expiresAtMs)).toBeNull();
    expect(await verifyAccessToken(await forged({}), keys, origin, nowMs)).not.toBeNull();
  });

  it("is no grant token, nor is a grant token one", async () => {
    const access = await mintAccessToken(bearer, "mcp", keys, origin, { nowMs, random });
    expect(await verifyGrantToken(access, keys, origin, nowMs)).toBeNull();
    const { grant, team, expiresAtMs } = bearer;
    const token = { grant, team, jti: newId("jti", random), expiresAtMs };
    const minted = await mintGrantToken(token, keys, origin, nowMs);
    expect(await verifyAccessToken(minted, keys, origin, nowMs)).toBeNull();
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
    ["another issuer", { iss: "https://evil.example" }],
    ["a gateway elsewhere", { aud: "https://evil.example/mcp/acme/tools" }],
    ["an origin that only begins like ours", { aud: `${origin}.evil.example/mcp/acme/tools` }],
    ["the token's own address", { aud: `${origin}/v1` }],
    ["several audiences", { aud: [bearer.audience] }],
    ["no audience", { aud: undefined }],
    ["a subject that is no grant", { sub: newId("usr", random) }],
    ["a team that is none", { team: "acme" }],
    ["no team", { team: undefined }],
    ["a family of another shape", { family: newId("jti", random) }],
    ["no family", { family: undefined }],
    ["families in a list", { family: [bearer.family] }],
    ["no client", { client_id: undefined }],
    ["a life of a day", { exp: nowMs / 1000 + 86_400 }],
    ["another type", {}, { typ: "grant+jwt" }],
    ["the type's long form", {}, { typ: "application/at+jwt" }],
    ["a key of its own", {}, { jwk: { kty: "OKP", crv: "Ed25519", x: "AA" } }],
  ])("with %s is refused", async (_, claims, header = {}) => {
    expect(await verifyAccessToken(await forged(claims, header), keys, origin, nowMs)).toBeNull();
  });
});
