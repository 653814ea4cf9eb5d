import { env, runInDurableObject } from "cloudflare:test";
import { decodeJwt } from "jose";
import type { Caller, Upstream } from "../../src/gate/rpc.ts";
import { Sessions } from "../../src/gateway/session.ts";
import { ControlPlane, origin, ready, seenTool } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";
import { master, random } from "./parts.ts";
import { Way } from "./way.ts";

/** What a client asks for: a call under limits, one that a person must approve, one that waits for the person, lists, a stream. */
export type Asked = "call" | "approval" | "held" | "list" | "stream";

const messages: Readonly<Record<Asked, unknown>> = {
  call: {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "send", arguments: { text: "hello" } },
  },
  approval: {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "pay", arguments: { amount: 1 } },
  },
  held: { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "wait", arguments: {} } },
  list: { jsonrpc: "2.0", id: 1, method: "tools/list" },
  stream: null,
};

/** A policy whose call passes by a limit of its own and one that is shared. */
const policy = {
  version: "1",
  default: "deny",
  record: "values",
  tools: {
    send: {
      limits: [
        { counter: "own", window: "hour", max: 1_000_000 },
        { counter: "pool", window: "hour", max: 1_000_000, scope: "team" },
      ],
    },
    pay: { action: "approve" },
    wait: { action: "approve", approve: { hold: 60 } },
  },
};

/** A team with one server, one policy and one grant, saved through the API. */
export class Setting {
  readonly token: string;
  readonly caller: Caller;
  /** A session that was opened through the gateway before. */
  readonly session: string;

  private constructor(token: string, caller: Caller, session: string) {
    this.token = token;
    this.caller = caller;
    this.session = session;
  }

  static async start(): Promise<Setting> {
    const plane = await ControlPlane.start();
    const team = await TeamSetting.on(plane);
    const url = `https://${crypto.randomUUID()}.example/mcp`;
    plane.upstreams.set(url, ready(seenTool("send"), seenTool("pay"), seenTool("wait")));
    const auth = { type: "headers", headers: { Authorization: "Bearer upstream-secret" } };
    const server = await team.must(201, "POST", "/servers", { name: "Tools", url, auth });
    await team.policy(server.slug, "p", policy);
    const grant = await team.grant(server.slug, "p");
    const { id, slug } = team.person.team;
    const jti = decodeJwt(grant.token).jti ?? "";
    const caller = {
      grant: grant.id,
      team: id as Caller["team"],
      bearer: { kind: "token" as const, jti },
      teamSlug: slug,
      serverSlug: server.slug,
    };
    const opened = new Headers({ "Mcp-Session-Id": "upstream-session" });
    const route = { serverId: server.id } as Upstream;
    const session = await new Sessions(master(), random).seal(opened, caller, route, null, null, Date.now());
    return new Setting(grant.token, caller, session ?? "");
  }

  /** One message, as a client of this grant sends it. */
  request(asked: Asked): Request {
    const { caller, token, session } = this;
    const message = messages[asked];
    return new Request(`${origin}/mcp/${caller.teamSlug}/${caller.serverSlug}`, {
      method: message === null ? "GET" : "POST",
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/json",
        Accept: "application/json, text/event-stream",
        "Mcp-Session-Id": session,
      },
      ...(message === null ? {} : { body: JSON.stringify(message) }),
    });
  }

  /** The whole way over a gate with a storage of its own, for as long as `body` runs. */
  walk<T>(body: (way: Way) => Promise<T>): Promise<T> {
    const object = env.GATES.get(env.GATES.idFromName(crypto.randomUUID()));
    return runInDurableObject(object, async (_, state) => body(await Way.over(this, state)));
  }
}
