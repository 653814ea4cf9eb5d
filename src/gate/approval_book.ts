import { type Approval, isLive } from "../approval/approval.ts";
import type { Basis } from "../approval/basis.ts";
import type { ControlEntry } from "../audit/entry.ts";
import type { Notice } from "./notice.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS approval (
    seq INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, live INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
    version INTEGER NOT NULL, listed INTEGER NOT NULL, basis TEXT NOT NULL, body TEXT NOT NULL, sealed TEXT);
  CREATE INDEX IF NOT EXISTS approval_by_fingerprint ON approval (fingerprint, seq);
  CREATE INDEX IF NOT EXISTS approval_live ON approval (expires_ms) WHERE live = 1;
  CREATE INDEX IF NOT EXISTS approval_unlisted ON approval (seq) WHERE listed < version;
  CREATE TABLE IF NOT EXISTS approval_notice (n INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS approval_event (n INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
`;

// The team's inbox has them longer; here they only answer who looks one up.
const keptMs = 30 * 86_400_000;

/** An approval with what only its gate has: the sealed call while it is live. */
export interface Kept {
  readonly approval: Approval;
  readonly sealed: string | null;
}

interface Row extends Record<string, SqlStorageValue> {
  body: string;
  sealed: string | null;
}

/** The approvals of one gate, and what of them the team's inbox and log have not heard yet. */
export class ApprovalBook {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#sql.exec(schema);
  }

  get nextSeq(): number {
    return this.#sql.exec<{ seq: number }>("SELECT coalesce(max(seq), 0) + 1 AS seq FROM approval").one().seq;
  }

  add(seq: number, approval: Approval, basis: Basis, sealed: string): void {
    this.#sql.exec(
      `INSERT INTO approval (seq, fingerprint, live, expires_ms, version, listed, basis, body, sealed)
       VALUES (?1, ?2, 1, ?3, ?4, 0, ?5, ?6, ?7)`,
      seq,
      approval.fingerprint,
      approval.expiresAtMs,
      approval.version,
      JSON.stringify(basis),
      JSON.stringify(approval),
      sealed,
    );
  }

  /** Writes a change; what has come to its end loses its sealed call. */
  save(seq: number, approval: Approval): void {
    this.#sql.exec(
      `UPDATE approval SET live = ?2, version = ?3, body = ?4, sealed = iif(?2 = 1, sealed, NULL) WHERE seq = ?1`,
      seq,
      isLive(approval) ? 1 : 0,
      approval.version,
      JSON.stringify(approval),
    );
  }

  find(seq: number): Kept | null {
    const row = this.#sql.exec<Row>("SELECT body, sealed FROM approval WHERE seq = ?1", seq).toArray()[0];
    return row ? { approval: JSON.parse(row.body) as Approval, sealed: row.sealed } : null;
  }

  /** The last that was asked for exactly this call, whatever became of it. */
  last(fingerprint: string): { readonly seq: number; readonly approval: Approval } | null {
    const [row] = this.#sql
      .exec<{ seq: number; body: string }>(
        "SELECT seq, body FROM approval WHERE fingerprint = ?1 ORDER BY seq DESC LIMIT 1",
        fingerprint,
      )
      .toArray();
    return row ? { seq: row.seq, approval: JSON.parse(row.body) as Approval } : null;
  }

  /** All that may still come to something, and under what they were asked. */
  live(): { readonly seq: number; readonly approval: Approval; readonly basis: Basis }[] {
    return this.#sql
      .exec<{ seq: number; body: string; basis: string }>(
        "SELECT seq, body, basis FROM approval WHERE live = 1 ORDER BY expires_ms",
      )
      .toArray()
      .map((row) => ({
        seq: row.seq,
        approval: JSON.parse(row.body) as Approval,
        basis: JSON.parse(row.basis) as Basis,
      }));
  }

  get liveCount(): number {
    return this.#sql.exec<{ rows: number }>("SELECT count(*) AS rows FROM approval WHERE live = 1").one()
      .rows;
  }

  /** When the next live one expires, or null. */
  get nextExpiryMs(): number | null {
    const sql = "SELECT min(expires_ms) AS at FROM approval WHERE live = 1";
    return this.#sql.exec<{ at: number | null }>(sql).one().at;
  }

  /** Live ones whose time is up. */
  overdue(nowMs: number): { readonly seq: number; readonly approval: Approval }[] {
    return this.#sql
      .exec<{ seq: number; body: string }>(
        "SELECT seq, body FROM approval WHERE live = 1 AND expires_ms <= ?1",
        nowMs,
      )
      .toArray()
      .map((row) => ({ seq: row.seq, approval: JSON.parse(row.body) as Approval }));
  }

  /** What the inbox has not heard yet; `seq` narrows it to one. */
  unlisted(limit: number, seq: number | null = null): Approval[] {
    return this.#sql
      .exec<{ body: string }>(
        "SELECT body FROM approval WHERE listed < version AND (?2 IS NULL OR seq = ?2) ORDER BY seq LIMIT ?1",
        limit,
        seq,
      )
      .toArray()
      .map((row) => JSON.parse(row.body) as Approval);
  }

  /** Notes what the inbox has now. */
  listed(seq: number, version: number): void {
    this.#sql.exec("UPDATE approval SET listed = max(listed, ?2) WHERE seq = ?1", seq, version);
  }

  /** Forgets what ended long ago. The newest stays, because the next one's number follows from it. */
  forget(nowMs: number): void {
    const sql =
      "DELETE FROM approval WHERE live = 0 AND listed = version AND expires_ms < ?1 AND seq < (SELECT max(seq) FROM approval)";
    this.#sql.exec(sql, nowMs - keptMs);
  }

  /** Keeps an event until the team's log has it. */
  addEvent(event: ControlEntry): void {
    this.#keep("approval_event", event);
  }

  events(limit: number): Waiting<ControlEntry> {
    return this.#waiting("approval_event", limit);
  }

  dropEvents(upTo: number): void {
    this.#sql.exec("DELETE FROM approval_event WHERE n <= ?1", upTo);
  }

  /** Keeps a notice until it stands before the team's webhooks. */
  addNotice(notice: Notice): void {
    this.#keep("approval_notice", notice);
  }

  notices(limit: number): Waiting<Notice> {
    return this.#waiting("approval_notice", limit);
  }

  dropNotices(upTo: number): void {
    this.#sql.exec("DELETE FROM approval_notice WHERE n <= ?1", upTo);
  }

  #keep(table: Outgoing, item: unknown): void {
    this.#sql.exec(`INSERT INTO ${table} (body) VALUES (?1)`, JSON.stringify(item));
  }

  #waiting<T>(table: Outgoing, limit: number): Waiting<T> {
    const rows = this.#sql
      .exec<{ n: number; body: string }>(`SELECT n, body FROM ${table} ORDER BY n LIMIT ?1`, limit)
      .toArray();
    return { upTo: rows.at(-1)?.n ?? 0, items: rows.map((row) => JSON.parse(row.body) as T) };
  }
}

type Outgoing = "approval_event" | "approval_notice";

/** What others may not have heard, with the mark up to which it may be dropped once they have. */
interface Waiting<T> {
  readonly upTo: number;
  readonly items: readonly T[];
}
