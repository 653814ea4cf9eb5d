import type { DecisionEntry, Entry, OutcomeEntry } from "./entry.ts";
import { addEnding, addTally, type Dimension, emptyTally, keysOf, type Tally } from "./tally.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS rollup (
    step TEXT NOT NULL,
    by TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    key TEXT NOT NULL,
    tally TEXT NOT NULL,
    PRIMARY KEY (step, by, at_ms, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS rolled (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL);
`;

/** How wide a cell is: an hour, or a day of UTC. */
export type Step = "hour" | "day";
const stepMs: Readonly<Record<Step, number>> = { hour: 3_600_000, day: 86_400_000 };

/** One bar of a chart. */
export interface Cell {
  readonly atMs: number;
  readonly key: string;
  readonly tally: Tally;
}

/** Cells in order of time and key, behind `after`. Times are ms; `toMs` is exclusive. */
export interface StatsQuery {
  readonly by: Dimension;
  readonly step: Step;
  readonly fromMs: number;
  readonly toMs: number;
  readonly after: { readonly atMs: number; readonly key: string } | null;
  readonly limit: number;
}

interface Counted {
  readonly atMs: number;
  readonly by: Dimension;
  readonly key: string;
  readonly tally: Tally;
}

// Counted in memory and written together: a row for each call and key would cost more than the calls.
const flushEvery = 256;

/**
 * Counts per hour and per day, so that a chart reads no entries. What is not written yet is counted again from the
 * entries behind `rolled` when the object wakes: nothing is lost, nothing counted twice.
 */
export class RollupTable {
  readonly #sql: SqlStorage;
  /** By the hour. */
  readonly #pending = new Map<string, Counted>();
  #waiting = 0;
  #seen = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(schema);
    this.#recount();
  }

  #recount(): void {
    const rolled = this.#sql.exec<{ n: number }>("SELECT n FROM rolled WHERE id = 1").toArray()[0];
    this.#seen = rolled?.n ?? 0;
    const rows = this.#sql.exec<{ n: number; body: string }>(
      "SELECT n, body FROM entry WHERE n > ?1 ORDER BY n",
      this.#seen,
    );
    for (const { n, body } of rows) this.#addAgain(n, body);
  }

  /** A row that somebody tampered with is for `verify` to find; it must not keep the log from waking. */
  #addAgain(n: number, body: string): void {
    try {
      const entry = JSON.parse(body) as Entry;
      this.add(n, entry, this.#otherBefore(n, entry));
    } catch (error) {
      console.error("an entry cannot be counted", { n, error });
    }
  }

  #otherBefore(n: number, entry: Entry): string | null {
    if (entry.kind === "control") return null;
    const found = this.#sql.exec<{ body: string }>(
      "SELECT body FROM entry WHERE gate = ?1 AND seq = ?2 AND kind <> ?3 AND n < ?4",
      entry.gate,
      entry.seq,
      entry.kind,
      n,
    );
    return found.toArray()[0]?.body ?? null;
  }

  /** Counts entry `n`, which stands in the table already; `other` is what stood there of the same call before it. */
  add(n: number, entry: Entry, other: string | null): void {
    const before = other === null ? null : (JSON.parse(other) as Entry);
    if (entry.kind === "decision") this.#addDecision(entry, before);
    if (entry.kind === "outcome") this.#addOutcome(entry, before);
    this.#seen = n;
    this.#waiting++;
    if (this.#waiting >= flushEvery) this.flush();
  }

  #addDecision(decision: DecisionEntry, before: Entry | null): void {
    // Under a backlog an outcome of its own can arrive before its decision, which then counts it.
    const ended = decision.outcome ?? (before?.kind === "outcome" ? before : null);
    for (const tally of this.#talliesOf(decision)) {
      tally[decision.verdict]++;
      if (ended) addEnding(tally, ended);
    }
  }

  #addOutcome(outcome: OutcomeEntry, before: Entry | null): void {
    if (before?.kind !== "decision") return;
    for (const tally of this.#talliesOf(before)) addEnding(tally, outcome);
  }

  /** Where a decision counts, by the hour: days are made of hours when all of it is written. */
  #talliesOf(decision: DecisionEntry): Tally[] {
    const atMs = decision.atMs - (decision.atMs % stepMs.hour);
    return keysOf({ ...decision, member: decision.member ?? null }).map(([by, key]) => {
      const cell = `${atMs} ${by} ${key}`;
      const counted = this.#pending.get(cell) ?? { atMs, by, key, tally: emptyTally() };
      this.#pending.set(cell, counted);
      return counted.tally;
    });
  }

  /** Writes what has been counted. */
  flush(): void {
    for (const counted of this.#pending.values()) {
      this.#write("hour", counted);
      this.#write("day", counted);
    }
    if (this.#waiting > 0) this.#sql.exec("INSERT OR REPLACE INTO rolled (id, n) VALUES (1, ?1)", this.#seen);
    this.#forget();
  }

  #write(step: Step, { atMs: hourMs, by, key, tally }: Counted): void {
    const atMs = hourMs - (hourMs % stepMs[step]);
    const kept = this.#sql
      .exec<{ tally: string }>(
        "SELECT tally FROM rollup WHERE step = ?1 AND by = ?2 AND at_ms = ?3 AND key = ?4",
        step,
        by,
        atMs,
        key,
      )
      .toArray()[0];
    const sum = kept ? (JSON.parse(kept.tally) as Tally) : emptyTally();
    addTally(sum, tally);
    this.#sql.exec(
      "INSERT OR REPLACE INTO rollup (step, by, at_ms, key, tally) VALUES (?1, ?2, ?3, ?4, ?5)",
      step,
      by,
      atMs,
      key,
      JSON.stringify(sum),
    );
  }

  #forget(): void {
    this.#pending.clear();
    this.#waiting = 0;
  }

  /** Throws away what was counted in a transaction that did not hold, and counts again. */
  undo(): void {
    this.#forget();
    this.#recount();
  }

  cells({ by, step, fromMs, toMs, after, limit }: StatsQuery): Cell[] {
    return this.#sql
      .exec<{ atMs: number; key: string; tally: string }>(
        `SELECT at_ms AS atMs, key, tally FROM rollup
         WHERE step = ?1 AND by = ?2 AND at_ms >= ?3 AND at_ms < ?4 AND (at_ms, key) > (?5, ?6)
         ORDER BY at_ms, key LIMIT ?7`,
        step,
        by,
        Math.max(fromMs - (fromMs % stepMs[step]), after?.atMs ?? 0),
        toMs,
        after?.atMs ?? -1,
        after?.key ?? "",
        limit,
      )
      .toArray()
      .map(({ atMs, key, tally }) => ({ atMs, key, tally: JSON.parse(tally) as Tally }));
  }

  /** Forgets the hours and days that ended before `beforeMs`. */
  drop(beforeMs: number): void {
    for (const [step, ms] of Object.entries(stepMs)) {
      this.#sql.exec(
        "DELETE FROM rollup WHERE step = ?1 AND by IN ('tool', 'grant', 'member', 'server') AND at_ms < ?2",
        step,
        beforeMs - ms,
      );
    }
  }
}
