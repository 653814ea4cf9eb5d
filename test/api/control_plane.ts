import { applyD1Migrations, env } from "cloudflare:test";
import { expect } from "vitest";
import type { ApiDeps } from "../../src/api/deps.ts";
import { operations } from "../../src/api/operations.ts";
import { restApi } from "../../src/api/rest.ts";
import { type Fault, fault, isFault } from "../../src/fault.ts";
import type { ConnectionId } from "../../src/id.ts";
import { readSigningKeys } from "../../src/identity/keys.ts";
import type { Mail, MailPort } from "../../src/identity/mail.ts";
import type { AccountStub } from "../../src/upstream/account.ts";
import type { Look, SeenTool } from "../../src/upstream/enrol.ts";
import { platformFetch } from "../../src/upstream/fetch.ts";
import { judgeUrl } from "../../src/upstream/guard.ts";
import { AccessTokens, signIn } from "../../src/upstream/sign_in.ts";
import { parseMasterKeys } from "../../src/upstream/vault.ts";

export const origin = "https://gateway.example";

/** An answer of the API: parsed, and already checked against what its operation declares. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what `declared` has checked
  readonly body: any;
}

interface Asked {
  readonly token?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

/** Where somebody was turned away, on any control plane of this file. */
export const turnedAway: string[] = [];

/** A control plane over real D1 and real objects; only upstreams are made up. */
export class ControlPlane {
  readonly deps: ApiDeps;
  /** What each upstream URL shows to a look. */
  readonly upstreams = new Map<string, Look | Fault>();
  readonly looks: { url: string; headers: Readonly<Record<string, string>> }[] = [];
  /** What was sent; no mailer is there to take it. */
  readonly mails: Mail[] = [];
  readonly #api: ReturnType<typeof restApi>;

  readonly #behind: Promise<unknown>[] = [];

  private constructor(deps: Omit<ApiDeps, "look" | "mail" | "behind">, change: Partial<ApiDeps>) {
    const look: ApiDeps["look"] = async (url, headers) => {
      this.looks.push({ url, headers });
      return this.upstreams.get(url) ?? fault("invalid", "This address is not allowed.");
    };
    const mail: MailPort = {
      send: async (mail) => {
        this.mails.push(mail);
        return "sent";
      },
    };
    const behind = (work: Promise<unknown>): void => {
      this.#behind.push(work);
    };
    this.deps = { ...deps, look, mail, behind, ...change };
    this.#api = restApi(this.deps);
  }

  static async start(change: Partial<ApiDeps> = {}): Promise<ControlPlane> {
    await applyD1Migrations(env.DB, env.MIGRATIONS);
    const masterKeys = parseMasterKeys(env.MASTER_KEYS);
    if (isFault(masterKeys)) throw new Error(masterKeys.detail);
    const account = (connection: ConnectionId) =>
      env.ACCOUNTS.get(env.ACCOUNTS.idFromName(connection)) as unknown as AccountStub;
    return new ControlPlane(
      {
        db: env.DB,
        gate: (grant) => env.GATES.get(env.GATES.idFromName(grant)),
        log: (team) => env.LOGS.get(env.LOGS.idFromName(team)),
        judgeUrl: (url) => {
          const judged = judgeUrl(url, { allowLoopback: false, ownOrigin: origin });
          return isFault(judged) ? judged : null;
        },
        approvals: (grant) => env.GATES.get(env.GATES.idFromName(grant)),
        inbox: (team) => env.LOGS.get(env.LOGS.idFromName(team)),
        keys: await readSigningKeys(env.SIGNING_KEYS),
        origin,
        masterKeys,
        throttle: (subject) => env.THROTTLES.get(env.THROTTLES.idFromName(subject)),
        account,
        signIn: (at, credential) =>
          signIn({ master: masterKeys, account, kept: new AccessTokens(), now: Date.now }, at, credential),
        // As the objects fetch: a test that has servers stands in for the world outside.
        fetch: { fetch: platformFetch, rules: { allowLoopback: false, ownOrigin: origin } },
        refusals: { unknown: (surface) => turnedAway.push(surface) },
        now: () => Date.now(),
        random: (count) => crypto.getRandomValues(new Uint8Array(count)),
      },
      change,
    );
  }

