import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { bundle } from "../start/bundle.ts";
import { wranglerBin } from "../start/wrangler.ts";

/** One Worker to serve: its source, its text bindings and its Durable Objects by binding name. */
export interface Served {
  readonly entry: string;
  readonly text: Readonly<Record<string, string>>;
  readonly objects: Readonly<Record<string, string>>;
}

/** A Worker under workerd itself, without the development server in front of it. */
export class Workerd {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(url: string, process: ChildProcess) {
    this.url = url;
    this.#process = process;
  }

  /** Builds the entry as a deployment would, and serves it on a loopback port until `stop`. */
  static async serve(served: Served, dir: string, port: number): Promise<Workerd> {
    mkdirSync(join(dir, "disk"), { recursive: true });
    await build(served.entry, dir);
    const workerd = Workerd.spawn(served, dir, port);
    await workerd.answers();
    return workerd;
  }

  /** Starts what `serve` has built in that directory, over the same disk, and does not wait for it. */
  static spawn(served: Served, dir: string, port: number): Workerd {
    writeFileSync(join(dir, "config.capnp"), config(served, dir, port));
    const args = ["serve", "--experimental", join(dir, "config.capnp")];
    const process = spawn(binary, args, {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return new Workerd(`http://127.0.0.1:${port}`, process);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Ends it; with `SIGKILL` in the middle of whatever it does. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.#process.kill(signal);
    await ended;
  }

  async answers(): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      const answer = await fetch(`${this.url}/healthz`).catch(() => null);
      await answer?.body?.cancel();
      if (answer) return;
      await new Promise((done) => setTimeout(done, 20));
    }
    throw new Error("workerd does not answer");
  }
}

// The runtime that wrangler brings, itself: the command that npm installs is a script around it.
const runtime: { default: string; version: string } = createRequire(wranglerBin)("workerd");
const binary = runtime.default;
export const runtimeVersion = runtime.version;
export const compatibilityDate = "2026-10-01";
export const compatibilityFlags = ["global_fetch_strictly_public", "enable_request_signal"];

/** Where `build` puts the modules. */
export const modulesIn = (dir: string): string => join(dir, "modules");

/** Builds the entry as a deployment does, one file a module, into `dir`. */
export async function build(entry: string, dir: string): Promise<void> {
  await bundle({ minify: true, entry, dir: modulesIn(dir) });
}

const entryFile = "worker.js";

/** The files that `build` has made, the entry first. */
export const builtModules = (dir: string): string[] =>
  readdirSync(modulesIn(dir)).sort((a, b) => Number(b === entryFile) - Number(a === entryFile));

const text = (value: string): string => JSON.stringify(value);

function config({ text: values, objects }: Served, dir: string, port: number): string {
  const bindings = [
    ...Object.entries(values).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...Object.entries(objects).map(
      ([name, className]) => `(name = ${text(name)}, durableObjectNamespace = ${text(className)})`,
    ),
  ];
  const namespaces = Object.values(objects).map(
    (className) => `(className = ${text(className)}, uniqueKey = ${text(className)}, enableSql = true)`,
  );
  const modules = builtModules(dir).map(
    (name) => `(name = ${text(name)}, esModule = embed ${text(`modules/${name}`)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "disk", disk = (path = ${text(join(dir, "disk"))}, writable = true)),
    (name = "internet", network = (allow = ["local", "private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = ${JSON.stringify(compatibilityFlags)},
  bindings = [${bindings.join(", ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
  globalOutbound = "internet",
);
`;
}
