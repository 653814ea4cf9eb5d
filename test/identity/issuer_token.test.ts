import { base64url, generateSecret, type JWTPayload, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { type IssuerKeys, readIssuerKeys } from "../../src/identity/issuer_keys.ts";
import { bearerTypes, type Expected, verifyIssuerToken } from "../../src/identity/issuer_token.ts";
import { Provider } from "../support/oidc/provider.ts";

const issuer = "https://idp.example/team";
const expected: Expected = {
  issuer,
  audience: "https://gateway.example/mcp/acme",
  algorithms: ["ES256", "RS256", "EdDSA"],
  types: bearerTypes,
};
const nowS = Math.floor(Date.now() / 1000);
const good = { sub: "alice", aud: expected.audience };

let provider: Provider;
let keys: IssuerKeys;

beforeAll(async () => {
  provider = await Provider.start(issuer);
  keys = keysOf(provider);
});

const keysOf = (of: Provider): IssuerKeys => {
  const read = readIssuerKeys({ keys: of.keys });
  if (!read) throw new Error("the provider's JWKS cannot be read");
  return read;
};
const verify = (token: string, by = keys, change: Partial<Expected> = {}) =>
  verifyIssuerToken(token, { ...expected, ...change }, by, nowS * 1000);
const segment = (value: unknown) =>
  base64url.encode(typeof value === "string" ? value : JSON.stringify(value));

describe("a token of the issuer's counts", () => {
  const fitting: Record<string, [JWTPayload, Record<string, unknown>?]> = {
    "as a plain access token": [good],
    "with a list of audiences": [{ ...good, aud: ["another", expected.audience] }],
    "as a plain JWT": [good, { typ: "JWT" }],
    "with its type in full": [good, { typ: "application/at+jwt" }],
    "without a type": [good, { typ: undefined }],
    "without a kid where one key fits": [good, { kid: undefined }],
    "just expired by another's clock": [{ ...good, iat: nowS - 100, exp: nowS - 30 }],
    "issued by a clock that is ahead": [{ ...good, iat: nowS + 30, exp: nowS + 300 }],
    "for a whole day": [{ ...good, iat: nowS, exp: nowS + 24 * 3600 }],
    "with fractions of a second": [{ ...good, iat: nowS - 0.5, exp: nowS + 10.5 }],
    "with a thumbprint of a certificate": [good, { x5t: "abc" }],
  };
  it.each(Object.entries(fitting))("%s", async (_, [claims, header]) => {
    const verified = await verify(await provider.token(claims, header));
    expect(verified).toMatchObject({ sub: "alice", claims: { iss: issuer } });
  });

  it.each(["RS256", "EdDSA"])("signed with %s", async (alg) => {
    const other = await Provider.start(issuer, alg);
    expect(await verify(await other.token(good), keysOf(other))).toMatchObject({ sub: "alice" });
  });
});

describe("no token counts", () => {
  const claims: Record<string, JWTPayload | Record<string, unknown>> = {
    "of another issuer": { ...good, iss: "https://evil.example" },
    "of the issuer with a slash more": { ...good, iss: `${issuer}/` },
    "of an issuer in a list": { ...good, iss: [issuer] },
    "without an issuer": { ...good, iss: undefined },
    "for another audience": { ...good, aud: "https://gateway.example/mcp/other" },
    "for an audience that begins alike": { ...good, aud: `${expected.audience}/server` },
    "for other audiences": { ...good, aud: ["a", "b"] },
    "for an audience inside a list of a list": { ...good, aud: [[expected.audience]] },
    "without an audience": { ...good, aud: undefined },
    "with an audience object": { ...good, aud: { [expected.audience]: true } },
    "without a subject": { ...good, sub: undefined },
    "with an empty subject": { ...good, sub: "" },
    "with a subject of a space": { ...good, sub: " " },
    "with a subject that is a number": { ...good, sub: 1 },
    "with a subject of 256 characters": { ...good, sub: "a".repeat(256) },
    "with a line break in its subject": { ...good, sub: "alice\nbob" },
    "with a subject that looks like another": { ...good, sub: "аlice" },
    "that has expired": { ...good, iat: nowS - 400, exp: nowS - 61 },
    "that never expires": { ...good, exp: undefined },
    "whose exp is text": { ...good, exp: String(nowS + 300) },
    "whose exp is null": { ...good, exp: null },
    "whose exp is a list": { ...good, exp: [nowS + 300] },
    "whose exp is true": { ...good, exp: true },
    "whose exp is negative": { ...good, exp: -1 },
    "without iat": { ...good, iat: undefined },
    "whose iat is text": { ...good, iat: String(nowS) },
    "issued in the future": { ...good, iat: nowS + 61, exp: nowS + 300 },
    "that lives longer than a day": { ...good, iat: nowS, exp: nowS + 24 * 3600 + 1 },
    "that is not yet good": { ...good, nbf: nowS + 61 },
    "whose nbf is text": { ...good, nbf: "0" },
    "that is bound to a key": { ...good, cnf: { jkt: "abc" } },
  };
  it.each(Object.entries(claims))("%s", async (_, changed) => {
    expect(await verify(await provider.token(changed as JWTPayload))).toEqual({ why: expect.any(String) });
  });

  const headers: Record<string, Record<string, unknown>> = {
    "with jku": { jku: `${issuer}/jwks` },
    "with x5u": { x5u: `${issuer}/cert` },
    "with a certificate": { x5c: ["MIIB"] },
    "with its own key": { jwk: { kty: "EC" } },
    "of our grants' type": { typ: "grant+jwt" },
    "of our sessions' type": { typ: "session+jwt" },
    "of an ID-JAG's type": { typ: "oauth-id-jag+jwt" },
    "of a logout's type": { typ: "logout+jwt" },
    "of a proof's type": { typ: "dpop+jwt" },
    "whose type is a list": { typ: ["at+jwt"] },
    "with another kid": { kid: "another" },
    "with a kid that is a path": { kid: "../../dev/null" },
    "with a kid that is SQL": { kid: "' OR 1=1 --" },
    "with an empty kid": { kid: "" },
  };
  it.each(Object.entries(headers))("%s", async (_, header) => {
    expect(await verify(await provider.token(good, header))).toHaveProperty("why");
  });

  it.each([
    ["with a critical extension", { crit: ["exp"], exp: nowS }],
    ["with critical nothing", { crit: [] }],
    ["with its payload unencoded", { crit: ["b64"], b64: false }],
    ["whose kid is a number", { kid: 7 }],
    ["whose kid is a list", { kid: [] }],
  ])("%s", async (_, header) => {
    expect(await verify(await resigned((was) => ({ ...was, ...header })))).toHaveProperty("why");
  });

  /** A good token with another header under the old signature: the header is refused before any signature is checked. */
  async function resigned(change: (header: object) => object): Promise<string> {
    const [header = "", payload, signature] = (await provider.token(good)).split(".");
    const was = JSON.parse(new TextDecoder().decode(base64url.decode(header)));
    return `${segment(change(was))}.${payload}.${signature}`;
  }

  it("signed with nothing", async () => {
    for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
      const token = `${segment({ alg, typ: "at+jwt" })}.${segment({ iss: issuer, iat: nowS, exp: nowS + 9, ...good })}.`;
      expect(await verify(token)).toHaveProperty("why");
      expect(await verify(`${token}AA`)).toHaveProperty("why");
    }
  });

  it("signed with the public key as if it were a secret", async () => {
    for (const key of provider.keys) {
      for (const secret of [JSON.stringify(key), key.x ?? "", base64url.decode(key.x ?? "")]) {
        const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
        const token = await new SignJWT({ iss: issuer, iat: nowS, exp: nowS + 300, ...good })
          .setProtectedHeader({ alg: "HS256", kid: key.kid ?? "", typ: "at+jwt" })
          .sign(bytes.length >= 32 ? bytes : new Uint8Array(32).fill(1));
        expect(await verify(token)).toHaveProperty("why");
        // Not even where somebody managed to list the algorithm.
        expect(await verify(token, keys, { algorithms: ["HS256" as never] })).toHaveProperty("why");
      }
    }
  });

  it("by a symmetric key that the issuer publishes", async () => {
    const secret = await generateSecret("HS256", { extractable: true });
    const k = base64url.encode(new Uint8Array(32).fill(7));
    const published = readIssuerKeys({ keys: [{ kty: "oct", k, kid: "s", alg: "HS256" }] });
    const token = await new SignJWT({ iss: issuer, iat: nowS, exp: nowS + 300, ...good })
      .setProtectedHeader({ alg: "HS256", kid: "s" })
      .sign(secret);
    expect(published?.keys).toEqual([]);
    expect(await verify(token, published ?? keys)).toHaveProperty("why");
  });

  it("by another issuer's key of the same kid", async () => {
    const evil = await Provider.start(issuer);
    const kid = provider.keys[0]?.kid;
    expect(await verify(await evil.token(good, { kid }))).toEqual({
      why: "The signature is not the issuer's.",
    });
  });

  it("signed with an algorithm that the team did not list", async () => {
    const other = await Provider.start(issuer, "ES384");
    expect(await verify(await other.token(good), keysOf(other))).toHaveProperty("why");
  });

  it("signed for another algorithm than the key is published for", async () => {
    const other = await Provider.start(issuer, "RS256");
    const [jwk] = other.keys;
    const published = readIssuerKeys({ keys: [{ ...jwk, alg: "PS256" }] });
    expect(await verify(await other.token(good), published ?? keys)).toHaveProperty("unknownKey", true);
  });

  it("by a key that is for encryption, too weak, or one of two of one name", async () => {
    const [jwk] = provider.keys;
    const token = await provider.token(good);
    const rsa = { kty: "RSA", n: "AQAB".repeat(40), e: "AQAB", kid: jwk?.kid };
    for (const set of [[{ ...jwk, use: "enc" }], [{ ...jwk, key_ops: ["encrypt"] }], [rsa], [jwk, jwk], []]) {
      expect(await verify(token, readIssuerKeys({ keys: set }) ?? keys)).toHaveProperty("unknownKey", true);
    }
  });

  it("that somebody changed by one bit, anywhere", async () => {
    const token = await provider.token(good);
    for (let at = 0; at < token.length; at += 7) {
      const flipped = String.fromCharCode(token.charCodeAt(at) ^ 1);
      const changed = token.slice(0, at) + flipped + token.slice(at + 1);
      expect(await verify(changed), `at ${at}`).toHaveProperty("why");
    }
  });

  it("that is no JWT at all", async () => {
    const token = await provider.token(good);
    const [header, payload, signature] = token.split(".");
    const wrong = [
      "",
      ".",
      "..",
      "a.b",
      "a.b.c.d.e",
      `${token}.`,
      `${token}=`,
      ` ${token}`,
      `${header}.${payload}`,
      `${header}..${signature}`,
      `${segment("[]")}.${payload}.${signature}`,
      `${segment("null")}.${payload}.${signature}`,
      `${header}.${segment('"text"')}.${signature}`,
      `${segment("{")}.${payload}.${signature}`,
      JSON.stringify({ payload, protected: header, signature }),
      "a".repeat(20_000),
      `${header}.${"a".repeat(20_000)}.${signature}`,
    ];
    for (const text of wrong) expect(await verify(text), text.slice(0, 40)).toHaveProperty("why");
  });
});
