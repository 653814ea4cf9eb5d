import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mintGrantToken } from "../../src/identity/grant_token.ts";
import { readSigningKeys } from "../../src/identity/keys.ts";
import { freePort } from "../start/ports.ts";
import { newSecrets } from "../start/secrets.ts";
import { root } from "../start/wrangler.ts";
import type { Target } from "./load.ts";
import { installPeers, startPeers } from "./peers.ts";
import { names } from "./results.ts";
import { snapshotOf } from "./snapshot.ts";
import { type Served, Workerd } from "./workerd.ts";

/** One way to the upstream. `pid` is of the process that is measured, with those that it started. */
export interface Subject {
  readonly name: string;
  readonly target: Target;
  readonly pid: number;
}

/** All the ways to one upstream, running at once until `stop`. */
export class Subjects {
  readonly all: Subject[] = [];
  /** Why a peer does not run; empty where all do. */
  missing: readonly string[] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
  readonly #running: { stop(): Promise<unknown> }[] = [];

  async start(): Promise<void> {
    const upstream = await this.#startUpstream();
    await this.#startFloors(upstream);
    await this.#startGateway(names.gateway, "full", upstream);
    await this.#startGateway(names.unlimited, "unlimited", upstream);
    await this.#startPeers(upstream);
  }

  async stop(): Promise<void> {
    for (const one of this.#running.toReversed()) await one.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #startUpstream(): Promise<string> {
    const child = spawn(process.execPath, [join(import.meta.dirname, "upstream.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#keep(child);
    const port = await new Promise<string>((done) =>
      child.stdout.once("data", (chunk) => done(String(chunk).trim())),
    );
    const url = `http://127.0.0.1:${port}/mcp`;
    this.#add(names.direct, { url, headers: {}, sessions: false }, child.pid);
    return url;
  }

  async #startFloors(upstream: string): Promise<void> {
    const text = { UPSTREAM: upstream };
    for (const [name, entry, objects] of [
      [names.bare, "bare", {}],
      [names.durable, "durable", { LEDGERS: "Ledger" }],
    ] as const) {
      const worker = await this.#serve(name, entry, { text, objects }, await freePort(undefined));
      this.#add(name, { url: `${worker.url}/mcp`, headers: {}, sessions: false }, worker.pid);
    }
  }

  async #startGateway(name: string, document: "full" | "unlimited", upstream: string): Promise<void> {
    const secrets = newSecrets();
    const port = await freePort(undefined);
    const text = { ...secrets, PUBLIC_ORIGIN: `http://127.0.0.1:${port}`, ALLOW_LOOPBACK_UPSTREAMS: "true" };
    const objects = { GATES: "GrantGate", LOGS: "TeamLog" };
    const worker = await this.#serve(name, "gateway", { text, objects }, port);
    const jwt = await pushGrant(worker.url, document, upstream, secrets.SIGNING_KEYS);
    const headers = { Authorization: `Bearer ${jwt}` };
    this.#add(name, { url: `${worker.url}/mcp/bench/up`, headers, sessions: false }, worker.pid);
  }

  async #startPeers(upstream: string): Promise<void> {
    const refused = installPeers();
    const { peers, missing } = refused ? { peers: [], missing: [refused] } : await startPeers(upstream);
    this.missing = missing;
    for (const peer of peers) {
      this.#keep(peer.process);
      this.#add(peer.name, { url: peer.url, headers: {}, sessions: true }, peer.process.pid);
    }
  }

  async #serve(name: string, entry: string, served: Omit<Served, "entry">, port: number): Promise<Workerd> {
    const file = join(root, "scripts/bench/workers", `${entry}.ts`);
    const worker = await Workerd.serve({ entry: file, ...served }, join(this.#dir, name), port);
    this.#running.push(worker);
    return worker;
  }

  #add(name: string, target: Target, pid: number | undefined): void {
    this.all.push({ name, target, pid: pid ?? 0 });
  }

  #keep(child: ChildProcess): void {
    const ended = new Promise((done) => child.once("exit", done));
    this.#running.push({ stop: () => (child.kill() ? ended : Promise.resolve()) });
  }
}

/** Gives the gateway one grant, as an edit in the control plane would, and returns its token. */
async function pushGrant(
  origin: string,
  document: "full" | "unlimited",
  upstream: string,
  signingKeys: string,
): Promise<string> {
  const snapshot = snapshotOf(document, upstream);
  const pushed = await fetch(`${origin}/bench/snapshot`, { method: "POST", body: JSON.stringify(snapshot) });
  if (pushed.status !== 204) throw new Error(`the gate took no snapshot: ${await pushed.text()}`);
  const [token] = snapshot.grant.tokens;
  if (!token) throw new Error("the snapshot has no token");
  const bearer = {
    grant: snapshot.grant.id,
    team: snapshot.team.id,
    jti: token.jti,
    expiresAtMs: token.notAfterMs,
  };
  return mintGrantToken(bearer, await readSigningKeys(signingKeys), origin, Date.now());
}
