import { DurableObject } from "cloudflare:workers";
import { decisionId, type GrantId } from "../id.ts";
import { genesis, link } from "./chain.ts";
import type { DecisionEntry, Entry, LogPage, LogQuery, LogRow, OutcomeEntry } from "./entry.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS entry (
    n INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    gate TEXT,
    seq INTEGER,
    server TEXT,
    name TEXT,
    verdict TEXT,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
  );
  CREATE UNIQUE INDEX IF NOT EXISTS entry_by_decision ON entry (gate, seq, kind);
`;

type Row = { n: number; body: string; outcome: string | null };

/**
 * The team's log: every decision, outcome and control-plane write in one hash chain. Gates ship at least once; an entry
 * that is here already is passed over.
 */
export class TeamLog extends DurableObject<unknown> {
  readonly #sql: SqlStorage;
  #head: { n: number; hash: string };

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(schema);
    const last = this.#sql
      .exec<{ n: number; hash: string }>("SELECT n, hash FROM entry ORDER BY n DESC LIMIT 1")
      .toArray()[0];
    this.#head = last ?? { n: 0, hash: genesis };
  }

  /** Adds what is new, in the order given, all or nothing. Answers with the chain's head. */
  append(entries: readonly Entry[]): { n: number; hash: string } {
    const before = this.#head;
    try {
      this.ctx.storage.transactionSync(() => {
        for (const entry of entries) this.#add(entry);
      });
    } catch (error) {
      this.#head = before;
      throw error;
    }
    return this.#head;
  }

  #add(entry: Entry): void {
    const gate = entry.kind === "control" ? null : entry.gate;
    const seq = entry.kind === "control" ? null : entry.seq;
    if (gate !== null && this.#has(gate, seq, entry.kind)) return;
    const n = this.#head.n + 1;
    const body = JSON.stringify(entry);
    const hash = link(this.#head.hash, [String(n), body]);
    const decision = entry.kind === "decision" ? entry : null;
    this.#sql.exec(
      `INSERT INTO entry (n, kind, at_ms, gate, seq, server, name, verdict, body, hash)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
      n,
      entry.kind,
      entry.atMs,
      gate,
      seq,
      decision?.server.id ?? null,
      decision?.target.name ?? null,
      decision?.verdict ?? null,
      body,
      hash,
    );
    this.#head = { n, hash };
  }

  #has(gate: string, seq: number | null, kind: string): boolean {
    const found = this.#sql.exec(
      "SELECT 1 FROM entry WHERE gate = ?1 AND seq = ?2 AND kind = ?3",
      gate,
      seq,
      kind,
    );
    return found.toArray().length > 0;
  }

  /** Decisions, newest first, each with its outcome where one has arrived. */
  list(query: LogQuery): LogPage {
    const rows = this.#sql
      .exec<Row>(
        `SELECT d.n, d.body, o.body AS outcome
         FROM entry d LEFT JOIN entry o ON o.gate = d.gate AND o.seq = d.seq AND o.kind = 'outcome'
         WHERE d.kind = 'decision'
           AND (?1 IS NULL OR d.n < ?1) AND (?2 IS NULL OR d.gate = ?2) AND (?3 IS NULL OR d.server = ?3)
           AND (?4 IS NULL OR d.name = ?4) AND (?5 IS NULL OR d.verdict = ?5)
           AND (?6 IS NULL OR d.at_ms >= ?6) AND (?7 IS NULL OR d.at_ms < ?7)
         ORDER BY d.n DESC LIMIT ?8`,
        query.before ?? null,
        query.grant ?? null,
        query.server ?? null,
        query.name ?? null,
        query.verdict ?? null,
        query.fromMs ?? null,
        query.toMs ?? null,
        query.limit + 1,
      )
      .toArray();
    const items = rows.slice(0, query.limit).map(toLogRow);
    return { items, next: rows.length > query.limit ? (items.at(-1)?.n ?? null) : null };
  }

  /** One decision with its outcome, or null where the log does not have it (yet). */
  find(gate: GrantId, seq: number): LogRow | null {
    const row = this.#sql
      .exec<Row>(
        `SELECT d.n, d.body, o.body AS outcome
         FROM entry d LEFT JOIN entry o ON o.gate = d.gate AND o.seq = d.seq AND o.kind = 'outcome'
         WHERE d.gate = ?1 AND d.seq = ?2 AND d.kind = 'decision'`,
        gate,
        seq,
      )
      .toArray()[0];
    return row ? toLogRow(row) : null;
  }
}

function toLogRow(row: Row): LogRow {
  const decision = JSON.parse(row.body) as DecisionEntry;
  const outcome = row.outcome === null ? null : (JSON.parse(row.outcome) as OutcomeEntry);
  return { n: row.n, id: decisionId(decision.gate, decision.seq), decision, outcome };
}
