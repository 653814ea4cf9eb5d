import type { GrantId } from "../id.ts";
import { genesis, type Head, type Link, linkEntry } from "./chain.ts";
import type { ControlEntry, Entry, EventPage, KeptValues, LogRow, Placed } from "./entry.ts";
import {
  type DecisionRow,
  entriesOf,
  keptOf,
  logRow,
  placeOf,
  searchable,
  type Written,
} from "./entry_text.ts";
import { Known } from "./known.ts";

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
  /** Whether it tells a second time how a call ended. */
  readonly twice: boolean;
}

type StoredRow = Omit<StoredEntry, "kept" | "follows" | "twice"> & {
  salt: string | null;
  text: string | null;
  follows: number;
  twice: number;
};
/** A decision with its outcome and what was kept of its arguments; `d` is the decision's row. */
export const decisionColumns = "d.n, d.body, o.body AS outcome, k.salt, k.text";
export const decisionJoins = `
  LEFT JOIN entry o ON o.gate = d.gate AND o.seq = d.seq AND o.kind = 'outcome'
  LEFT JOIN kept k ON k.n = d.n`;

/** What an entry was recorded as, its place, and the stored body of its call's other entry: a decision's outcome, or an outcome's decision. */
export interface Added {
  readonly n: number;
  readonly entry: Entry;
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

  /** Links the entries to the head that are not here already, in the order given. */
  add(all: readonly Written[]): Added[] {
    const known = new Known(all.length > 0 ? this.#standing(all) : []);
    return all.flatMap((one) => {
      const news = known.news(one);
      if (!news) return [];
      const other = known.other(news.entry);
      known.add(news);
      return [{ n: this.#link(news), entry: news.entry, other }];
    });
  }

  /** What is here of the entries' calls, and of those very events: one question, however many they are. */
  #standing(all: readonly Written[]) {
    return this.#sql.exec<{ gate: string; seq: number; kind: Entry["kind"]; body: string }>(
      `SELECT e.gate, e.seq, e.kind, e.body FROM json_each(?1) w CROSS JOIN entry e
       WHERE e.gate = w.value ->> 0 AND e.seq = w.value ->> 1`,
      JSON.stringify(all.map(({ entry }) => placeOf(entry))),
    );
  }

  #link({ entry, body }: Written): number {
    const n = this.#head.n + 1;
    const hash = linkEntry(this.#head.hash, n, body);
    const [source, seq] = placeOf(entry);
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
    return n;
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
                         WHERE p.gate = e.gate AND p.seq = e.seq - 1 AND p.kind = 'decision' AND p.n < e.n) AS follows,
                e.kind = 'outcome' AND EXISTS (SELECT 1 FROM entry p
                         WHERE p.gate = e.gate AND p.seq = e.seq AND p.kind = 'decision'
                           AND json_valid(p.body) AND p.body ->> '$.outcome' IS NOT NULL) AS twice
         FROM entry e LEFT JOIN kept k ON k.n = e.n
         WHERE e.n >= ?1 ORDER BY e.n LIMIT ?2`,
        from,
        limit,
      )
      .toArray()
      .map(({ salt, text, follows, twice, ...row }) => ({
        ...row,
        kept: keptOf(salt, text),
        follows: follows === 1,
        twice: twice === 1,
      }));
  }

  /** The hash of entry `n`, or null where it is not here. */
  hashAt(n: number): string | null {
    const row = this.#sql.exec<{ hash: string }>("SELECT hash FROM entry WHERE n = ?1", n).toArray()[0];
    return row?.hash ?? null;
  }

  /**
   * Entries behind `after`, oldest first, for those who follow the log; a decision and its outcome apart, also where they stand
   * in one place. Kept arguments are not among them.
   */
  tail(after: number, limit: number): Placed[] {
    return this.#sql
      .exec<{ n: number; body: string }>(
        "SELECT n, body FROM entry WHERE n > ?1 ORDER BY n LIMIT ?2",
        after,
        limit,
      )
      .toArray()
      .flatMap(({ n, body }) => entriesOf(body).map((entry) => ({ n, entry })));
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
