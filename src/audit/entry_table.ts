import { decisionId, type GrantId } from "../id.ts";
import { genesis, type Head, type Link, link, linkEntry } from "./chain.ts";
import type {
  ControlEntry,
  DecisionEntry,
  Entry,
  EventPage,
  KeptValues,
  LogRow,
  OutcomeEntry,
  Placed,
} from "./entry.ts";

// What is indexed is what a look-up by gate and the rare filters need: every index is a row more to write.
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
  CREATE INDEX IF NOT EXISTS entry_by_refusal ON entry (verdict, n) WHERE verdict <> 'allowed';
  CREATE INDEX IF NOT EXISTS event_by_place ON entry (n) WHERE kind = 'control';
  CREATE TABLE IF NOT EXISTS kept (n INTEGER PRIMARY KEY, salt TEXT NOT NULL, text TEXT NOT NULL);
`;

/** A stored row with the columns that are only there to search by. */
export interface StoredEntry extends Link {
  readonly kind: string;
  readonly atMs: number;
  readonly gate: string | null;
  readonly seq: number | null;
  readonly server: string | null;
  readonly name: string | null;
  readonly verdict: string | null;
  readonly kept: KeptValues | null;
  /** Whether the gate's decision before this one stands before it. */
  readonly follows: boolean;
}

type StoredRow = Omit<StoredEntry, "kept" | "follows"> & {
  salt: string | null;
  text: string | null;
  follows: number;
};
type DecisionRow = {
  n: number;
  body: string;
  outcome: string | null;
  salt: string | null;
  text: string | null;
};

/** A decision with its outcome and what was kept of its arguments; `d` is the decision's row. */
export const decisionColumns = "d.n, d.body, o.body AS outcome, k.salt, k.text";
export const decisionJoins = `
  LEFT JOIN entry o ON o.gate = d.gate AND o.seq = d.seq AND o.kind = 'outcome'
  LEFT JOIN kept k ON k.n = d.n`;

/** The salted hash under which the chain holds kept arguments. */
export const valuesHash = ({ salt, text }: KeptValues): string => link(salt, [text]);

/** Where a new entry stands, and the stored body of its call's other entry: a decision's outcome, or an outcome's decision. */
export interface Added {
  readonly n: number;
  readonly other: string | null;
}

/** The entries of one team's log, in one hash chain. */
export class EntryTable {
  readonly #sql: SqlStorage;
  #head: Head;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(schema);
    this.#head = { n: 0, hash: genesis };
  }

  get head(): Head {
    return this.#head;
  }

  /** Sets the head to the last row, or, where none is left, to `fallback`. */
  reload(fallback: Head): void {
    const last = this.#sql.exec<{ n: number; hash: string }>(
      "SELECT n, hash FROM entry ORDER BY n DESC LIMIT 1",
    );
    this.#head = last.toArray()[0] ?? fallback;
  }

  /** Links an entry to the head, unless it is here already. */
  add(entry: Entry): Added | null {
    const [source, seq] = entry.kind === "control" ? [entry.id, 0] : [entry.gate, entry.seq];
    const same = this.#sql
      .exec<{ kind: string; body: string }>(
        "SELECT kind, body FROM entry WHERE gate = ?1 AND seq = ?2",
        source,
        seq,
      )
      .toArray();
    if (same.some(({ kind }) => kind === entry.kind)) return null;
    const n = this.#head.n + 1;
    const body = bodyOf(entry);
    const hash = linkEntry(this.#head.hash, n, body);
    const { server, name, verdict } = searchable(entry);
    this.#sql.exec(
      `INSERT INTO entry (n, kind, at_ms, gate, seq, server, name, verdict, body, hash)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
      n,
      entry.kind,
      entry.atMs,
      source,
      seq,
      server,
      name,
      verdict,
      body,
      hash,
    );
    if (entry.kind === "decision" && entry.values) this.#keep(n, entry.values);
    this.#head = { n, hash };
    return { n, other: same[0]?.body ?? null };
  }

  #keep(n: number, { salt, text }: KeptValues): void {
    this.#sql.exec("INSERT INTO kept (n, salt, text) VALUES (?1, ?2, ?3)", n, salt, text);
  }

  /** Whether an entry is here: a gate's by its number, an event by its id (and 0). */
  has(source: string, seq: number, kind: Entry["kind"]): boolean {
    const found = this.#sql.exec(
      "SELECT 1 FROM entry WHERE gate = ?1 AND seq = ?2 AND kind = ?3",
      source,
      seq,
      kind,
    );
    return found.toArray().length > 0;
  }

  /** Rows from `from` on, in order, as they are stored. */
  stored(from: number, limit: number): StoredEntry[] {
    return this.#sql
      .exec<StoredRow>(
        `SELECT e.n, e.kind, e.at_ms AS atMs, e.gate, e.seq, e.server, e.name, e.verdict, e.body, e.hash, k.salt, k.text,
                EXISTS (SELECT 1 FROM entry p
                         WHERE p.gate = e.gate AND p.seq = e.seq - 1 AND p.kind = 'decision' AND p.n < e.n) AS follows
         FROM entry e LEFT JOIN kept k ON k.n = e.n
         WHERE e.n >= ?1 ORDER BY e.n LIMIT ?2`,
        from,
        limit,
      )
      .toArray()
      .map(({ salt, text, follows, ...row }) => ({
        ...row,
        kept: keptOf(salt, text),
        follows: follows === 1,
      }));
  }

  /** The hash of entry `n`, or null where it is not here. */
  hashAt(n: number): string | null {
    const row = this.#sql.exec<{ hash: string }>("SELECT hash FROM entry WHERE n = ?1", n).toArray()[0];
    return row?.hash ?? null;
  }

  /** Entries behind `after`, oldest first, for those who follow the log. Kept arguments are not among them. */
  tail(after: number, limit: number): Placed[] {
    return this.#sql
      .exec<{ n: number; body: string }>(
        "SELECT n, body FROM entry WHERE n > ?1 ORDER BY n LIMIT ?2",
        after,
        limit,
      )
      .toArray()
      .map(({ n, body }) => ({ n, entry: entryOf(body) }));
  }

  /** One decision with its outcome, or null where the log does not have it (yet). */
  find(gate: GrantId, seq: number): LogRow | null {
    const row = this.#sql
      .exec<DecisionRow>(
        `SELECT ${decisionColumns} FROM entry d ${decisionJoins}
         WHERE d.gate = ?1 AND d.seq = ?2 AND d.kind = 'decision'`,
        gate,
        seq,
      )
      .toArray()[0];
    return row ? logRow(row) : null;
  }

  /** Events of the control plane, newest first. */
  events(before: number | null, limit: number): EventPage {
    const rows = this.#sql
      .exec<{ n: number; body: string }>(
        `SELECT n, body FROM entry INDEXED BY event_by_place
         WHERE kind = 'control' AND n < ?1 ORDER BY n DESC LIMIT ?2`,
        before ?? Number.MAX_SAFE_INTEGER,
        limit + 1,
      )
      .toArray();
    const items = rows.slice(0, limit).map(({ n, body }) => ({ n, event: JSON.parse(body) as ControlEntry }));
    return { items, next: rows.length > limit ? (items.at(-1)?.n ?? null) : null };
  }

  /** Forgets all entries up to `n`. */
  drop(n: number): void {
    this.#sql.exec("DELETE FROM kept WHERE n <= ?1", n);
    this.#sql.exec("DELETE FROM entry WHERE n <= ?1", n);
  }
}