  /** The same control plane with something of it changed; upstreams are its own. */
  with(change: Partial<ApiDeps>): ControlPlane {
    return new ControlPlane(this.deps, { look: this.deps.look, mail: this.deps.mail, ...change });
  }

  /** The answer as it comes, for what streams. */
  async open(path: string, asked: Asked = {}): Promise<Response> {
    const headers = new Headers(asked.headers);
    if (asked.token) headers.set("Authorization", `Bearer ${asked.token}`);
    return this.#api.fetch(new Request(`${origin}${path}`, { headers }));
  }

  async ask(method: string, path: string, asked: Asked = {}): Promise<Answered> {
    const headers = new Headers(asked.headers);
    if (asked.token) headers.set("Authorization", `Bearer ${asked.token}`);
    const sent = asked.text ?? (asked.body === undefined ? null : JSON.stringify(asked.body));
    if (sent !== null && !headers.has("Content-Type")) headers.set("Content-Type", "application/json");
    const request = new Request(`${origin}${path}`, { method, headers, body: sent });
    const response = await this.#api.fetch(request);
    const text = new TextDecoder().decode(await response.arrayBuffer());
    const isJson = /\bjson$/.test(response.headers.get("Content-Type") ?? "");
    const body = text === "" ? null : isJson ? JSON.parse(text) : text;
    declared(method, path, response, body);
    await Promise.all(this.#behind.splice(0));
    return { status: response.status, headers: response.headers, text, body };
  }

  /** What the link of the last invitation to an address holds. */
  invitationTo = (email: string): string => this.linkTo(email, "invitations");

  /** What the last link to a page holds that was mailed to an address. */
  linkTo(email: string, page: string): string {
    const links = this.mails
      .filter(({ to }) => to === email)
      .map(({ text }) => new RegExp(`/${page}#(\\S+)`).exec(text)?.[1]);
    return links.findLast((link) => link !== undefined) ?? "none";
  }

  /** Signs a new person up with a team, and confirms their address; a fresh one each time. */
  async signUp(team = "Acme"): Promise<Person> {
    const email = `${crypto.randomUUID()}@example.com`;
    const password = "correct horse battery";
    const { status, body } = await this.ask("POST", "/v1/signup", { body: { email, password, team } });
    expect(status).toBe(201);
    const token = this.linkTo(email, "confirm-email");
    await this.ask("POST", "/v1/email/confirm", { body: { token } });
    return { email, password, token: body.token, id: body.user.id, team: body.team };
  }
}

export interface Person {
  readonly email: string;
  readonly password: string;
  readonly token: string;
  readonly id: string;
  readonly team: { readonly id: string; readonly slug: string; readonly name: string };
}

/** Fails where an answer is not one that its operation declares, or a problem is not RFC 9457. */
function declared(method: string, path: string, response: Response, body: unknown): void {
  expect(response.headers.get("X-Request-Id")).toMatch(/^req_/);
  if (response.status >= 400) {
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(body).toMatchObject({
      type: expect.stringContaining(origin),
      title: expect.any(String),
      status: response.status,
      code: expect.any(String),
      detail: expect.any(String),
      request_id: response.headers.get("X-Request-Id"),
    });
    return;
  }
  const [pathname = ""] = path.split("?");
  const operation = operations.find(
    (one) =>
      one.method === method.toLowerCase() &&
      new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(pathname),
  );
  const shape = operation?.answers[response.status];
  expect(shape, `${method} ${path} declares ${response.status}`).not.toBeUndefined();
  if (shape === null) expect(body).toBeNull();
  else expect(shape?.safeParse(body).error?.issues ?? []).toEqual([]);
}

/** A tool as a look would report it. */
export const seenTool = (name: string, change: Partial<SeenTool> = {}): SeenTool => ({
  name,
  hash: "a".repeat(64),
  definition: JSON.stringify({ inputSchema: { type: "object" }, name }),
  category: "Read",
  level: "low",
  flags: [],
  evidence: [],
  ...change,
});

export const ready = (...tools: SeenTool[]): Look => ({ state: "ready", tools, dropped: [] });
