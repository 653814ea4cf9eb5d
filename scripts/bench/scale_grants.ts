import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Snapshot } from "../../src/gate/snapshot.ts";
import { mintGrantToken } from "../../src/identity/grant_token.ts";
import { type KeySet, readSigningKeys } from "../../src/identity/keys.ts";
import { freePort } from "../start/ports.ts";
import { newSecrets } from "../start/secrets.ts";
import { root } from "../start/wrangler.ts";
import { bodyOf, small } from "./calls.ts";
import { Connection } from "./connection.ts";
import { quantiles } from "./median.ts";
import { snapshotOf } from "./snapshot.ts";
import { figure, row, rows } from "./table.ts";
import { Workerd } from "./workerd.ts";

const counts = [1, 100, 1_000];
const serversMax = 10;
const measuredMs = Number(process.env["BENCH_SECONDS"] ?? 5) * 1_000;
const objects = { GATES: "GrantGate", LOGS: "TeamLog", COUNTERS: "SharedCounter" };

/** Grants of one team that call at the same time, each over a connection of its own: a table of what came of it. */
export async function measureGrants(dir: string): Promise<string> {
  const upstream = spawn(process.execPath, [join(root, "scripts/bench/upstream.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const upstreamPort = await new Promise<string>((done) =>
    upstream.stdout.once("data", (chunk) => done(String(chunk).trim())),
  );
  const port = await freePort(undefined);
  const secrets = newSecrets();
  const text = { ...secrets, PUBLIC_ORIGIN: `http://127.0.0.1:${port}`, ALLOW_LOOPBACK_UPSTREAMS: "true" };
  const entry = join(root, "scripts/bench/workers/gateway.ts");
  const worker = await Workerd.serve({ entry, text, objects }, dir, port);
  try {
    const keys = await readSigningKeys(secrets.SIGNING_KEYS);
    const snapshots = teamOf(Math.max(...counts), `http://127.0.0.1:${upstreamPort}/mcp`);
    const callers: Caller[] = [];
    for (const snapshot of snapshots) callers.push(await Caller.of(worker.url, snapshot, keys));
    const lines: string[] = [];
    for (const count of counts) {
      process.stderr.write(`${count} at once …\n`);
      lines.push(await measure(callers.slice(0, count)));
    }
    return rows(["grants calling at once", "calls/s", "calls/s a grant", "p50 ms", "p99 ms"], lines);
  } finally {
    await worker.stop();
    upstream.kill();
  }
}

/** Each server takes 256 requests at once from an isolate (src/upstream/traffic.ts), so the grants are spread over ten. */
function teamOf(grants: number, upstream: string): Snapshot[] {
  const { team } = snapshotOf("full", upstream);
  const servers = Array.from({ length: serversMax }, (_, i) =>
    snapshotOf("full", upstream).routes.map((route) => ({
      ...route,
      server: { ...route.server, slug: `up-${i}` },
    })),
  );
  return Array.from({ length: grants }, (_, i) => ({
    ...snapshotOf("full", upstream),
    team,
    routes: servers[i % serversMax] ?? [],
  }));
}

async function measure(callers: readonly Caller[]): Promise<string> {
  // Once each, so that every gate is awake. A connection that waits for the others would be closed meanwhile.
  for (const caller of callers) {
    await caller.connect();
    await caller.call();
    caller.close();
  }
  for (const caller of callers) await caller.connect();
  const took: number[] = [];
  const startMs = performance.now();
  const keepCalling = async (caller: Caller): Promise<void> => {
    while (performance.now() - startMs < measuredMs) took.push(await caller.call());
  };
  await Promise.all(callers.map(keepCalling));
  const perSecond = (took.length / (performance.now() - startMs)) * 1_000;
  for (const caller of callers) caller.close();
  const at = quantiles(took);
  const each = perSecond / callers.length;
  return row(
    figure(callers.length),
    figure(perSecond),
    figure(each, 1),
    figure(at(0.5), 1),
    figure(at(0.99), 1),
  );
}

class Caller {
  readonly #url: URL;
  readonly #request: Buffer;
  #connection: Connection | null = null;

  private constructor(url: URL, request: Buffer) {
    this.#url = url;
    this.#request = request;
  }

  /** Gives the grant to its gate, as an edit in the control plane would. */
  static async of(origin: string, snapshot: Snapshot, keys: KeySet): Promise<Caller> {
    const pushed = await fetch(`${origin}/bench/snapshot`, {
      method: "POST",
      body: JSON.stringify(snapshot),
    });
    if (pushed.status !== 204) throw new Error(`a gate took no snapshot: ${await pushed.text()}`);
    const { grant, team, routes } = snapshot;
    const [token] = grant.tokens;
    const [route] = routes;
    const [scenario] = small;
    if (!token || !route || !scenario) throw new Error("there is nothing to call with");
    const bearer = { grant: grant.id, team: team.id, jti: token.jti, expiresAtMs: token.notAfterMs };
    const jwt = await mintGrantToken(bearer, keys, origin, Date.now());
    const body = bodyOf(scenario);
    const url = new URL(`${origin}/mcp/${team.slug}/${route.server.slug}`);
    const head = [
      `POST ${url.pathname} HTTP/1.1`,
      `Host: ${url.host}`,
      "Content-Type: application/json",
      "Accept: application/json, text/event-stream",
      "MCP-Protocol-Version: 2025-11-25",
      `Authorization: Bearer ${jwt}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    return new Caller(url, Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`));
  }

  async connect(): Promise<void> {
    this.#connection = await Connection.open(this.#url);
  }

  /** Milliseconds. Throws where the call was not answered as it should be. */
  async call(): Promise<number> {
    if (!this.#connection) throw new Error("not connected");
    const { status, text, ms } = await this.#connection.exchange(this.#request);
    if (status !== 200 || /"isError":true|"error":/.test(text))
      throw new Error(`answered ${status}: ${text.slice(0, 300)}`);
    return ms;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }
}
