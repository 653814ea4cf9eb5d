import { exportJWK, generateKeyPair } from "jose";
import { beforeAll, expect, it } from "vitest";
import { newId } from "../../src/id.ts";
import { mintGrantToken, verifyGrantToken } from "../../src/identity/grant_token.ts";
import { type KeySet, readSigningKeys } from "../../src/identity/keys.ts";
import { mintSession, sessionLifetimeMs, verifySession } from "../../src/identity/session.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const origin = "https://gateway.example";
const now = 1_800_000_000_000;
const session = {
  user: newId("usr", random),
  jti: newId("ses", random),
  expiresAtMs: now + sessionLifetimeMs,
};

let keys: KeySet;
beforeAll(async () => {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  keys = await readSigningKeys(JSON.stringify([await exportJWK(privateKey)]));
});

it("a session token says whose session it is, at its own origin and in its own time", async () => {
  const token = await mintSession(session, keys, origin, now);
  expect(await verifySession(token, keys, origin, now)).toEqual(session);
  expect(await verifySession(token, keys, "https://other.example", now)).toBeNull();
  expect(await verifySession(token, keys, origin, now + sessionLifetimeMs)).toBeNull();
});

it("a session token is no grant token, and a grant token no session", async () => {
  const bearer = {
    grant: newId("grt", random),
    team: newId("tm", random),
    jti: newId("jti", random),
    expiresAtMs: now + 60_000,
  };
  const grantToken = await mintGrantToken(bearer, keys, origin, now);
  expect(await verifySession(grantToken, keys, origin, now)).toBeNull();
  expect(await verifyGrantToken(await mintSession(session, keys, origin, now), keys, origin, now)).toBeNull();
});
