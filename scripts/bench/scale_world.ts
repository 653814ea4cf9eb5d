import { mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { freePort } from "../start/ports.ts";
import { newSecrets } from "../start/secrets.ts";
import { root, wranglerBin } from "../start/wrangler.ts";
import { build, builtModules, compatibilityDate, compatibilityFlags, modulesIn } from "./workerd.ts";

// What wrangler develops with: workerd alone has no D1.
const { Miniflare, convertV4MiniflareOptions } = createRequire(wranglerBin)("miniflare");

/** The whole Worker with its D1 and its objects, over files of its own. */
export class World {
  readonly secrets = newSecrets();
  readonly url: string;
  readonly #dir: string;
  readonly #port: number;
  #running: { dispose(): Promise<void> } | null = null;

  private constructor(dir: string, port: number) {
    this.#dir = dir;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Builds the Worker as a deployment would; `dir` becomes its home. */
  static async build(dir: string): Promise<World> {
    mkdirSync(dir, { recursive: true });
    await build(join(root, "scripts/bench/workers/scale.ts"), dir);
    return new World(dir, await freePort(undefined));
  }

  async start(): Promise<void> {
    const object = (className: string) => ({ className, useSQLite: true });
    const running = new Miniflare(
      convertV4MiniflareOptions({
        host: "127.0.0.1",
        port: this.#port,
        resourcePersistencePath: join(this.#dir, "data"),
        modules: builtModules(this.#dir).map((name) => ({
          type: "ESModule",
          path: join(modulesIn(this.#dir), name),
        })),
        modulesRoot: modulesIn(this.#dir),
        compatibilityDate,
        compatibilityFlags,
        bindings: { ...this.secrets, PUBLIC_ORIGIN: this.url, ALLOW_LOOPBACK_UPSTREAMS: "true" },
        d1Databases: { DB: "scale" },
        durableObjects: {
          GATES: object("GrantGate"),
          LOGS: object("TeamLog"),
          COUNTERS: object("SharedCounter"),
          ACCOUNTS: object("UpstreamAccount"),
          THROTTLES: object("SignInThrottle"),
        },
      }),
    );
    this.#running = running;
    await running.ready;
    // Asked for, so that its file is there.
    await (await running.getD1Database("DB")).prepare("SELECT 1").all();
  }

  async stop(): Promise<void> {
    await this.#running?.dispose();
    this.#running = null;
  }

  /** D1's file; of nobody's use while the Worker runs. */
  get database(): string {
    const dir = join(this.#dir, "data/d1/miniflare-D1DatabaseObject");
    const file = readdirSync(dir).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
    if (!file) throw new Error(`there is no database in ${dir}`);
    return join(dir, file);
  }

  /** The files of one class's objects. */
  objects(className: string): string[] {
    const dir = join(this.#dir, "data/do", `-${className}`);
    return readdirSync(dir).map((name) => join(dir, name));
  }
}
