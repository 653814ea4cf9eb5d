import { randomBytes } from "node:crypto";
import * as z from "zod";
import { demoPolicy } from "./demo-policy.ts";
import { Rest } from "./rest.ts";
import type { State } from "./state.ts";
import { Trouble } from "./trouble.ts";

const fileName = "demo.json";
const record = z.object({
  email: z.string(),
  password: z.string(),
  team: z.string().optional(),
  server: z.string().optional(),
  grant: z.string().optional(),
  token: z.string().optional(),
});
type Record = z.infer<typeof record>;

const session = z.object({ token: z.string() });
const teams = z.object({ teams: z.array(z.object({ slug: z.string() })) });
const server = z.object({ id: z.string(), slug: z.string(), url: z.string() });
const urls = z.object({ gateway_url: z.string(), key_url: z.string() });
const minted = z.object({ id: z.string(), token: z.string() });
const reissued = z.object({ token: z.string() });

export interface Team {
  readonly email: string;
  readonly password: string;
  readonly slug: string;
}

export interface Gateway {
  /** The demo server's own address, behind the gateway. */
  readonly upstream: string;
  readonly gatewayUrl: string;
  readonly keyUrl: string;
  readonly token: string;
  /** Whether a token given out earlier had to be replaced. */
  readonly renewed: boolean;
}

/** The demo team, kept between starts: each step is remembered, so that one that was cut short goes on where it was. */
export class Demo {
  readonly #state: State;
  readonly #origin: string;
  #record: Record;
  #rest: Rest;

  constructor(state: State, origin: string) {
    this.#state = state;
    this.#origin = origin;
    this.#rest = new Rest(origin);
    this.#record = state.readJson(fileName, record) ?? {
      email: "demo@example.com",
      password: randomBytes(18).toString("base64url"),
    };
    this.#remember({});
  }

  /** Signs in, or up where nobody has yet. */
  async team(): Promise<Team> {
    const { email, password } = this.#record;
    const login = await this.#rest.call("POST", "/v1/login", { email, password });
    const answer = login.status === 200 ? login.body : await this.#signUp();
    this.#rest = new Rest(this.#origin, session.parse(answer).token);
    const [first] = (await this.#rest.must(teams, "GET", "/v1/me")).teams;
    if (!first) throw new Trouble(`The demo's user belongs to no team any more. ${this.#startOver()}`);
    this.#remember({ team: first.slug });
    return { email, password, slug: first.slug };
  }

  async #signUp(): Promise<unknown> {
    const { email, password } = this.#record;
    const answer = await this.#rest.call("POST", "/v1/signup", { email, password, team: "Demo" });
    if (answer.status === 201) return answer.body;
    const why = `${answer.status} ${JSON.stringify(answer.body)}`;
    throw new Trouble(`The demo team can neither sign in nor sign up (${why}). ${this.#startOver()}`);
  }

  /** Registers the demo server at `upstream` with a policy and a grant, or mends what changed since the last start. */
  async gateway(team: Team, upstream: string): Promise<Gateway> {
    const base = `/v1/teams/${team.slug}`;
    const at = await this.#server(base, upstream);
    const found = await this.#rest.must(urls, "GET", `${base}/servers/${at}`);
    const before = this.#record.token;
    const token = await this.#token(base, at, found.gateway_url);
    return {
      upstream,
      gatewayUrl: found.gateway_url,
      keyUrl: found.key_url,
      token,
      renewed: before !== undefined && before !== token,
    };
  }

  async #server(base: string, url: string): Promise<string> {
    const known = this.#record.server;
    const kept = known ? await this.#rest.call("GET", `${base}/servers/${known}`) : null;
    if (known && kept?.status === 200) {
      if (server.parse(kept.body).url === url) return known;
      await this.#rest.must(z.unknown(), "PATCH", `${base}/servers/${known}`, { url });
      return known;
    }
    const body = { name: "cmux", url, auth: { type: "none" } };
    const made = await this.#rest.must(server, "POST", `${base}/servers`, body);
    const policy = { name: "demo", document: demoPolicy };
    await this.#rest.must(z.unknown(), "POST", `${base}/servers/${made.id}/policies`, policy);
    this.#remember({ server: made.id, grant: undefined, token: undefined });
    return made.id;
  }

  /** The token of last time where the gateway still takes it (another port is another issuer), else a new one. */
  async #token(base: string, at: string, gatewayUrl: string): Promise<string> {
    const { grant, token } = this.#record;
    if (token && (await isTaken(gatewayUrl, token))) return token;
    const rotated = grant ? await this.#rest.call("POST", `${base}/grants/${grant}/rotate`, {}) : null;
    if (rotated && rotated.status < 300) {
      const fresh = reissued.parse(rotated.body).token;
      this.#remember({ token: fresh });
      return fresh;
    }
    const body = { label: "demo agent", servers: [{ server: at, policy: "demo" }] };
    const made = await this.#rest.must(minted, "POST", `${base}/grants`, body);
    this.#remember({ grant: made.id, token: made.token });
    return made.token;
  }

  #remember(change: { [K in keyof Record]?: Record[K] | undefined }): void {
    this.#record = record.parse({ ...this.#record, ...change });
    this.#state.writeJson(fileName, this.#record);
  }

  #startOver(): string {
    return `To begin again with an empty gateway, delete ${this.#state.dir}.`;
  }
}

async function isTaken(gatewayUrl: string, token: string): Promise<boolean> {
  const response = await fetch(gatewayUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
  });
  await response.body?.cancel();
  return response.status !== 401 && response.status !== 404;
}
