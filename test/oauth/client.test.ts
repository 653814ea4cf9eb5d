import { env } from "cloudflare:test";
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { callback, type Json, OAuthSetting, origin, ticketIn, verifier } from "./oauth_setting.ts";

let s: OAuthSetting;
let keys: CryptoKeyPair;
let jwks: { keys: Json[] };
beforeAll(async () => {
  s = await OAuthSetting.start();
  keys = (await generateKeyPair("ES256", { extractable: true })) as CryptoKeyPair;
  jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: "k1" }] };
});

function assertion(client: string, claims: object = {}, header: object = {}): Promise<string> {
  const nowS = Math.floor(Date.now() / 1000);
  const good = { iss: client, sub: client, aud: origin, jti: crypto.randomUUID(), iat: nowS, exp: nowS + 60 };
  return new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "k1", ...header })
    .sign(keys.privateKey);
}

const asserted = async (client: string, claims: object = {}, header: object = {}) => ({
  client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  client_assertion: await assertion(client, claims, header),
});

const basic = (id: string, secret: string) => ({
  Authorization: `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`,
});

describe("registration", () => {
  it("gives a public client an id, and a confidential one a secret that is shown once", async () => {
    const open = await s.register();
    expect(open).toEqual({
      client_id: expect.stringMatching(/^cli_/),
      client_id_issued_at: expect.any(Number),
      client_name: "Editor",
      redirect_uris: [callback],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
    const closed = await s.register({ token_endpoint_auth_method: undefined });
    expect(closed).toMatchObject({
      token_endpoint_auth_method: "client_secret_basic",
      client_secret: expect.any(String),
      client_secret_expires_at: 0,
    });
    const rows = await env.DB.prepare("SELECT * FROM oauth_client").all();
    expect(JSON.stringify(rows.results)).not.toContain(closed.client_secret);
  });

  it.each([
    "https://app.example/cb",
    "http://localhost:3000/cb",
    "http://[::1]/cb",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "com.example.app:/oauth",
  ])("takes the redirect %s", async (uri) => {
    expect((await s.register({ redirect_uris: [uri] })).redirect_uris).toEqual([uri]);
  });

  it.each([
    "http://app.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "https://app.example/cb#x",
    "https://u:p@app.example/cb",
    "https://a;b.example/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "blob:https://app.example/x",
    "about:blank",
    "ftp://app.example",
    "intent://x#Intent;end",
    "/callback",
    "",
    'https://app.example/<script>"',
    `https://app.example/${"x".repeat(600)}`,
  ])("refuses the redirect %s", async (uri) => {
    expect(await s.register({ redirect_uris: [uri] })).toMatchObject({ error: "invalid_redirect_uri" });
  });

  it.each<[string, object]>([
    ["no redirect", { redirect_uris: [] }],
    ["many redirects", { redirect_uris: Array(21).fill(callback) }],
    ["a long name", { client_name: "x".repeat(201) }],
    ["a name that is no text", { client_name: 7 }],
    ["a grant type for machines", { grant_types: ["client_credentials"] }],
    ["an implicit response", { response_types: ["token"] }],
    ["keys that are none", { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [{}] } }],
    ["no keys", { token_endpoint_auth_method: "private_key_jwt" }],
    ["another method", { token_endpoint_auth_method: "tls_client_auth" }],
    ["a body beyond 16 KiB", { software_statement: "x".repeat(17_000) }],
  ])("refuses %s, and says what is wrong", async (_, metadata) => {
    expect(await s.register(metadata)).toEqual({
      error: expect.stringMatching(/^invalid_(?:client_metadata|redirect_uri)$/),
      error_description: expect.any(String),
    });
  });

  it("is forgotten after a week in which nobody agreed, and kept where somebody did", async () => {
    const [unused, used] = [await s.register(), await s.register({ client_name: "Used" })];
    await s.consent(used.client_id);
    s.laterMs = 8 * 86_400_000;
    try {
      await s.register();
      const rows = await env.DB.prepare("SELECT id FROM oauth_client").all<{ id: string }>();
      const ids = rows.results.map(({ id }) => id);
      expect([ids.includes(unused.client_id), ids.includes(used.client_id)]).toEqual([false, true]);
    } finally {
      s.laterMs = 0;
    }
  });
});

describe("a confidential client", () => {
  const redeemed = async (
    client: Json,
    change: Record<string, string>,
    headers: Record<string, string> = {},
  ) => {
    const code = (await s.consent(client.client_id)).searchParams.get("code") ?? "";
    const form = { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: verifier };
    return (await s.token({ ...form, ...change }, headers)).status;
  };

  it("proves itself by its secret, in the header or in the body, and in one way only", async () => {
    const client = await s.register({ token_endpoint_auth_method: "client_secret_basic" });
    const { client_id, client_secret } = client;
    expect(await redeemed(client, {}, basic(client_id, client_secret))).toBe(200);
    expect(await redeemed(client, { client_id, client_secret })).toBe(200);
    expect(await redeemed(client, { client_id, client_secret: `${client_secret}x` })).toBe(401);
    expect(await redeemed(client, { client_id })).toBe(401);
    expect(await redeemed(client, { client_secret }, basic(client_id, client_secret))).toBe(400);
    expect(await redeemed(client, {}, { Authorization: "Basic ?" })).toBe(401);
    expect(await redeemed(client, {}, basic("cli_other", client_secret))).toBe(400);
  });

  it("proves itself by an assertion that it has signed, once", async () => {
    const client = await s.register({ token_endpoint_auth_method: "private_key_jwt", jwks });
    const id = client.client_id;
    expect(await redeemed(client, await asserted(id))).toBe(200);
    expect(await redeemed(client, await asserted(id, { aud: `${origin}/token` }))).toBe(200);
    const once = await asserted(id);
    expect([await redeemed(client, once), await redeemed(client, once)]).toEqual([200, 401]);
  });

  let signing: { id: string; form: Record<string, string> } | undefined;
  async function newSigning() {
    const client = await s.register({ token_endpoint_auth_method: "private_key_jwt", jwks });
    const code = (await s.consent(client.client_id)).searchParams.get("code") ?? "";
    const form = { grant_type: "authorization_code", code, code_verifier: verifier };
    return { id: client.client_id as string, form };
  }

  it.each<[string, object, object?]>([
    ["for another server", { aud: "https://evil.example" }],
    ["by another issuer", { iss: "cli_00000000000000000000000000" }],
    ["without an id of its own", { jti: undefined }],
    ["that has expired", { exp: 1_000 }],
    ["that lasts a day", { exp: Math.floor(Date.now() / 1000) + 80_000 }],
    ["without an end", { exp: undefined }],
    ["of another type", {}, { typ: "at+jwt" }],
    ["with a key of its own", {}, { jwk: { kty: "EC" } }],
    ["by a key that is not there", {}, { kid: "k2" }],
  ])("is not taken by an assertion %s", async (_, claims, header = {}) => {
    // Who does not prove themselves uses no code up, so one is enough.
    signing ??= await newSigning();
    const { id, form } = signing;
    expect((await s.token({ ...form, ...(await asserted(id, claims, header)) })).status).toBe(401);
  });
});

describe("a client that is an address", () => {
  const id = "https://client.example/oauth/client.json";
  const document = (change: object = {}) => ({
    client_id: id,
    client_name: "Document client",
    redirect_uris: [callback],
    ...change,
  });
  const json =
    (body: unknown, headers: Record<string, string> = {}) =>
    () =>
      new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json", ...headers } });
  /** Each address is asked once, so that what is kept of one test is not another's. */
  let count = 0;
  const serve = (change: object = {}, headers: Record<string, string> = {}): string => {
    const address = `https://client.example/${++count}/client.json`;
    s.web.set(address, json({ ...document(), client_id: address, ...change }, headers));
    return address;
  };
  const seen = async (clientId: string) => s.open(s.team.person, s.authorizePath(clientId));

  it("is shown by its host, signs in without registration, and keeps its grant", async () => {
    const address = serve();
    const { text } = await seen(address);
    expect(text).toContain("<strong>client.example</strong>");
    const code = (await s.consent(address)).searchParams.get("code") ?? "";
    const { body } = await s.redeem(address, code);
    expect(decodeJwt(body.access_token)["client_id"]).toBe(address);
    s.web.delete(address);
    expect((await s.refresh(address, body.refresh_token)).status).toBe(200);
    expect(s.fetched.filter((url) => url === address)).toHaveLength(1);
  });

  it("proves itself by keys at an address of its own", async () => {
    const jwksUri = "https://client.example/keys.json";
    s.web.set(jwksUri, json(jwks));
    const address = serve({ token_endpoint_auth_method: "private_key_jwt", jwks_uri: jwksUri });
    const code = (await s.consent(address)).searchParams.get("code") ?? "";
    const form = { grant_type: "authorization_code", code, code_verifier: verifier };
    expect((await s.token({ ...form, client_id: address })).status).toBe(401);
    expect((await s.token({ ...form, ...(await asserted(address)) })).status).toBe(200);
  });

  it.each<[string, () => string]>([
    ["names another client", () => serve({ client_id: id })],
    ["has a secret", () => serve({ client_secret: "x" })],
    ["proves itself by a secret", () => serve({ token_endpoint_auth_method: "client_secret_post" })],
    ["has no redirect", () => serve({ redirect_uris: undefined })],
    ["leads to script", () => serve({ redirect_uris: ["javascript:alert(1)"] })],
    ["is no JSON", () => serve({}, { "Content-Type": "text/html" })],
    ["is long", () => serve({ padding: "x".repeat(40_000) })],
    ["is not there", () => "https://client.example/none.json"],
    ["is the start of a host", () => "https://client.example/"],
    ["is not in its normal form", () => "https://client.example/a/../b"],
    ["has a fragment", () => "https://client.example/a#b"],
    ["has a user name", () => "https://u@client.example/a"],
    ["is not https", () => "http://client.example/a"],
    ["is on this machine", () => "http://127.0.0.1:9/a"],
    ["is a private address", () => "https://10.0.0.1/a"],
    ["is an internal name", () => "https://metadata.internal/a"],
    ["is this gateway", () => `${origin}/a`],
  ])("is refused, on our page, where it %s", async (_, address) => {
    const { response, text } = await seen(address());
    expect([response.status, ticketIn(text)]).toEqual([400, "none"]);
  });

  it("is not asked about for somebody who shows a secret, or has no code of it", async () => {
    const address = serve();
    const form = { grant_type: "refresh_token", refresh_token: "x", client_id: address };
    expect((await s.token({ ...form, client_secret: "x" })).status).toBe(401);
    expect((await s.token(form)).status).toBe(400);
    expect(s.fetched).not.toContain(address);
  });

  it("is not followed elsewhere", async () => {
    const address = "https://client.example/moved.json";
    s.web.set(address, () => new Response(null, { status: 302, headers: { Location: id } }));
    expect((await seen(address)).response.status).toBe(400);
    expect(s.fetched).not.toContain(id);
  });
});

describe("a machine", () => {
  const clients = async () => {
    const grant = await s.team.grant("tools", "open");
    return { grant, path: `/grants/${grant.id}/clients` };
  };
  const signIn = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    s.token({ grant_type: "client_credentials", ...form }, headers);

  it("signs in for its grant by the secret that an admin was shown once, until it is removed", async () => {
    const { grant, path } = await clients();
    const made = await s.team.must(201, "POST", path, { name: "CI", auth: { type: "secret" } });
    const form = { client_id: made.id, client_secret: made.client_secret };
    const { status, body } = await signIn(form);
    expect([status, body]).toEqual([
      200,
      { access_token: expect.any(String), token_type: "Bearer", expires_in: 3600, scope: "mcp" },
    ]);
    expect(decodeJwt(body.access_token)).toMatchObject({ sub: grant.id, aud: s.resource });
    expect((await s.call(body.access_token)).status).toBe(200);
    expect((await signIn({}, basic(made.id, made.client_secret))).status).toBe(200);
    expect((await signIn({ ...form, client_secret: "x" })).body.error).toBe("invalid_client");
    expect((await signIn({ ...form, resource: `${origin}/mcp/a/b` })).body.error).toBe("invalid_target");
    const { items } = await s.team.must(200, "GET", path);
    expect(items).toEqual([
      {
        id: made.id,
        name: "CI",
        auth: { type: "secret" },
        token_url: expect.stringContaining("/token"),
        created_at: expect.any(String),
      },
    ]);
    await s.team.must(200, "DELETE", `${path}/${made.id}`);
    expect((await s.call(body.access_token)).status).toBe(401);
    expect((await signIn(form)).body.error).toBe("invalid_client");
  });

  it("signs in by keys of its own, and says for which gateway where its grant has several", async () => {
    await s.team.server("Second");
    const { grant, path } = await clients();
    const servers = ["tools", "second"].map((server) => ({ server, policy: null }));
    await s.team.must(200, "PATCH", `/grants/${grant.id}`, { servers });
    const made = await s.team.must(201, "POST", path, {
      name: "CI",
      auth: { type: "private_key_jwt", jwks },
    });
    expect(made.client_secret).toBeUndefined();
    expect((await signIn(await asserted(made.id))).body.error).toBe("invalid_target");
    const resource = s.resource.replace(/tools$/, "second");
    const { status, body } = await signIn({ ...(await asserted(made.id)), resource });
    expect([status, decodeJwt(body.access_token).aud]).toEqual([200, resource]);
  });

  it("is refused with its grant, and stays when the grant's tokens are rotated", async () => {
    const { grant, path } = await clients();
    const made = await s.team.must(201, "POST", path, { name: "CI", auth: { type: "secret" } });
    const form = { client_id: made.id, client_secret: made.client_secret };
    await s.team.must(200, "POST", `/grants/${grant.id}/rotate`, {});
    const { body } = await signIn(form);
    expect((await s.call(body.access_token)).status).toBe(200);
    await s.team.must(200, "DELETE", `/grants/${grant.id}`);
    expect((await s.call(body.access_token)).status).toBe(401);
    expect((await signIn(form)).body.error).toBe("invalid_grant");
  });

  it("cannot ask a person, nor can a person's client sign in alone", async () => {
    const { path } = await clients();
    const made = await s.team.must(201, "POST", path, { name: "CI", auth: { type: "secret" } });
    const { response } = await s.open(s.team.person, s.authorizePath(made.id));
    expect(response.status).toBe(400);
    const client = await s.register({ token_endpoint_auth_method: "client_secret_post" });
    const { client_id, client_secret } = client;
    expect((await signIn({ client_id, client_secret })).body.error).toBe("invalid_client");
  });
});
