import { env } from "cloudflare:workers";
import type { Entry } from "../../src/audit/entry.ts";
import { entriesOf } from "../../src/audit/entry_text.ts";
import worker, { GrantGate as DeployedGate, TeamLog as DeployedLog } from "../../src/index.ts";

export * from "../../src/index.ts";

type Env = Parameters<typeof worker.fetch>[1];
type Gates = DurableObjectNamespace<GrantGate>;
type Logs = DurableObjectNamespace<TeamLog>;

// A host whose clock is that much ahead, so that what takes minutes need not be waited for.
const aheadMs = Number((env as unknown as { CLOCK_AHEAD_MS: string }).CLOCK_AHEAD_MS);
const clockMs = Date.now.bind(Date);
Date.now = () => clockMs() + aheadMs;
// There is no D1 here, and whatever would go there behind a call says so.
console.error = () => undefined;

/** The gate as it is deployed, with doors to what it has written and to its alarm. */
export class GrantGate extends DeployedGate {
  unshipped(): Entry[] {
    const rows = (table: string) =>
      this.ctx.storage.sql.exec<{ body: string }>(`SELECT body FROM ${table} ORDER BY 1`).toArray();
    const decisions = rows("(SELECT seq, body FROM decision)").map(({ body }) => JSON.parse(body) as Entry);
    const outcomes = rows("(SELECT batch, body FROM outcome)").flatMap(
      ({ body }) => JSON.parse(body) as Entry[],
    );
    return [...decisions, ...outcomes];
  }

  ring(): Promise<void> {
    return this.alarm();
  }
}

/** The log as it is deployed, with a door to its alarm. */
export class TeamLog extends DeployedLog {
  ring(): Promise<void> {
    return this.alarm();
  }
}

type Door = (query: URLSearchParams, request: Request, env: { GATES: Gates; LOGS: Logs }) => Promise<unknown>;

const gateOf = (env: { GATES: Gates }, query: URLSearchParams) =>
  env.GATES.get(env.GATES.idFromName(query.get("grant") ?? ""));
const logOf = (env: { LOGS: Logs }, query: URLSearchParams) =>
  env.LOGS.get(env.LOGS.idFromName(query.get("team") ?? ""));

const doors: Readonly<Record<string, Door>> = {
  "/crash/snapshot": async (query, request, env) =>
    gateOf(env, query).apply(await request.json<Parameters<GrantGate["apply"]>[0]>()),
  "/crash/unshipped": (query, _, env) => gateOf(env, query).unshipped(),
  "/crash/ring": (query, _, env) => gateOf(env, query).ring(),
  "/crash/seal": (query, _, env) => logOf(env, query).ring(),
  "/crash/usage": (query, _, env) => gateOf(env, query).usage((query.get("grant") ?? "") as never),
  "/crash/log": async (query, _, env) => {
    const { rows } = await logOf(env, query).read(Number(query.get("after")), 2_000);
    return rows.flatMap(({ n, body, kept }) => entriesOf(body, kept).map((entry) => ({ n, entry })));
  },
  "/crash/verify": (query, _, env) => logOf(env, query).verify(Number(query.get("from"))),
};

/** The Worker as it is deployed, behind doors that push a snapshot without D1 and let a test read what is on the disk. */
export default {
  async fetch(
    request: Parameters<typeof worker.fetch>[0],
    env: Env,
    ctx: ExecutionContext,
  ): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const door = doors[pathname];
    if (!door) return worker.fetch(request, env, ctx);
    const found = await door(searchParams, request, env as unknown as { GATES: Gates; LOGS: Logs });
    const text = JSON.stringify(found ?? null, (_, member) =>
      typeof member === "bigint" ? String(member) : member,
    );
    return new Response(text, { headers: { "Content-Type": "application/json" } });
  },
};
