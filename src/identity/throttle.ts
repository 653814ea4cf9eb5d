import { DurableObject } from "cloudflare:workers";
import { type Budget, giveBackTo, takeFrom } from "./bucket.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, full_at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS known (address TEXT PRIMARY KEY, seen_at INTEGER NOT NULL);
`;

const knownMax = 20;
const knownMs = 180 * 86_400_000;

/** The tries at one subject, an account or an address, as an RPC stub offers them. */
export interface ThrottleStub {
  /**
   * Takes a try at `what`; the answer is how long to wait for one, in ms, and 0 where it was taken. An address that has
   * succeeded here before has a budget of its own, which nobody else can use up.
   */
  take(what: string, budget: Budget, address: string | null): Promise<number>;
  /** Gives back a try that was none. */
  giveBack(what: string, budget: Budget, address: string | null): Promise<void>;
  /** Gives back a try that was right, and knows its address from now on. */
  succeed(what: string, budget: Budget, address: string | null): Promise<void>;
  /** Knows an address from now on: whoever comes from there has a budget of their own. */
  know(address: string | null): Promise<void>;
}

/** Counts tries at an account or from an address; what fills up again is forgotten. */
export class Throttle extends DurableObject<unknown> implements ThrottleStub {
  readonly #now: () => number;
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: unknown, now: () => number) {
    super(ctx, env);
    this.#now = now;
    this.#sql = ctx.storage.sql;
  }

  async take(what: string, budget: Budget, address: string | null): Promise<number> {
    const nowMs = this.#now();
    const name = this.#bucketOf(what, address, nowMs);
    const taken = takeFrom(this.#fullAtMs(name), budget, nowMs);
    if ("fullAtMs" in taken) await this.#fill(name, taken.fullAtMs);
    return taken.waitMs;
  }

  async giveBack(what: string, budget: Budget, address: string | null): Promise<void> {
    const name = this.#bucketOf(what, address, this.#now());
    await this.#fill(name, giveBackTo(this.#fullAtMs(name), budget));
  }

  async succeed(what: string, budget: Budget, address: string | null): Promise<void> {
    await this.giveBack(what, budget, address);
    await this.know(address);
  }

  async know(address: string | null): Promise<void> {
    this.#sql.exec(schema);
    this.#sql.exec(
      "INSERT OR REPLACE INTO known (address, seen_at) VALUES (?1, ?2)",
      address ?? "",
      this.#now(),
    );
    this.#sql.exec(
      `DELETE FROM known WHERE address NOT IN (
         SELECT address FROM known ORDER BY seen_at DESC, address LIMIT ${knownMax})`,
    );
    await this.#wake();
  }

  /** Forgets what no longer says anything. */
  override async alarm(): Promise<void> {
    const nowMs = this.#now();
    this.#sql.exec("DELETE FROM bucket WHERE full_at <= ?1", nowMs);
    this.#sql.exec("DELETE FROM known WHERE seen_at <= ?1", nowMs - knownMs);
    await this.#wake();
  }

  #bucketOf(what: string, address: string | null, nowMs: number): string {
    // Here and not in the constructor: an object that has forgotten everything has no tables either.
    this.#sql.exec(schema);
    const known = this.#sql
      .exec("SELECT 1 FROM known WHERE address = ?1 AND seen_at > ?2", address ?? "", nowMs - knownMs)
      .toArray();
    return known.length > 0 ? `${what} from ${address ?? ""}` : what;
  }

  #fullAtMs(name: string): number {
    const [row] = this.#sql
      .exec<{ full_at: number }>("SELECT full_at FROM bucket WHERE name = ?1", name)
      .toArray();
    return row?.full_at ?? 0;
  }

  async #fill(name: string, fullAtMs: number): Promise<void> {
    this.#sql.exec("INSERT OR REPLACE INTO bucket (name, full_at) VALUES (?1, ?2)", name, fullAtMs);
    await this.#wake();
  }

  /** Sleeps until something can be forgotten; an object that holds nothing costs nothing. */
  async #wake(): Promise<void> {
    const [row] = this.#sql
      .exec<{ at: number | null }>(
        `SELECT min(at) AS at FROM (SELECT max(full_at) AS at FROM bucket UNION ALL SELECT min(seen_at) + ${knownMs} FROM known)`,
      )
      .toArray();
    const at = row?.at ?? null;
    if (at === null) await this.ctx.storage.deleteAll();
    else await this.ctx.storage.setAlarm(Math.max(at, this.#now() + 60_000));
  }
}
