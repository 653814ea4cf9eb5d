import { env } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { decodeJwt } from "jose";
import { expect } from "vitest";
import type { TeamId, UserId } from "../../src/id.ts";
import { mintSession } from "../../src/identity/session.ts";
import { type OAuthServer, oauthServer } from "../../src/oauth/server.ts";
import { ControlPlane, type Person } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";

/** This Worker's own origin, so that what the authorization server gives out is good at its gateway. */
export const origin = env.PUBLIC_ORIGIN;
export const callback = "http://127.0.0.1:5555/callback";

export const verifier = "a".repeat(50);
export const challengeOf = (text: string): string => createHash("sha256").update(text).digest("base64url");

const { default: worker } = exports as unknown as { default: Fetcher };

// biome-ignore lint/suspicious/noExplicitAny: what a test asserts is its own business
export type Json = any;

/** A team with a server and a policy, an authorization server whose clock can be set, and people with browsers. */
export class OAuthSetting {
  readonly plane: ControlPlane;
  readonly team: TeamSetting;
  /** What answers a fetch of the server's; nothing does by itself. */
  readonly web = new Map<string, () => Response>();
  readonly fetched: string[] = [];
  laterMs = 0;
  readonly #server: OAuthServer;

  private constructor(plane: ControlPlane, team: TeamSetting) {
    this.plane = plane;
    this.team = team;
    this.#server = this.serverAt(origin);
  }

  /** A server of that origin. */
  serverAt(own: string): OAuthServer {
    const { plane } = this;
    return oauthServer({
      db: env.DB,
      gate: plane.deps.gate,
      tell: async (of, events) => {
        await plane.deps.log(of).append(events);
      },
      throttle: plane.deps.throttle,
      assertion: async () => null,
      keys: plane.deps.keys,
      origin: own,
      fetch: {
        fetch: async (input) => {
          const url = input instanceof URL ? input.href : String(input);
          this.fetched.push(url);
          return this.web.get(url)?.() ?? new Response("none", { status: 404 });
        },
        rules: { allowLoopback: false, ownOrigin: origin },
      },
      now: () => Date.now() + this.laterMs,
      random: plane.deps.random,
    });
  }

  static async start(): Promise<OAuthSetting> {
    const plane = await ControlPlane.start();
    const team = await TeamSetting.on(plane);
    await team.server("Tools");
    await team.policy("tools", "Open");
    return new OAuthSetting(plane, team);
  }

  /** The same with a team of its own. */
  async ofAnotherTeam(): Promise<OAuthSetting> {
    const team = await TeamSetting.on(this.plane, "Another");
    await team.server("Tools");
    await team.policy("tools", "Open");
    return new OAuthSetting(this.plane, team);
  }

  get resource(): string {
    return `${origin}/mcp/${this.team.person.team.slug}/tools`;
  }

  ask(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#server(new Request(`${origin}${path}`, init));
  }

  /** The whole Worker, as the world reaches it. */
  reach(path: string, init: RequestInit = {}): Promise<Response> {
    return worker.fetch(new Request(new URL(path, origin), { redirect: "manual", ...init }));
  }

  /** What a person's browser sends along. */
  async cookie(person: Pick<Person, "id" | "token">): Promise<string> {
    const { jti = "", exp = 0 } = decodeJwt(person.token);
    const session = { user: person.id as UserId, jti, expiresAtMs: exp * 1000 };
    const { keys } = this.plane.deps;
    return `__Host-session=${await mintSession(session, keys, origin, Date.now())}`;
  }

  async register(metadata: object = {}): Promise<Json> {
    const body = { client_name: "Editor", redirect_uris: [callback], token_endpoint_auth_method: "none" };
    const answer = await this.ask("/register", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...body, ...metadata }),
    });
    return answer.json();
  }

  /** The address that a client sends its person to. */
  authorizePath(clientId: string, change: Record<string, string | undefined> = {}): string {
    const parameters = {
      response_type: "code",
      client_id: clientId,
      redirect_uri: callback,
      state: "s1",
      code_challenge: challengeOf(verifier),
      code_challenge_method: "S256",
      resource: this.resource,
      ...change,
    };
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) search.set(name, value);
    return `/authorize?${search.toString()}`;
  }

  async open(person: Person, path: string): Promise<{ response: Response; text: string }> {
    const response = await this.ask(path, { headers: { Cookie: await this.cookie(person) } });
    return { response, text: await response.text() };
  }

  /** Sends the page's form, as the browser would. */
  async answer(
    person: Person,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.ask("/authorize", {
      method: "POST",
      headers: {
        Cookie: await this.cookie(person),
        "Content-Type": "application/x-www-form-urlencoded",
        Origin: origin,
        "Sec-Fetch-Site": "same-origin",
        ...headers,
      },
      body: new URLSearchParams(form).toString(),
    });
  }

  /** Walks the page to its end, and gives where the browser was sent. */
  async consent(
    clientId: string,
    change: Record<string, string | undefined> = {},
    person = this.team.person,
    policy?: string,
  ): Promise<URL> {
    const { text } = await this.open(person, this.authorizePath(clientId, change));
    const chosen = policy ?? policiesIn(text)[0] ?? "none";
    const answer = await this.answer(person, { ticket: ticketIn(text), policy: chosen, answer: "allow" });
    expect([answer.status, answer.status === 303 ? "" : await answer.text()]).toEqual([303, ""]);
    return new URL(answer.headers.get("Location") ?? "");
  }

  async token(form: Record<string, string>, headers: Record<string, string> = {}) {
    const answer = await this.ask("/token", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
      body: new URLSearchParams(form).toString(),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Json };
  }

  redeem(clientId: string, code: string, change: Record<string, string> = {}) {
    return this.token({
      grant_type: "authorization_code",
      client_id: clientId,
      code,
      redirect_uri: callback,
      code_verifier: verifier,
      resource: this.resource,
      ...change,
    });
  }

  refresh(clientId: string, refreshToken: string, change: Record<string, string> = {}) {
    return this.token({
      grant_type: "refresh_token",
      client_id: clientId,
      refresh_token: refreshToken,
      ...change,
    });
  }

  /** A client that a person has agreed to, with its tokens. */
  async signedIn(person = this.team.person, metadata: object = {}): Promise<{ client: Json; tokens: Json }> {
    const client = await this.register(metadata);
    const back = await this.consent(client.client_id, {}, person);
    const { status, body } = await this.redeem(client.client_id, back.searchParams.get("code") ?? "");
    expect(status, JSON.stringify(body)).toBe(200);
    return { client, tokens: body };
  }

  /** How the gateway answers a call with that token: what the server would say, 502 because there is none, or our refusal. */
  async call(token: string, path = new URL(this.resource).pathname): Promise<Response> {
    return this.reach(path, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/json",
        Accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "none" } }),
    });
  }

  /** The team's grants, newest first. */
  async grants(): Promise<Json[]> {
    const { items } = await this.team.must(200, "GET", "/grants?limit=200");
    return items.toReversed();
  }

  events(): Promise<Json[]> {
    return this.plane.deps.log(this.team.person.team.id as TeamId).events(null, 100) as Promise<Json>;
  }
}

export const ticketIn = (page: string): string => /name="ticket" value="([^"]+)"/.exec(page)?.[1] ?? "none";
export const policiesIn = (page: string): string[] =>
  [...page.matchAll(/name="policy" value="([^"]+)"/g)].map(([, id]) => id ?? "");