/** The JSON text that is hashed: the entry, with a salted hash in place of the arguments that were kept. */
function bodyOf(entry: Entry): string {
  if (entry.kind !== "decision") return JSON.stringify(entry);
  const { values, ...rest } = entry;
  return JSON.stringify({ ...rest, valuesHash: values && valuesHash(values) });
}

/** What of an entry the list is searched by. */
export const searchable = (entry: Entry) =>
  entry.kind === "decision"
    ? { server: entry.server.id, name: entry.target.name, verdict: entry.verdict }
    : { server: null, name: null, verdict: null };

const keptOf = (salt: string | null, text: string | null): KeptValues | null =>
  salt === null || text === null ? null : { salt, text };

type StoredDecision = Omit<DecisionEntry, "values"> & { valuesHash?: string | null };

/** Reads a stored body back. Rows of the first version name no member. */
export function entryOf(body: string, kept: KeptValues | null = null): Entry {
  const entry = JSON.parse(body) as StoredDecision | OutcomeEntry | ControlEntry;
  if (entry.kind !== "decision") return entry;
  const { valuesHash: _, ...decision } = entry;
  return { ...decision, member: decision.member ?? null, values: kept };
}

/** A line of the list from its row. */
export function logRow(row: DecisionRow): LogRow {
  const decision = entryOf(row.body, keptOf(row.salt, row.text)) as DecisionEntry;
  const outcome = row.outcome === null ? null : (JSON.parse(row.outcome) as OutcomeEntry);
  return { n: row.n, id: decisionId(decision.gate, decision.seq), decision, outcome };
}
