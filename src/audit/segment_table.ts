import { genesis, type Head } from "./chain.ts";
import { type Checkpoint, sealEveryMs, segmentMax } from "./checkpoint.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS segment (
    n INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    hash TEXT NOT NULL,
    sealed_ms INTEGER NOT NULL,
    jws TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS dropped (gate TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
`;

/** A run of entries that one checkpoint closes: `first` to `n`. */
export interface Segment extends Checkpoint {
  readonly first: number;
}

// A burst that starts a quiet log is sealed together.
const gatherMs = 60_000;

/** The checkpoints of one team's log, each with the reach in time of the entries that it closes. */
export class SegmentTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(schema);
  }

  /** Where the log begins: the last entry that retention dropped, or nothing at all. */
  get floor(): Head {
    const first = this.#sql.exec<{ n: number }>("SELECT min(n) AS n FROM entry").one().n;
    const [row] = this.#sql
      .exec<{ n: number; hash: string }>(
        "SELECT n, hash FROM segment WHERE n < ?1 ORDER BY n DESC LIMIT 1",
        first ?? Number.MAX_SAFE_INTEGER,
      )
      .toArray();
    return row ?? { n: 0, hash: genesis };
  }

  get last(): Checkpoint | null {
    return this.#select("ORDER BY n DESC LIMIT 1")[0] ?? null;
  }

  /** Checkpoints behind `after`, in order. */
  list(after: number, limit: number): Segment[] {
    return this.#select("WHERE n > ?1 ORDER BY n LIMIT ?2", after, limit);
  }

  /** The checkpoint at `n`, or null. */
  at(n: number): Segment | null {
    return this.#select("WHERE n = ?1", n)[0] ?? null;
  }

  #select(rest: string, ...bindings: number[]): Segment[] {
    return this.#sql
      .exec<{ n: number; first: number; hash: string; atMs: number; jws: string }>(
        `SELECT n, first, hash, sealed_ms AS atMs, jws FROM segment ${rest}`,
        ...bindings,
      )
      .toArray();
  }

  /** Up to which entry the next checkpoint goes, or null while none is due. */
  due(head: number, nowMs: number): number | null {
    const last = this.last;
    const open = head - (last?.n ?? 0);
    if (open >= segmentMax) return head - open + segmentMax;
    return open > 0 && (!last || nowMs >= last.atMs + sealEveryMs) ? head : null;
  }

  /** When a checkpoint is due at the latest, given that there are entries to close. */
  dueMs(head: number, nowMs: number): number {
    const last = this.last;
    if (head - (last?.n ?? 0) >= segmentMax) return nowMs;
    return Math.max(nowMs + gatherMs, (last?.atMs ?? 0) + sealEveryMs);
  }

  /** Stores a checkpoint, with the times between which its entries lie. */
  add({ n, hash, atMs, jws }: Checkpoint): void {
    const first = (this.last?.n ?? 0) + 1;
    this.#sql.exec(
      `INSERT INTO segment (n, first, hash, sealed_ms, jws, from_ms, to_ms)
       SELECT ?1, ?2, ?3, ?4, ?5, min(at_ms), max(at_ms) FROM entry WHERE n BETWEEN ?2 AND ?1`,
      n,
      first,
      hash,
      atMs,
      jws,
    );
  }

  /** The places between which all entries of that time lie; `last` is the head. */
  reach(fromMs: number | undefined, toMs: number | undefined, last: number): { low: number; high: number } {
    const sealed = this.last?.n ?? 0;
    const bounds = [fromMs ?? 0, toMs ?? Number.MAX_SAFE_INTEGER] as const;
    const closed = this.#sql
      .exec<{ low: number | null; high: number | null }>(
        `SELECT min(first) AS low, max(n) AS high FROM segment WHERE to_ms >= ?1 AND from_ms < ?2`,
        ...bounds,
      )
      .one();
    const open = this.#sql
      .exec<{ low: number | null }>(
        "SELECT min(n) AS low FROM entry WHERE n > ?1 AND at_ms >= ?2 AND at_ms < ?3",
        sealed,
        ...bounds,
      )
      .one();
    return {
      low: closed.low ?? open.low ?? last + 1,
      high: open.low === null ? (closed.high ?? 0) : last,
    };
  }

  /** The oldest segment whose entries are still here and all lie before `beforeMs`, or null. */
  expired(beforeMs: number): Segment | null {
    const floor = this.floor.n;
    return this.#select("WHERE n > ?1 AND to_ms < ?2 ORDER BY n LIMIT 1", floor, beforeMs)[0] ?? null;
  }

  /** The youngest time in the oldest segment that is still here, or null. */
  get oldestMs(): number | null {
    const [row] = this.#sql
      .exec<{ to_ms: number }>("SELECT to_ms FROM segment WHERE n > ?1 ORDER BY n LIMIT 1", this.floor.n)
      .toArray();
    return row?.to_ms ?? null;
  }

  /** Remembers how far each gate's decisions go in a segment that is about to be dropped, and forgets what is before it. */
  drop({ n, first }: Segment): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO dropped (gate, seq)
       SELECT gate, max(seq) FROM entry WHERE n BETWEEN ?1 AND ?2 AND kind = 'decision' GROUP BY gate`,
      first,
      n,
    );
    this.#sql.exec("DELETE FROM segment WHERE n < ?1", n);
  }

  /** The last decision of that gate that retention dropped; 0 where none was. */
  droppedSeq(gate: string): number {
    const row = this.#sql.exec<{ seq: number }>("SELECT seq FROM dropped WHERE gate = ?1", gate).toArray()[0];
    return row?.seq ?? 0;
  }
}
