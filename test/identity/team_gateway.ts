import { env } from "cloudflare:test";
import type { GateStub } from "../../src/gate/rpc.ts";
import type { GatewayDeps } from "../../src/gateway/exchange.ts";
import { issuedBy, teamIssuers } from "../../src/gateway/issued.ts";
import { serve } from "../../src/gateway/pipeline.ts";
import { RequestStates } from "../../src/gateway/request_state.ts";
import { Sessions } from "../../src/gateway/session.ts";
import { Settlements } from "../../src/gateway/settlement.ts";
import type { TeamIssuers } from "../../src/identity/team_issuers.ts";
import { VerifiedTokens } from "../../src/identity/verified.ts";
import { Traffic } from "../../src/upstream/traffic.ts";
import { ControlPlane, origin } from "../api/control_plane.ts";
import type { TeamSetting } from "../api/team_setting.ts";
import type { Provider } from "../support/oidc/provider.ts";

/** The world outside: identity providers by their origin, and an MCP server at every other address. */
export class World {
  readonly providers: Provider[] = [];
  /** The tools that were called, at any server. */
  readonly called: string[] = [];
  readonly tokens: (string | null)[] = [];

  fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const provider = this.providers.find(({ issuer }) => request.url.startsWith(`${issuer}/`));
    if (provider) return provider.handle(request);
    if (request.method !== "POST") return new Response(null, { status: 404 });
    const { id, params } = (await request.json()) as { id: number; params: { name: string } };
    this.called.push(params.name);
    this.tokens.push(request.headers.get("Authorization"));
    return Response.json({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "done" }] } });
  };
}

const rules = { allowLoopback: false, ownOrigin: origin };

/** A control plane whose way out leads into that world. */
export const planeIn = (world: World): Promise<ControlPlane> =>
  ControlPlane.start({ fetch: { fetch: world.fetch, rules } });

/** An isolate that serves gateways: it shares D1 and the objects with every other, and what it remembers with none. */
export class Isolate {
  readonly issuers: TeamIssuers;
  /** How often D1 was asked for anything but an edit. */
  reads = 0;
  /** D1 does not answer. */
  down = false;
  /** What is added to the clock. */
  aheadMs = 0;
  readonly #deps: GatewayDeps;

  constructor(plane: ControlPlane, world: World) {
    const { keys, masterKeys, random } = plane.deps;
    const forward = { fetch: world.fetch, rules };
    const gate = (grant: string) => env.GATES.get(env.GATES.idFromName(grant)) as unknown as GateStub;
    const now = () => Date.now() + this.aheadMs;
    const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
    const db: GatewayDepsDb = {
      prepare: (sql) => {
        if (this.down) throw new Error("D1 is down");
        if (sql.trimStart().startsWith("SELECT")) this.reads++;
        return env.DB.prepare(sql);
      },
      batch: (statements) => env.DB.batch(statements),
    };
    const behind = () => undefined;
    this.issuers = teamIssuers({ db, gate, fetch: forward, origin, random, now, wait, behind });
    this.#deps = {
      origin,
      keys,
      verified: new VerifiedTokens(),
      issued: issuedBy(this.issuers),
      gate,
      settlements: new Settlements(),
      sessions: new Sessions(masterKeys, random),
      refusals: { unknown: () => undefined, grant: () => undefined, ask: () => undefined },
      states: new RequestStates(masterKeys, random),
      forward,
      credential: async () => ({}),
      wantScope: async () => undefined,
      look: async () => undefined,
      lookSoon: async () => undefined,
      traffic: new Traffic({ now, wait }),
      noteFare: async () => undefined,
      now,
      random,
      waitUntil: () => undefined,
    };
  }

  /** Calls a tool of a team's server; the status, and what the answer says. */
  async call(token: string, { person }: Pick<TeamSetting, "person">, server = "tools", tool = "read_a") {
    const response = await serve(
      new Request(`${origin}/mcp/${person.team.slug}/${server}`, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${token}`,
          "Content-Type": "application/json",
          Accept: "application/json, text/event-stream",
        },
        body: JSON.stringify({
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name: tool, arguments: {} },
        }),
      }),
      this.#deps,
    );
    const text = await response.text();
    return { status: response.status, text, decision: response.headers.get("Portcullis-Decision") };
  }
}

type GatewayDepsDb = Parameters<typeof teamIssuers>[0]["db"];
