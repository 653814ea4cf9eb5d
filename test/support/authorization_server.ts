import { createHash, randomUUID } from "node:crypto";

interface Code {
  readonly account: string;
  readonly challenge: string;
  readonly client: string;
  readonly redirectUri: string;
  readonly resource: string;
  readonly scope: string;
}

interface Family extends Pick<Code, "account" | "client" | "resource"> {
  scope: string;
  refresh: string;
  ended: boolean;
}

interface Access {
  readonly family: Family;
  readonly expiresAtMs: number;
}

interface Client {
  readonly redirectUris: readonly string[];
  readonly secret: string | null;
}

/** What a test changes of it; the rest is as a well-kept server has it. */
export interface Traits {
  /** Over its metadata; undefined takes a member out. */
  metadata: Record<string, unknown>;
  /** Over every token response. */
  tokens: Record<string, unknown>;
  accessSeconds: number | null;
  /** Refresh tokens are given at all, and are good for one use. */
  refreshes: boolean;
  tokenDelayMs: number;
  /** Answers token requests instead. */
  tokenAnswer: (() => Response) | null;
  /** Over what the authorization response says. */
  response: Record<string, string>;
  readsClients: boolean;
  /** Over what it answers to a registration. */
  registration: Record<string, unknown>;
}

const traits = (): Traits => ({
  metadata: {},
  tokens: {},
  accessSeconds: 3_600,
  refreshes: true,
  tokenDelayMs: 0,
  tokenAnswer: null,
  response: {},
  readsClients: true,
  registration: {},
});

/**
 * An OAuth 2.1 authorization server of our own: PKCE, resource indicators, dynamic registration, client metadata documents,
 * refresh rotation with reuse detection, revocation. Whoever comes to `/authorize` is `signedIn` and agrees at once.
 */
export class AuthorizationServer {
  readonly issuer: string;
  readonly traits = traits();
  /** Whose account the next authorization is for. */
  signedIn = "ada";
  /** Every token request, in order. */
  readonly tokenRequests: URLSearchParams[] = [];
  readonly registrations: Record<string, unknown>[] = [];
  readonly #codes = new Map<string, Code>();
  readonly #families: Family[] = [];
  readonly #used = new Map<string, Family>();
  readonly #access = new Map<string, Access>();
  readonly #clients = new Map<string, Client>();
  readonly #fetch: typeof fetch;

  constructor(issuer: string, fetch: typeof globalThis.fetch) {
    this.issuer = issuer;
    this.#fetch = fetch;
  }

  /** A client that somebody has registered by hand. */
  preset(id: string, secret: string, redirectUri: string): void {
    this.#clients.set(id, { redirectUris: [redirectUri], secret });
  }

  /** Whose token it is, and what it may do; null for one that is not good. */
  accepts(token: string, resource: string): { account: string; scope: string } | null {
    const access = this.#access.get(token);
    const good = access && !access.family.ended && access.family.resource === resource;
    return good && Date.now() < access.expiresAtMs ? access.family : null;
  }

  /** Takes back all that was given to an account. */
  revoke(account: string): void {
    for (const family of this.#families) if (family.account === account) family.ended = true;
  }

  /** Has every access token run out now; refresh tokens stay good. */
  expireAccess(): void {
    this.#access.clear();
  }

  /** How many of an account's sign-ins stand. */
  standing(account: string): number {
    return this.#families.filter((family) => family.account === account && !family.ended).length;
  }

  /** Every secret that it has given out. */
  get secrets(): string[] {
    const clients = [...this.#clients.values()].flatMap(({ secret }) => secret ?? []);
    return [
      ...this.#access.keys(),
      ...this.#used.keys(),
      ...this.#families.map(({ refresh }) => refresh),
      ...clients,
    ];
  }

  async handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.slice(new URL(this.issuer).pathname.replace(/\/$/, "").length);
    switch (`${request.method} ${path}`) {
      case "GET /authorize":
        return this.#authorize(url);
      case "POST /token":
        return this.#token(request);
      case "POST /register":
        return this.#register(await request.json());
      case "POST /revoke":
        return this.#revoke(new URLSearchParams(await request.text()));
      default:
        return url.pathname.startsWith("/.well-known/oauth-authorization-server")
          ? Response.json(this.#metadata())
          : new Response("no such page", { status: 404 });
    }
  }

  #metadata(): Record<string, unknown> {
    const { metadata, readsClients } = this.traits;
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      registration_endpoint: `${this.issuer}/register`,
      revocation_endpoint: `${this.issuer}/revoke`,
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: readsClients,
      ...metadata,
    };
  }

