import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { freePort } from "../../scripts/start/ports.ts";
import { wrangler } from "../../scripts/start/wrangler.ts";

export const root = join(import.meta.dirname, "../..");

const ready = z.strictObject({
  url: z.string(),
  team: z.string(),
  email: z.string(),
  password: z.string(),
  gateway_url: z.string().optional(),
  token: z.string().optional(),
});
export type Ready = z.infer<typeof ready>;

/** A directory that is gone again when `drop` is called. */
export function scratch(): { dir: string; drop: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "portcullis-http-"));
  return { dir, drop: () => rmSync(dir, { recursive: true, force: true }) };
}

/** `npm start` as a user runs it, from another process. */
export class Started {
  stdout = "";
  stderr = "";
  /** The exit code, once it is over. */
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;

  constructor(args: readonly string[], cwd = root, env: Record<string, string> = {}) {
    this.#process = spawn("npm", ["start", "--", ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process.stdout?.on("data", (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.#process.stderr?.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = new Promise((done) => this.#process.once("close", (code) => done(code)));
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** What it wrote to stdout, without the lines that npm puts before every script. */
  get lines(): string[] {
    return this.stdout.split("\n").filter((line) => line !== "" && !line.startsWith("> "));
  }

  /** The one JSON line, once it is there. */
  async ready(): Promise<Ready> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    while (!over) {
      const line = this.lines.find((candidate) => candidate.startsWith("{"));
      if (line !== undefined && this.stdout.includes(`${line}\n`)) return ready.parse(JSON.parse(line));
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`npm start ended before it was ready:\n${this.stdout}\n${this.stderr}`);
  }

  async stop(): Promise<number | null> {
    this.#process.kill("SIGTERM");
    return this.ended;
  }
}

export const startPortcullis = (state: string, ...args: readonly string[]): Started =>
  new Started(["--port", "0", "--state", state, "--json", ...args]);

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function processes(): Listed[] {
  const text = execFileSync("ps", ["-eo", "pid=,ppid=,stat=,args="], { encoding: "utf8" });
  return text
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null && !match[3]?.startsWith("Z"))
    .map((match) => ({ pid: Number(match?.[1]), parent: Number(match?.[2]), command: match?.[4] ?? "" }));
}

/** Everything that `pid` has started, directly or not. */
export function descendants(pid: number): Listed[] {
  const all = processes();
  const below = (parent: number): Listed[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid);
}

/** Those of `pids` that still run. */
export const alive = (pids: readonly number[]): Listed[] =>
  processes().filter((one) => pids.includes(one.pid));

/** The npm package server-everything on a free port. */
export async function startEverything(): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort(undefined);
  const script = join(root, "node_modules/@modelcontextprotocol/server-everything/dist/index.js");
  const loopback = join(root, "test/support/loopback.mjs");
  const child = spawn(process.execPath, ["--import", loopback, script, "streamableHttp"], {
    env: { ...process.env, PORT: String(port) },
    stdio: "ignore",
  });
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  const url = `http://127.0.0.1:${port}/mcp`;
  await until(async () => (await fetch(url, { method: "DELETE" })).status > 0);
  return {
    url,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** Tries every 50 ms until `holds`; a throw counts as not yet. Fails after `withinMs`. */
export async function until(holds: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const giveUp = Date.now() + withinMs;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > giveUp) throw new Error(`not within ${withinMs} ms: ${holds.toString()}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Runs SQL on the local database of a state directory, as wrangler keeps it. */
export function sql(dir: string, command: string): string {
  const where = ["--local", "--persist-to", join(dir, "data")];
  const { code, output, stdout } = wrangler([
    "d1",
    "execute",
    "portcullis",
    ...where,
    "--json",
    "--command",
    command,
  ]);
  if (code !== 0) throw new Error(output);
  return stdout;
}
