import { type FamilyId, newId, type UserId } from "../../src/id.ts";
import { mintAccessToken, resourceOf, verifyAccessToken } from "../../src/identity/access_token.ts";
import { mintChallenge, readChallenge } from "../../src/identity/challenge.ts";
import { mintGrantToken, verifyGrantToken } from "../../src/identity/grant_token.ts";
import type { KeySet } from "../../src/identity/keys.ts";
import { mintRefreshToken, verifyRefreshToken } from "../../src/identity/refresh_token.ts";
import { mintScriptToken, verifyScriptToken } from "../../src/identity/script_token.ts";
import { mintSession, verifySession } from "../../src/identity/session.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
export const issuer = "https://gateway.example";
const hourMs = 3_600_000;

/** One kind of token that this gateway signs: how it is given out, and who takes it. A kind without a row fails the test. */
export interface Kind {
  readonly mint: (keys: KeySet, nowMs: number) => Promise<string>;
  readonly take: (token: string, keys: KeySet, nowMs: number) => Promise<unknown>;
}

const grant = newId("grt", random);
const team = newId("tm", random);
const user = newId("usr", random) as UserId;
const audience = resourceOf(issuer, "acme", "tools");
const family = newId("fam", random) as FamilyId;

/** By `typ`. */
export const kinds: Readonly<Record<string, Kind>> = {
  "grant+jwt": {
    mint: (keys, nowMs) => {
      const jti = newId("jti", random);
      return mintGrantToken({ grant, team, jti, expiresAtMs: nowMs + hourMs }, keys, issuer, nowMs);
    },
    take: (token, keys, nowMs) => verifyGrantToken(token, keys, issuer, nowMs),
  },
  "session+jwt": {
    mint: (keys, nowMs) =>
      mintSession({ user, jti: newId("ses", random), expiresAtMs: nowMs + hourMs }, keys, issuer, nowMs),
    take: (token, keys, nowMs) => verifySession(token, keys, issuer, nowMs),
  },
  "script+jwt": {
    mint: (keys, nowMs) =>
      mintScriptToken({ user, jti: newId("tok", random), expiresAtMs: nowMs + hourMs }, keys, issuer, nowMs),
    take: (token, keys, nowMs) => verifyScriptToken(token, keys, issuer, nowMs),
  },
  "at+jwt": {
    mint: (keys, nowMs) => {
      const bearer = { grant, team, family, client: "c", audience, expiresAtMs: nowMs + hourMs };
      return mintAccessToken(bearer, "mcp", keys, issuer, { nowMs, random });
    },
    take: async (token, keys, nowMs) => {
      const found = await verifyAccessToken(token, keys, issuer, nowMs);
      // As at the gateway, where it must be for the very address that is asked.
      return found?.audience === audience ? found : null;
    },
  },
  "rt+jwt": {
    mint: (keys, nowMs) => {
      const bearer = { family, generation: 1, expiresAtMs: nowMs + hourMs };
      return mintRefreshToken(bearer, keys, issuer, { nowMs, random });
    },
    take: async (token, keys, nowMs) => verifyRefreshToken(token, keys, issuer, nowMs),
  },
  "challenge+jwt": {
    mint: async (keys, nowMs) => {
      const from = { keys, origin: issuer, random, nowMs };
      return (await mintChallenge("second_factor", user, from)).token;
    },
    take: (token, keys, nowMs) => readChallenge("second_factor", token, { keys, origin: issuer, nowMs }),
  },
};
