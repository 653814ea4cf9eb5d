import type { Approval, State } from "../approval/approval.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS inbox (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, at_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
    version INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS inbox_by_age ON inbox (at_ms DESC, id);
  CREATE INDEX IF NOT EXISTS inbox_by_state ON inbox (state, at_ms DESC, id);
`;

/** What the inbox may be narrowed by; the page goes on behind `before`. */
export interface InboxQuery {
  readonly state?: State;
  readonly before?: { readonly atMs: number; readonly id: string };
  readonly limit: number;
}

export interface InboxPage {
  readonly items: readonly Approval[];
  readonly more: boolean;
}

// The gates' decisions are kept by the team's own retention; a request that nobody answered is of no use for longer.
const keptMs = 90 * 86_400_000;

/** The team's index of approvals, so that they are found without asking every gate. Their gates decide. */
export class InboxTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#sql.exec(schema);
  }

  /** Takes approvals as their gates have them now; of two states of one the later stays, in whatever order they come. */
  put(approvals: readonly Approval[], nowMs: number): void {
    for (const approval of approvals) {
      const { id, state, atMs, expiresAtMs, version } = approval;
      this.#sql.exec(
        `INSERT INTO inbox (id, state, at_ms, expires_ms, version, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version, body = excluded.body
          WHERE excluded.version > version`,
        id,
        state,
        atMs,
        expiresAtMs,
        version,
        JSON.stringify(approval),
      );
    }
    this.#sql.exec("DELETE FROM inbox WHERE expires_ms < ?1", nowMs - keptMs);
  }

  /** Newest first. One whose time is up is expired, although its gate may not have said so yet. */
  list({ state, before, limit }: InboxQuery, nowMs: number): InboxPage {
    const live = "state IN ('pending', 'approved')";
    const stateNow = `iif(${live} AND expires_ms <= ?1, 'expired', state)`;
    const rows = this.#sql
      .exec<{ body: string }>(
        `SELECT body FROM inbox
          WHERE (?2 IS NULL OR ((state = ?2 OR (?2 = 'expired' AND ${live})) AND ${stateNow} = ?2))
            AND (?3 IS NULL OR at_ms < ?3 OR (at_ms = ?3 AND id > ?4))
          ORDER BY at_ms DESC, id LIMIT ?5`,
        nowMs,
        state ?? null,
        before?.atMs ?? null,
        before?.id ?? null,
        limit + 1,
      )
      .toArray();
    const items = rows.slice(0, limit).map((row) => JSON.parse(row.body) as Approval);
    return { items, more: rows.length > limit };
  }

  /** One approval as its gate last told, or null. */
  find(id: string): Approval | null {
    const row = this.#sql.exec<{ body: string }>("SELECT body FROM inbox WHERE id = ?1", id).toArray()[0];
    return row ? (JSON.parse(row.body) as Approval) : null;
  }
}
