import { env } from "cloudflare:test";
import { calculateJwkThumbprint, type JWK } from "jose";
import { beforeAll, expect, it } from "vitest";
import { type IssuerKeys, readIssuerKeys } from "../../src/identity/issuer_keys.ts";
import { bearerTypes, type Expected, isUnfit, verifyIssuerToken } from "../../src/identity/issuer_token.ts";
import { attacksOn } from "./attacks.ts";
import { type Good, signed, takeApart } from "./forge.ts";
import { examples } from "./rfc.ts";

// T8, for tokens of a team's own issuer: not ours to write, so more than one form of them is right.
const own = JSON.parse(env.SIGNING_KEYS)[0] as JWK;
const nowMs = 1_800_000_000_000;
const issuer = "https://idp.example/team";
const expected: Expected = {
  issuer,
  audience: "https://gateway.example/mcp/acme",
  algorithms: ["EdDSA", "RS256"],
  types: bearerTypes,
};

let keys: IssuerKeys;
let good: Good;
beforeAll(async () => {
  const { d: _, ...open } = own;
  const kid = await calculateJwkThumbprint(open);
  const published = readIssuerKeys({ keys: [{ ...open, kid, alg: "EdDSA" }] });
  if (!published) throw new Error("no keys");
  keys = published;
  const claims = {
    iss: issuer,
    sub: "alice",
    aud: expected.audience,
    jti: "j",
    iat: nowMs / 1000,
    exp: nowMs / 1000 + 600,
  };
  const apart = await takeApart(`${btoa("{}")}.${btoa("{}")}.x`, own);
  const header = { alg: "EdDSA", typ: "at+jwt", kid };
  const text = await signed(header, claims, apart.own);
  good = { ...apart, header, claims, text };
});

const taken = async (token: string): Promise<boolean> =>
  !isUnfit(await verifyIssuerToken(token, expected, keys, nowMs));

it("a token of the issuer's counts", async () => {
  expect(await taken(good.text)).toBe(true);
});

it("of more than 200 other forms only those count that RFC 7519 and RFC 9068 leave open", async () => {
  const attacks = await attacksOn(good);
  const counted: string[] = [];
  for (const [what, token] of attacks) if (token !== good.text && (await taken(token))) counted.push(what);
  // Each is signed by the issuer: who its subject is and how it numbers its tokens is for it to say.
  const open = [
    /^kid absent$/,
    /^typ (absent|"JWT"|"jwt"|"AT\+JWT")$/,
    /^header with \{"(x5t|x5t#S256|cty|p2c|epk|nonce|url|iss|unknown)"/,
    /^aud \[.*"https:\/\/gateway\.example\/mcp\/acme"/,
    /^sub "(?:ALICE|alic|alice0|srv_alice)"$/,
    /^jti /,
    /^exp [0-9.]+\.5$/,
    /^iat [0-9.]+\.5$/,
    /^header \{"alg":"EdDSA"\}$/,
    // Its clock may be a minute behind ours.
    /^exp 1799999999$/,
  ];
  expect(counted.filter((what) => !open.some((one) => one.test(what)))).toEqual([]);
  expect(counted.length).toBeLessThan(40);
});

it.each(examples)("$name does not count", async ({ jws }) => {
  expect(await taken(jws)).toBe(false);
});
