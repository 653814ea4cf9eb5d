import {
  base64url,
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";

interface Key {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly published: JWK;
}

/** What somebody was sent back with, waiting for its code to be exchanged. */
interface Login {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string;
  readonly person: JWTPayload;
}

/** A client that may sign people in by this provider. */
export interface Client {
  readonly id: string;
  readonly secret: string;
}

/** How the provider misbehaves, for the tests of who has to notice. */
export interface Lies {
  /** Metadata that is added, or replaces what is true. */
  metadata?: Record<string, unknown>;
  jwks?: unknown;
  /** Claims of the next ID token. */
  idToken?: JWTPayload;
  /** The `iss` of its way back; null leaves it out. */
  iss?: string | null;
  /** What it says in the place of a code. */
  error?: string;
  idTokenType?: string;
  status?: number;
}

/**
 * An OpenID Connect provider: discovery, keys, codes with PKCE and tokens, all of it real and all in memory. It answers
 * requests by `handle`, over HTTP or as the `fetch` of a test.
 */
export class Provider {
  readonly issuer: string;
  readonly lies: Lies = {};
  readonly clients: Client[] = [];
  /** A client that proves itself by one of these keys. */
  trusts: { readonly clientId: string; readonly keys: readonly JWK[] } | null = null;
  /** Who signs in next at `/authorize`. */
  person: JWTPayload = { sub: "alice" };
  /** How often each path was asked for. */
  readonly asked = new Map<string, number>();
  readonly #keys: Key[] = [];
  readonly #logins = new Map<string, Login>();

  private constructor(issuer: string) {
    this.issuer = issuer;
  }

  static async start(issuer: string, alg = "ES256"): Promise<Provider> {
    const provider = new Provider(issuer);
    await provider.addKey(alg);
    return provider;
  }

  /** Publishes a new key, which signs from now on. */
  async addKey(alg = "ES256"): Promise<string> {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    this.#keys.unshift({ kid, alg, privateKey, published: { ...jwk, kid, alg, use: "sig" } });
    return kid;
  }

  /** A new key, and the ones before are published no more. */
  async rotate(alg = "ES256"): Promise<void> {
    this.#keys.length = 0;
    await this.addKey(alg);
  }

  get keys(): readonly JWK[] {
    return this.#keys.map(({ published }) => published);
  }

  /** Signs a token of five minutes; what is given as undefined is left out. */
  async token(claims: JWTPayload, header: Record<string, unknown> = {}): Promise<string> {
    const [key] = this.#keys;
    if (!key) throw new Error("the provider has no key");
    const nowS = Math.floor(Date.now() / 1000);
    const payload = { iss: this.issuer, iat: nowS, exp: nowS + 300, ...claims };
    return new SignJWT(payload)
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt", ...header })
      .sign(key.privateKey);
  }

  async handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.slice(new URL(this.issuer).pathname.replace(/\/$/, "").length);
    this.asked.set(path, (this.asked.get(path) ?? 0) + 1);
    if (this.lies.status) return new Response("down", { status: this.lies.status });
    switch (path) {
      case "/.well-known/openid-configuration":
        return Response.json({ ...this.metadata, ...this.lies.metadata });
      case "/jwks":
        return Response.json(this.lies.jwks ?? { keys: this.keys });
      case "/authorize":
        return this.#authorize(url.searchParams);
      case "/token":
        return this.#exchange(request);
      default:
        return new Response("nothing here", { status: 404 });
    }
  }

  get metadata(): Record<string, unknown> {
    return {
      issuer: this.issuer,
      jwks_uri: `${this.issuer}/jwks`,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      authorization_response_iss_parameter_supported: true,
      response_types_supported: ["code"],
      code_challenge_methods_supported: ["S256"],
    };
  }

  #authorize(asked: URLSearchParams): Response {
    const client = this.clients.find(({ id }) => id === asked.get("client_id"));
    if (!client || asked.get("response_type") !== "code")
      return new Response("no such client", { status: 400 });
    if (asked.get("code_challenge_method") !== "S256") return new Response("PKCE is a must", { status: 400 });
    const code = crypto.randomUUID();
    this.#logins.set(code, {
      clientId: client.id,
      redirectUri: asked.get("redirect_uri") ?? "",
      challenge: asked.get("code_challenge") ?? "",
      nonce: asked.get("nonce") ?? "",
      person: this.person,
    });
    const back = new URL(asked.get("redirect_uri") ?? "");
    back.searchParams.set(this.lies.error ? "error" : "code", this.lies.error ?? code);
    back.searchParams.set("state", asked.get("state") ?? "");
    const iss = this.lies.iss === undefined ? this.issuer : this.lies.iss;
    if (iss !== null) back.searchParams.set("iss", iss);
    return new Response(null, { status: 302, headers: { Location: back.href } });
  }

  async #exchange(request: Request): Promise<Response> {
    const form = new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer()));
    const login = this.#logins.get(form.get("code") ?? "");
    this.#logins.delete(form.get("code") ?? "");
    const proof = new TextEncoder().encode(form.get("code_verifier") ?? "");
    const challenge = base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", proof)));
    const known =
      this.clients.some(({ id, secret }) => id === login?.clientId && isBasic(request.headers, id, secret)) ||
      (await this.#isTrusted(form.get("client_assertion") ?? ""));
    if (!known) return Response.json({ error: "invalid_client" }, { status: 401 });
    if (!login || login.challenge !== challenge || login.redirectUri !== form.get("redirect_uri")) {
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    }
    const claims = { aud: login.clientId, nonce: login.nonce, ...login.person, ...this.lies.idToken };
    const idToken = await this.token(claims, { typ: this.lies.idTokenType ?? "JWT" });
    return Response.json({ access_token: "opaque", token_type: "Bearer", id_token: idToken });
  }

  async #isTrusted(assertion: string): Promise<boolean> {
    const { clientId, keys = [] } = this.trusts ?? {};
    const checks = {
      issuer: clientId ?? "",
      subject: clientId ?? "",
      audience: this.issuer,
      maxTokenAge: 90,
    };
    const [key] = await Promise.all(keys.map((jwk) => importJWK(jwk, "ES256")));
    return (
      key !== undefined &&
      (await jwtVerify(assertion, key, checks).then(
        () => true,
        () => false,
      ))
    );
  }
}

const written = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1);

const isBasic = (headers: Headers, id: string, secret: string): boolean =>
  headers.get("Authorization") === `Basic ${btoa(`${written(id)}:${written(secret)}`)}`;
