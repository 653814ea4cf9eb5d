import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../start/ports.ts";
import { root } from "../start/wrangler.ts";

/** A proxy from npm in front of the upstream, which it reaches over Streamable HTTP as the gateway does. */
export interface Peer {
  readonly name: string;
  readonly url: string;
  readonly process: ChildProcess;
}

const versions = { "mcp-proxy": "6.7.19", supergateway: "4.0.0" };
const packages = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
const dir = join(root, "node_modules/.cache/bench-peers", packages.join("+"));

// mcp-proxy's command fronts only servers over stdio; its library fronts any client. One process, no event store and one
// endpoint is the quickest way that it has to an upstream over HTTP.
const library = `
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Server } from "@modelcontextprotocol/server";
import { proxyServer, startHTTPServer } from "mcp-proxy";

const [upstream, port] = process.argv.slice(2);
const client = new Client({ name: "mcp-proxy", version: "1" });
await client.connect(new StreamableHTTPClientTransport(new URL(upstream)));
const serverCapabilities = client.getServerCapabilities();
const createServer = async () => {
  const server = new Server(client.getServerVersion(), { capabilities: serverCapabilities });
  await proxyServer({ client, server, serverCapabilities });
  return server;
};
await startHTTPServer({ createServer, eventStore: false, host: "127.0.0.1", port: Number(port), sseEndpoint: null });
`;

/** The way that the commands give without a program: HTTP to stdio by one, stdio to HTTP by the other. */
const commands = (upstream: string, port: string): readonly string[] => [
  join(dir, "node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs"),
  ...["--server", "stream", "--no-eventStore", "--host", "127.0.0.1", "--port", port, "--", process.execPath],
  join(dir, "node_modules/supergateway/dist/index.js"),
  ...["--streamableHttp", upstream, "--logLevel", "none"],
];

/** Installs the peers by npm into a folder that git ignores, or says why it could not. */
export function installPeers(): string | null {
  if (existsSync(join(dir, "library.mjs"))) return null;
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "package.json"), JSON.stringify({ private: true }));
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", dir, ...packages];
  const done = spawnSync("npm", args, { cwd: dir, encoding: "utf8", timeout: 180_000 });
  if (done.status !== 0) {
    const code =
      /^npm error code (\S+)/m.exec(done.stderr ?? "")?.[1] ?? done.error?.name ?? "no reason given";
    return `npm could not install ${packages.join(" and ")} (${code})`;
  }
  writeFileSync(join(dir, "library.mjs"), library);
  return null;
}

const ways = {
  "mcp-proxy": (upstream: string, port: string): readonly string[] => [
    join(dir, "library.mjs"),
    upstream,
    port,
  ],
  "mcp-proxy + supergateway": commands,
};

/** Starts each in front of the upstream; `missing` says which does not run. */
export async function startPeers(upstream: string): Promise<{ peers: Peer[]; missing: string[] }> {
  const peers: Peer[] = [];
  const missing: string[] = [];
  for (const [name, argsOf] of Object.entries(ways)) {
    const port = String(await freePort(undefined));
    const peer = await startPeer(name, argsOf(upstream, port), port);
    if (peer) peers.push(peer);
    else missing.push(`${name} was installed but does not answer`);
  }
  return { peers, missing };
}

async function startPeer(name: string, args: readonly string[], port: string): Promise<Peer | null> {
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100; tries++) {
    const ping = await fetch(`${origin}/ping`).catch(() => null);
    await ping?.body?.cancel();
    if (ping) return { name, url: `${origin}/mcp`, process: child };
    await new Promise((done) => setTimeout(done, 100));
  }
  child.kill();
  return null;
}
