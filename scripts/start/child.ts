import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

const graceMs = 5_000;

/** A process of ours and everything that it starts: one process group, stopped as one. */
export class Child {
  readonly name: string;
  readonly log: string;
  /** Resolves with the exit code (or the signal's name) once the process is gone. */
  readonly ended: Promise<number | string>;
  readonly #process: ChildProcess;

  /** Starts Node with `args`; its output goes to the file `log`, which begins anew. */
  constructor(name: string, args: readonly string[], env: Record<string, string>, log: string) {
    this.name = name;
    this.log = log;
    const out = openSync(log, "w", 0o600);
    this.#process = spawn(process.execPath, args, {
      stdio: ["ignore", out, out],
      env: { ...process.env, ...env },
      detached: true,
    });
    closeSync(out);
    this.ended = new Promise((done) => {
      this.#process.once("error", (error) => done(error.message));
      this.#process.once("exit", (code, signal) => done(code ?? signal ?? "unknown"));
    });
  }

  /** Asks the group to end, and after five seconds makes it. Resolves when the leader is gone. */
  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    const force = setTimeout(() => this.#signal("SIGKILL"), graceMs);
    await this.ended;
    clearTimeout(force);
    this.#signal("SIGKILL");
  }

  /** The end of what it wrote. */
  lastWords(): string {
    return readFileSync(this.log, "utf8").trimEnd().split("\n").slice(-20).join("\n") || "(nothing)";
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, signal);
    } catch {
      // ESRCH: nobody of the group is left.
    }
  }
}