  async #clientOf(id: string): Promise<Client | null> {
    const known = this.#clients.get(id);
    if (known || !this.traits.readsClients || !URL.canParse(id)) return known ?? null;
    const document = (await (await this.#fetch(id)).json()) as Record<string, unknown>;
    return document["client_id"] === id
      ? { redirectUris: document["redirect_uris"] as string[], secret: null }
      : null;
  }

  async #authorize(url: URL): Promise<Response> {
    const asked = (name: string): string => url.searchParams.get(name) ?? "";
    const client = await this.#clientOf(asked("client_id"));
    const redirectUri = asked("redirect_uri");
    if (!client?.redirectUris.includes(redirectUri)) return new Response("unknown client", { status: 400 });
    if (asked("code_challenge_method") !== "S256" || !asked("code_challenge") || !asked("resource")) {
      return new Response("PKCE and a resource are needed", { status: 400 });
    }
    const code = randomUUID();
    this.#codes.set(code, {
      account: this.signedIn,
      challenge: asked("code_challenge"),
      client: asked("client_id"),
      redirectUri,
      resource: asked("resource"),
      scope: asked("scope"),
    });
    const back = new URL(redirectUri);
    const names = this.#metadata()["authorization_response_iss_parameter_supported"] === true;
    const answer = {
      code,
      state: asked("state"),
      ...(names && { iss: this.issuer }),
      ...this.traits.response,
    };
    for (const [name, value] of Object.entries(answer)) back.searchParams.set(name, value);
    return new Response(null, { status: 302, headers: { Location: back.href } });
  }

  async #token(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    this.tokenRequests.push(form);
    const { tokenDelayMs, tokenAnswer } = this.traits;
    if (tokenDelayMs > 0) await new Promise((done) => setTimeout(done, tokenDelayMs));
    if (tokenAnswer) return tokenAnswer();
    const [id, secret] = credentialsOf(request.headers, form);
    const client = await this.#clientOf(id);
    if (!client || client.secret !== secret) return refused("invalid_client", 401);
    return form.get("grant_type") === "refresh_token" ? this.#refresh(form, id) : this.#exchange(form, id);
  }

  #exchange(form: URLSearchParams, client: string): Response {
    const code = this.#codes.get(form.get("code") ?? "");
    this.#codes.delete(form.get("code") ?? "");
    const verifier = form.get("code_verifier") ?? "";
    const proved = createHash("sha256").update(verifier).digest("base64url") === code?.challenge;
    const same = code?.client === client && code.redirectUri === form.get("redirect_uri");
    if (!code || !proved || !same || code.resource !== form.get("resource")) return refused("invalid_grant");
    const { account, resource, scope } = code;
    const family = { account, client, resource, scope, refresh: "", ended: false };
    this.#families.push(family);
    return this.#give(family);
  }

  #refresh(form: URLSearchParams, client: string): Response {
    const token = form.get("refresh_token") ?? "";
    const reused = this.#used.get(token);
    // RFC 9700 §4.14.2: somebody has used it before, and nobody knows which of the two is the thief.
    if (reused) reused.ended = true;
    const family = this.#families.find((one) => one.refresh === token && one.client === client && !one.ended);
    if (!family) return refused("invalid_grant");
    this.#used.set(token, family);
    return this.#give(family);
  }

  #give(family: Family): Response {
    const { accessSeconds, refreshes, tokens } = this.traits;
    const access = `at-${randomUUID()}`;
    if (refreshes) family.refresh = `rt-${randomUUID()}`;
    this.#access.set(access, { family, expiresAtMs: Date.now() + (accessSeconds ?? 3_600) * 1000 });
    return Response.json({
      access_token: access,
      token_type: "Bearer",
      scope: family.scope,
      ...(accessSeconds !== null && { expires_in: accessSeconds }),
      ...(refreshes && { refresh_token: family.refresh }),
      ...tokens,
    });
  }

  #register(asked: Record<string, unknown>): Response {
    this.registrations.push(asked);
    const id = `client-${randomUUID()}`;
    const secret = asked["token_endpoint_auth_method"] === "none" ? null : `cs-${randomUUID()}`;
    this.#clients.set(id, { redirectUris: asked["redirect_uris"] as string[], secret });
    const kept = { client_id: id, ...(secret !== null && { client_secret: secret }) };
    const given = { ...asked, ...kept, ...this.traits.registration };
    return Response.json(given, { status: 201 });
  }

  #revoke(form: URLSearchParams): Response {
    const token = form.get("token") ?? "";
    const family = this.#families.find((one) => one.refresh === token) ?? this.#access.get(token)?.family;
    if (family) family.ended = true;
    return new Response(null, { status: 200 });
  }
}

const refused = (error: string, status = 400): Response => Response.json({ error }, { status });

function credentialsOf(headers: Headers, form: URLSearchParams): [id: string, secret: string | null] {
  const basic = /^Basic (.+)$/.exec(headers.get("Authorization") ?? "")?.[1];
  if (basic === undefined) return [form.get("client_id") ?? "", form.get("client_secret")];
  const [id = "", secret = ""] = Buffer.from(basic, "base64").toString().split(":");
  const read = (text: string): string => new URLSearchParams(`x=${text}`).get("x") ?? "";
  return [read(id), read(secret)];
}
