import { base64url, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { newId } from "../../src/id.ts";
import { grantLifetimeMaxMs, mintGrantToken, verifyGrantToken } from "../../src/identity/grant_token.ts";
import { type KeySet, publicKeys, readSigningKeys } from "../../src/identity/keys.ts";
import { VerifiedTokens } from "../../src/identity/verified.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const origin = "https://gateway.example";
const now = 1_800_000_000_000;
const year = grantLifetimeMaxMs;

let jwk: JWK;
let keys: KeySet;
const team = newId("tm", random);
const bearer = { grant: newId("grt", random), team, jti: newId("jti", random), expiresAtMs: now + year };

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  return exportJWK(privateKey);
}

beforeAll(async () => {
  jwk = await newKey();
  keys = await readSigningKeys(JSON.stringify([jwk]));
});

/** A token signed with our own key, but with other claims or headers. */
async function forged(
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<string> {
  const good = {
    iss: origin,
    sub: bearer.grant,
    aud: `portcullis:${team}`,
    jti: bearer.jti,
    iat: now / 1000,
    exp: now / 1000 + 60,
  };
  const signer = new SignJWT({ ...good, ...claims });
  signer.setProtectedHeader({ alg: "EdDSA", typ: "grant+jwt", kid: keys.signer.kid, ...header });
  return signer.sign(keys.signer.key);
}

describe("a grant token", () => {
  it("says which grant, team and jti it stands for", async () => {
    const token = await mintGrantToken(bearer, keys, origin, now);
    expect(await verifyGrantToken(token, keys, origin, now)).toEqual(bearer);
    expect(await verifyGrantToken(await forged({}), keys, origin, now)).not.toBeNull();
  });

  it("ends with its expiry, to the second", async () => {
    const token = await mintGrantToken({ ...bearer, expiresAtMs: now + 5000 }, keys, origin, now);
    expect(await verifyGrantToken(token, keys, origin, now + 4999)).not.toBeNull();
    expect(await verifyGrantToken(token, keys, origin, now + 5000)).toBeNull();
  });

  it("outlives a rotation of the signing keys while its key is listed, and not after", async () => {
    const token = await mintGrantToken(bearer, keys, origin, now);
    const next = await newKey();
    const both = await readSigningKeys(JSON.stringify([next, jwk]));
    expect(await verifyGrantToken(token, both, origin, now)).toEqual(bearer);
    const onlyNext = await readSigningKeys(JSON.stringify([next]));
    expect(await verifyGrantToken(token, onlyNext, origin, now)).toBeNull();
  });

  it.each([
    ["another issuer", { iss: "https://evil.example" }],
    ["no issuer", { iss: undefined }],
    ["an issuer in a list", { iss: [origin] }],
    ["a list of audiences", { aud: [`portcullis:${team}`] }],
    ["an audience of the control plane", { aud: `${origin}/v1` }],
    ["an audience that is no team", { aud: "portcullis:tm_x" }],
    ["no audience", { aud: undefined }],
    ["a subject that is no grant", { sub: newId("usr", random) }],
    ["a subject that is a number", { sub: 7 }],
    ["no subject", { sub: undefined }],
    ["no jti", { jti: undefined }],
    ["a jti of another shape", { jti: "1" }],
    ["no expiry", { exp: undefined }],
    ["an expiry as text", { exp: String(now / 1000 + 60) }],
    ["an expiry in fractions", { exp: now / 1000 + 60.5 }],
    ["an expiry past every number", { exp: 1e300 }],
    ["an expiry before now", { exp: now / 1000 }],
    ["a life longer than a year", { exp: (now + year) / 1000 + 1 }],
    ["an issue date in the future", { iat: now / 1000 + 61, exp: now / 1000 + 100 }],
    ["no issue date", { iat: undefined }],
    ["a start in the future", { nbf: now / 1000 + 60 }],
  ])("is refused with %s", async (_what, claims) => {
    expect(await verifyGrantToken(await forged(claims), keys, origin, now)).toBeNull();
  });

  it.each([
    ["the typ of a session", { typ: "session+jwt" }],
    ["no typ", { typ: undefined }],
    ["an unknown kid", { kid: "nobody" }],
    ["no kid", { kid: undefined }],
    ["a jku", { jku: "https://evil.example/jwks" }],
    ["an x5u", { x5u: "https://evil.example/x" }],
    ["a content type", { cty: "JWT" }],
  ])("is refused with %s in its header", async (_what, header) => {
    expect(await verifyGrantToken(await forged({}, header), keys, origin, now)).toBeNull();
  });

  it("is refused when its header brings its own key", async () => {
    const own = await newKey();
    const key = await importJWK(own, "EdDSA");
    const { d: _, ...open } = own;
    const signer = new SignJWT({
      iss: origin,
      sub: bearer.grant,
      aud: `portcullis:${team}`,
      jti: bearer.jti,
    });
    signer.setIssuedAt(now / 1000).setExpirationTime(now / 1000 + 60);
    signer.setProtectedHeader({ alg: "EdDSA", typ: "grant+jwt", kid: keys.signer.kid, jwk: open });
    expect(await verifyGrantToken(await signer.sign(key), keys, origin, now)).toBeNull();
  });

  it("is refused unsigned, and signed with the public key as an HMAC secret", async () => {
    const [, payload = ""] = (await forged({})).split(".");
    const head = (header: object) => base64url.encode(JSON.stringify(header));
    const none = `${head({ alg: "none", typ: "grant+jwt", kid: keys.signer.kid })}.${payload}.`;
    expect(await verifyGrantToken(none, keys, origin, now)).toBeNull();
    const secret = base64url.decode(String(publicKeys(keys).keys[0]?.x));
    const mac = await new SignJWT(JSON.parse(new TextDecoder().decode(base64url.decode(payload))))
      .setProtectedHeader({ alg: "HS256", typ: "grant+jwt", kid: keys.signer.kid })
      .sign(secret);
    expect(await verifyGrantToken(mac, keys, origin, now)).toBeNull();
  });

  it("is refused with any one bit of it flipped", async () => {
    const token = await mintGrantToken(bearer, keys, origin, now);
    for (let at = 0; at < token.length; at++) {
      const flipped =
        token.slice(0, at) +
        String.fromCharCode(token.charCodeAt(at) ^ (1 << (at % 7))) +
        token.slice(at + 1);
      expect(await verifyGrantToken(flipped, keys, origin, now), flipped).toBeNull();
    }
  });

  it("is refused with the unused bits of its signature set", async () => {
    const token = await mintGrantToken(bearer, keys, origin, now);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(token.slice(-1));
    for (const bits of [1, 2, 3]) {
      const same = token.slice(0, -1) + alphabet[last ^ bits];
      expect(await verifyGrantToken(same, keys, origin, now)).toBeNull();
    }
  });

  it.each(["", ".", "..", "a.b.c", "x".repeat(5000), "é.é.é"])("is refused as %j", async (text) => {
    expect(await verifyGrantToken(text, keys, origin, now)).toBeNull();
  });
});

describe("the signing keys", () => {
  it("are published without their private half", () => {
    expect(publicKeys(keys).keys).toEqual([
      { kty: "OKP", crv: "Ed25519", x: jwk.x, kid: keys.signer.kid, alg: "EdDSA", use: "sig" },
    ]);
  });

  it.each(["[]", "{}", '[{"kty":"oct","k":"AA"}]', '[{"kty":"OKP","crv":"Ed25519","x":"AA"}]'])(
    "are refused as %s",
    async (secret) => {
      await expect(readSigningKeys(secret)).rejects.toThrow("SIGNING_KEYS");
    },
  );
});

describe("a verified token", () => {
  it("is remembered for a minute, under its key set only, and never past its expiry", () => {
    const verified = new VerifiedTokens();
    verified.set("a", "token", bearer, now);
    expect(verified.get("a", "token", now + 59_999)).toEqual(bearer);
    expect(verified.get("b", "token", now)).toBeNull();
    expect(verified.get("a", "token", now + 60_000)).toBeNull();
    verified.set("a", "short", { ...bearer, expiresAtMs: now + 10 }, now);
    expect(verified.get("a", "short", now + 10)).toBeNull();
  });
});
