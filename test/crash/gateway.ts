import { join } from "node:path";
import { Workerd } from "../../scripts/bench/workerd.ts";
import type { Entry } from "../../src/audit/entry.ts";
import type { GrantId } from "../../src/id.ts";
import type { Team } from "./team.ts";

/** One limit as the gate says it stands; amounts in calls. */
export interface Usage {
  readonly tool: string;
  readonly windowMs: number;
  readonly used: number;
}

/** Whom a gateway serves. */
export type Served = Pick<Team, "id" | "secrets" | "snapshots">;

/** The Worker on workerd over one disk: it dies at any moment and starts again. */
export class Gateway {
  readonly url: string;
  readonly #dir: string;
  readonly #port: number;
  readonly #team: Served;
  readonly #entry: string;
  readonly #text: Readonly<Record<string, string>>;
  #process: Workerd | null = null;

  /** `entry` and `text`: another Worker around the same doors, and what it is told besides. */
  constructor(
    dir: string,
    port: number,
    team: Served,
    entry = join(import.meta.dirname, "worker.ts"),
    text: Readonly<Record<string, string>> = {},
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.#dir = dir;
    this.#port = port;
    this.#team = team;
    this.#entry = entry;
    this.#text = text;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Builds it, starts it for the first time and gives it the team. */
  async begin(): Promise<void> {
    this.#process = await Workerd.serve(this.#served(0), this.#dir, this.#port);
    for (const snapshot of this.#team.snapshots)
      await this.#door("snapshot", { grant: snapshot.grant.id }, JSON.stringify(snapshot));
  }

  /** Starts it again, by a clock that is so much ahead; does not wait until it answers. */
  spawn(aheadMs = 0): void {
    this.#process = Workerd.spawn(this.#served(aheadMs), this.#dir, this.#port);
  }

  async answers(): Promise<void> {
    await this.#process?.answers();
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#process?.stop("SIGKILL");
    this.#process = null;
  }

  /** Has the gate do what its alarm does. */
  ring(grant: GrantId): Promise<unknown> {
    return this.#door("ring", { grant });
  }

  /** Has the log do what its alarm does. */
  seal(): Promise<unknown> {
    return this.#door("seal", { team: this.#team.id });
  }

  async unshipped(grant: GrantId): Promise<Entry[]> {
    return (await this.#door("unshipped", { grant })) as Entry[];
  }

  /** The log's entries behind a place, in order. */
  async log(after: number): Promise<{ n: number; entry: Entry }[]> {
    const found = await this.#door("log", { team: this.#team.id, after: String(after) });
    return found as { n: number; entry: Entry }[];
  }

  /** Computes the log's chain again; answers with what is wrong with it, or null. */
  async verify(): Promise<unknown> {
    for (let from: number | null = 0; from !== null; ) {
      const found = await this.#door("verify", { team: this.#team.id, from: String(from) });
      const { problem, next } = found as { problem: unknown; next: number | null };
      if (problem) return problem;
      from = next;
    }
    return null;
  }

  async usage(grant: GrantId): Promise<Usage[]> {
    const found = (await this.#door("usage", { grant })) as {
      counter: string;
      window: string | number;
      used: string;
    }[];
    return found.map(({ counter, window, used }) => ({
      tool: counter,
      windowMs: window === "hour" ? 3_600_000 : Number(window) * 1_000,
      used: Number(used) / 1_000_000,
    }));
  }

  #served(aheadMs: number): Parameters<typeof Workerd.spawn>[0] {
    const text = {
      ...this.#team.secrets,
      ...this.#text,
      PUBLIC_ORIGIN: this.url,
      ALLOW_LOOPBACK_UPSTREAMS: "true",
      CLOCK_AHEAD_MS: String(aheadMs),
    };
    const objects = { GATES: "GrantGate", LOGS: "TeamLog", COUNTERS: "SharedCounter" };
    return { entry: this.#entry, text, objects };
  }

  async #door(door: string, query: Record<string, string>, body?: string): Promise<unknown> {
    const url = `${this.url}/crash/${door}?${new URLSearchParams(query)}`;
    const answer = await fetch(url, body === undefined ? {} : { method: "POST", body });
    if (!answer.ok) throw new Error(`${door}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}
