import { applyD1Migrations, env } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { AuthorizationServer } from "../support/authorization_server.ts";
import { ProtectedServer } from "../support/protected_server.ts";

const { default: worker } = exports as unknown as { default: Fetcher };
export const origin = env.PUBLIC_ORIGIN;

// biome-ignore lint/suspicious/noExplicitAny: what the API answers is checked by the tests
type Body = any;

/** Everything that went out to the world, and who was there to answer. */
export class World {
  readonly hosts = new Map<string, (request: Request) => Response | Promise<Response>>();
  readonly sent: string[] = [];

  /** The whole Worker over real D1 and objects; only the world outside is ours. */
  static async start(): Promise<World> {
    await applyD1Migrations(env.DB, env.MIGRATIONS);
    const world = new World();
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input as RequestInfo, init as RequestInit);
      world.sent.push(`${request.method} ${request.url}`);
      const host = new URL(request.url).host;
      // What an authorization server reads of a client, it reads of this Worker.
      if (host === new URL(origin).host) return worker.fetch(request);
      const answer = world.hosts.get(host);
      if (!answer) throw new TypeError("connection refused");
      return answer(request);
    });
    return world;
  }

  /** A server and the authorization server that it names, both new; the latter where it is told to be. */
  upstream(issuer?: string): { server: ProtectedServer; gives: AuthorizationServer } {
    const name = crypto.randomUUID();
    const at = issuer ?? `https://as-${name}.example`;
    const gives = new AuthorizationServer(at, (input, init) => fetch(input, init));
    const server = new ProtectedServer(`https://mcp-${name}.example/mcp`, () => gives);
    this.hosts.set(new URL(at).host, (request) => gives.handle(request));
    this.hosts.set(`mcp-${name}.example`, (request) => server.handle(request));
    return { server, gives };
  }
}

/** Somebody in a browser: signed in by cookie. */
export class Person {
  readonly id: string;
  readonly team: string;
  readonly token: string;

  constructor(id: string, team: string, token: string) {
    this.id = id;
    this.team = team;
    this.token = token;
  }

  static async signUp(): Promise<Person> {
    const email = `${crypto.randomUUID()}@example.com`;
    const password = "correct horse battery";
    const signed = await rest(null, "POST", "/v1/signup", { email, password, team: "Connectors" });
    expect(signed.status, signed.text).toBe(201);
    return new Person(signed.body.user.id, signed.body.team.slug, signed.body.token);
  }

  /** The same person, in another's team. */
  async joins(other: Person, role = "viewer"): Promise<Person> {
    await env.DB.prepare(
      "INSERT INTO member (team_id, user_id, role, created_at) SELECT id, ?1, ?2, 1 FROM team WHERE slug = ?3",
    )
      .bind(this.id, role, other.team)
      .run();
    return new Person(this.id, other.team, this.token);
  }

  ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: Body; text: string }> {
    return rest(this.token, method, `/v1/teams/${this.team}${path}`, body);
  }

  async must(status: number, method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await this.ask(method, path, body);
    expect(answer.status, answer.text).toBe(status);
    return answer.body;
  }

  /** Follows an address as a browser does, from place to place, and says where it ends. */
  async browse(address: string): Promise<string> {
    let at = address;
    for (let hops = 0; hops < 5; hops++) {
      const ours = new URL(at).origin === origin;
      const headers: HeadersInit = ours ? { Cookie: `__Host-session=${this.token}` } : {};
      const request = new Request(at, { headers, redirect: "manual" });
      const answer = ours ? await worker.fetch(request) : await fetch(request);
      await answer.body?.cancel();
      const next = answer.headers.get("Location");
      if (next === null) return `${answer.status} ${at}`;
      at = new URL(next, at).href;
    }
    throw new Error("the redirects do not end");
  }

  async connect(server: string, as = ""): Promise<string> {
    const { authorize_url } = await this.must(200, "POST", `/servers/${server}/connect${as}`);
    return this.browse(authorize_url);
  }

  /** A grant for a server, with everything permitted; what it calls, and what comes of it. */
  async agent(server: string, member: string | null = null): Promise<Agent> {
    const named = await this.ask("POST", `/servers/${server}/policies`, {
      name: "Open",
      document: { version: "1", default: "allow" },
    });
    expect([201, 409]).toContain(named.status);
    const grant = await this.must(201, "POST", "/grants", {
      label: "agent",
      servers: [{ server, policy: "open" }],
      ...(member === null ? {} : { member }),
    });
    return new Agent(`${origin}/mcp/${this.team}/${server}`, grant.token);
  }
}

export class Agent {
  readonly #url: string;
  readonly #token: string;
  #session: string | null = null;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  async call(name = "whoami"): Promise<{ status: number; text: string; body: Body }> {
    const answer = await this.#post("tools/call", { name, arguments: {} });
    const text = await answer.text();
    return { status: answer.status, text, body: text.startsWith("{") ? JSON.parse(text) : null };
  }

  /** Opens a session, as a client that can send its user to a page. */
  async initialize(): Promise<void> {
    const answer = await this.#post("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: { elicitation: { url: {} } },
      clientInfo: { name: "t", version: "1" },
    });
    await answer.body?.cancel();
    this.#session = answer.headers.get("Mcp-Session-Id");
  }

  #post(method: string, params: unknown): Promise<Response> {
    const headers = new Headers({
      Authorization: `Bearer ${this.#token}`,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": "2025-11-25",
    });
    if (this.#session !== null) headers.set("Mcp-Session-Id", this.#session);
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    return worker.fetch(new Request(this.#url, { method: "POST", headers, body }));
  }

  /** One message of the newest revision, from a client that can send its user to a page. */
  async send(params: Record<string, unknown>): Promise<Body> {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": { elicitation: { url: {} } },
    };
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { ...params, _meta: meta } };
    const answer = await worker.fetch(
      new Request(this.#url, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${this.#token}`,
          "Content-Type": "application/json",
          Accept: "application/json, text/event-stream",
          "MCP-Protocol-Version": "2026-07-28",
          "Mcp-Method": "tools/call",
          "Mcp-Name": String(params["name"]),
        },
        body: JSON.stringify(message),
      }),
    );
    return answer.json();
  }

  /** Whose account the server saw, or the error's message. */
  async whoami(): Promise<string> {
    const { body, status, text } = await this.call();
    return body?.result?.content[0].text ?? body?.error?.message ?? `${status} ${text}`;
  }
}

async function rest(token: string | null, method: string, path: string, body?: unknown) {
  const headers = new Headers(body === undefined ? {} : { "Content-Type": "application/json" });
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const answer = await worker.fetch(new Request(`${origin}${path}`, init));
  const text = await answer.text();
  return { status: answer.status, text, body: text === "" ? null : JSON.parse(text) };
}
