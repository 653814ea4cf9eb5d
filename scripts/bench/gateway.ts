import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { mintGrantToken } from "../../src/identity/grant_token.ts";
import { readSigningKeys } from "../../src/identity/keys.ts";
import { freePort } from "../start/ports.ts";
import { newSecrets } from "../start/secrets.ts";
import { root } from "../start/wrangler.ts";
import { load, median, type Round, type Target } from "./load.ts";
import { snapshotOf } from "./snapshot.ts";
import { type Served, Workerd } from "./workerd.ts";

// What the way through the gateway costs, beside the same way without it: everything in one run, in turn, so that a
// machine that slows down slows all of them. `npm run bench`; rounds and seconds by BENCH_ROUNDS and BENCH_SECONDS.
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const roundMs = Number(process.env["BENCH_SECONDS"] ?? 2) * 1_000;
const clientCounts = [1, 16, 64];
const dir = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
const running: { stop(): unknown }[] = [];

const body = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "tool_0", arguments: { text: "y".repeat(60), workspace: "two", count: 7 } },
});
const plainHeaders = {
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream",
  "Content-Length": String(Buffer.byteLength(body)),
};

async function startUpstream(): Promise<string> {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(import.meta.dirname, "upstream.ts"), "--bytes", "100"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  running.push({ stop: () => child.kill() });
  const port = await new Promise<string>((done) =>
    child.stdout?.once("data", (chunk) => done(String(chunk).trim())),
  );
  return `http://127.0.0.1:${port}/mcp`;
}

async function startWorker(name: string, served: Omit<Served, "entry">, port: number): Promise<Workerd> {
  const entry = join(root, "scripts/bench/workers", `${name}.ts`);
  const workerd = await Workerd.serve({ entry, ...served }, join(dir, name), port);
  running.push(workerd);
  return workerd;
}

const secrets = newSecrets();

async function gatewayTarget(
  gateway: Workerd,
  document: "full" | "unlimited",
  upstream: string,
): Promise<Target> {
  const snapshot = snapshotOf(document, upstream);
  const pushed = await fetch(`${gateway.url}/bench/snapshot`, {
    method: "POST",
    body: JSON.stringify(snapshot),
  });
  if (pushed.status !== 204) throw new Error(`the gate took no snapshot: ${await pushed.text()}`);
  const [token] = snapshot.grant.tokens;
  if (!token) throw new Error("the snapshot has no token");
  const bearer = {
    grant: snapshot.grant.id,
    team: snapshot.team.id,
    jti: token.jti,
    expiresAtMs: token.notAfterMs,
  };
  const keys = await readSigningKeys(secrets.SIGNING_KEYS);
  const jwt = await mintGrantToken(bearer, keys, gateway.url, Date.now());
  return {
    url: `${gateway.url}/mcp/bench/up`,
    headers: { ...plainHeaders, Authorization: `Bearer ${jwt}` },
    body,
  };
}

interface Subject {
  readonly name: string;
  readonly target: Target;
  readonly memory: (() => number) | null;
}

async function subjects(): Promise<Subject[]> {
  const upstream = await startUpstream();
  const text = { UPSTREAM: upstream };
  const bare = await startWorker("bare", { text, objects: {} }, await freePort(undefined));
  const durable = await startWorker(
    "durable",
    { text, objects: { LEDGERS: "Ledger" } },
    await freePort(undefined),
  );
  const port = await freePort(undefined);
  const origin = `http://127.0.0.1:${port}`;
  const settings = { ...secrets, PUBLIC_ORIGIN: origin, ALLOW_LOOPBACK_UPSTREAMS: "true" };
  const objects = { GATES: "GrantGate", LOGS: "TeamLog" };
  const gateway = await startWorker("gateway", { text: settings, objects }, port);
  const plain = (url: string): Target => ({ url, headers: plainHeaders, body });
  return [
    { name: "direct", target: plain(upstream), memory: null },
    { name: "bare worker", target: plain(bare.url), memory: () => bare.memoryMiB },
    { name: "minimal durable worker", target: plain(durable.url), memory: () => durable.memoryMiB },
    {
      name: "gateway",
      target: await gatewayTarget(gateway, "full", upstream),
      memory: () => gateway.memoryMiB,
    },
    { name: "gateway, no limit", target: await gatewayTarget(gateway, "unlimited", upstream), memory: null },
  ];
}

/** Every subject once a round, in turn. */
async function measure(all: readonly Subject[], clients: number): Promise<Map<string, Round>> {
  const found = new Map<string, Round[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, target } of all) {
      const measured = await load(target, clients, roundMs);
      // The first round only warms up.
      if (round > 0) found.get(name)?.push(measured);
    }
  }
  const middle = (of: readonly Round[]): Round => ({
    perSecond: median(of.map((one) => one.perSecond)),
    p50: median(of.map((one) => one.p50)),
    p99: median(of.map((one) => one.p99)),
  });
  return new Map([...found].map(([name, of]) => [name, middle(of)]));
}

function table(measured: ReadonlyMap<string, Round>): string {
  const bare = measured.get("bare worker")?.perSecond ?? Number.NaN;
  const durable = measured.get("minimal durable worker")?.perSecond ?? Number.NaN;
  const rows = [...measured].map(
    ([name, { perSecond, p50, p99 }]) =>
      `| ${name} | ${Math.round(perSecond)} | ${p50.toFixed(2)} | ${p99.toFixed(2)} | ${(perSecond / bare).toFixed(2)} | ${(perSecond / durable).toFixed(2)} |`,
  );
  return ["| | calls/s | p50 ms | p99 ms | × bare | × durable |", "|---|--:|--:|--:|--:|--:|", ...rows].join(
    "\n",
  );
}

try {
  const all = await subjects();
  console.log(
    `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores; client, upstream and Workers share them.`,
  );
  for (const clients of clientCounts) {
    console.log(`\n${clients} client${clients === 1 ? "" : "s"}\n\n${table(await measure(all, clients))}`);
  }
  const memory = all.flatMap(({ name, memory }) => (memory ? [`${name} ${Math.round(memory())} MiB`] : []));
  console.log(`\nMemory after it: ${memory.join(", ")}`);
} finally {
  for (const one of running.toReversed()) await one.stop();
  rmSync(dir, { recursive: true, force: true });
}
