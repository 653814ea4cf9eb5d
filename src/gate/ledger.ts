import type { DecisionEntry, OutcomeEntry } from "../audit/entry.ts";
import { Book, type BookState, type Take } from "../limit/book.ts";
import type { Series } from "../limit/series.ts";
import { type Parcel, readParcel, type Told } from "./parcel.ts";
import { Rounds, type RoundsState } from "./rounds.ts";
import type { Continued } from "./rpc.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS decision (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, takes TEXT NOT NULL, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS outcome (batch INTEGER PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS series (key TEXT PRIMARY KEY, marks TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS folded (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);
`;

/** How things stood when rows were last removed: rows up to `seq` and `batch` are in the book already. */
interface Folded extends BookState {
  readonly seq: number;
  readonly batch: number;
  readonly told?: Told;
  readonly atMs: number;
  readonly rounds?: RoundsState;
}

/** Past this many unshipped rows the gate denies: the record must not be lost (architecture.md §1). */
export const unshippedMax = 50_000;

/**
 * The gate's durable memory. One row a decision, and that row is the count too: it names what was taken from which series,
 * so the series are folded into rows of their own only when the decisions have reached the log.
 */
export class Ledger {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  /** What is counted; only the ledger's own methods change it, but for what shared counters confirm. */
  readonly book: Book;
  readonly #rounds = new Rounds();
  #lastSeq = 0;
  #lastMs = 0;
  #lastBatch = 0;
  #unshipped = 0;
  #told: Told = { seq: 0, batch: 0, done: 0 };
  /** Rows up to there stand here yet. */
  #toForget = false;

  /** `bounds` are the first instants of the calendar windows that hold a moment (`Calendar.bounds`). */
  constructor(storage: DurableObjectStorage, bounds: (nowMs: number) => readonly number[]) {
    this.book = new Book(bounds);
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#sql.exec(schema);
    this.#load();
  }

  #load(): void {
    const folded = this.#sql.exec<{ body: string }>("SELECT body FROM folded WHERE id = 1").toArray()[0];
    if (folded) this.#restore(readExact(folded.body) as Folded);
    const decisions = this.#sql.exec<{ takes: string; body: string }>(
      "SELECT takes, body FROM decision WHERE seq > ?1 ORDER BY seq",
      this.#lastSeq,
    );
    for (const row of decisions) this.#remember(JSON.parse(row.body) as DecisionEntry, readTakes(row.takes));
    const outcomes = this.#sql.exec<{ batch: number; body: string }>(
      "SELECT batch, body FROM outcome WHERE batch > ?1 ORDER BY batch",
      this.#lastBatch,
    );
    for (const row of outcomes) {
      this.#lastBatch = row.batch;
      for (const outcome of JSON.parse(row.body) as OutcomeEntry[]) this.#end(outcome);
    }
    this.#unshipped = this.#countUnshipped();
  }

  #restore(folded: Folded): void {
    const rows = this.#sql.exec<{ key: string; marks: string }>("SELECT key, marks FROM series").toArray();
    this.book.restore(
      rows.map(({ key, marks }) => [key, readMarks(marks)]),
      folded,
    );
    this.#rounds.restore(folded.rounds);
    this.#lastSeq = folded.seq;
    this.#lastBatch = folded.batch;
    this.#lastMs = folded.atMs;
    this.#told = { ...this.#told, ...folded.told };
  }

  #remember(entry: DecisionEntry, takes: readonly Take[]): void {
    const allowed = entry.verdict === "allowed";
    this.book.take(entry.seq, entry.atMs, takes, allowed);
    if (allowed && entry.continues !== undefined) this.#rounds.use(entry.continues, entry.seq);
    this.#lastSeq = entry.seq;
    this.#lastMs = entry.atMs;
    this.#unshipped++;
  }

  #end({ seq, end, atMs }: OutcomeEntry): void {
    this.book.end(seq, end === "not_sent", atMs);
    if (end === "not_sent") this.#rounds.giveBack(seq);
  }

  /** Whether a call may go on from that round without being counted again: once, and not for ever. */
  mayContinue(round: Continued, nowMs: number): boolean {
    return this.#rounds.mayContinue(round, nowMs);
  }

  /** The time to judge by: the clock, but never before what is already written (policy.md §5). */
  nowMs(clockMs: number): number {
    return Math.max(clockMs, this.#lastMs);
  }

  get nextSeq(): number {
    return this.#lastSeq + 1;
  }

  get hasUnshipped(): boolean {
    return this.#unshipped > 0;
  }

  get full(): boolean {
    return this.#unshipped >= unshippedMax;
  }

  /** Writes the decision's one row. `entry.seq` must be `nextSeq`, and its time from `nowMs`. */
  append(entry: DecisionEntry, takes: readonly Take[]): void {
    this.#sql.exec(
      "INSERT INTO decision (seq, at_ms, takes, body) VALUES (?1, ?2, ?3, ?4)",
      entry.seq,
      entry.atMs,
      writeTakes(takes),
      JSON.stringify(entry),
    );
    this.#remember(entry, takes);
  }

  /** Writes how calls ended, one row for all; a call that has ended already is passed over. The row gives back, too. */
  settle(outcomes: readonly OutcomeEntry[]): void {
    const fresh = outcomes.filter((outcome) => this.book.isOpen(outcome.seq));
    if (fresh.length === 0) return;
    this.#lastBatch++;
    this.#sql.exec(
      "INSERT INTO outcome (batch, body) VALUES (?1, ?2)",
      this.#lastBatch,
      JSON.stringify(fresh),
    );
    for (const outcome of fresh) this.#end(outcome);
    this.#unshipped++;
  }

  /** What is next for the log, or null; see `readParcel`. */
  unshipped(rowsMax: number, openAfterMs: number): Parcel | null {
    const waits = (seq: number, atMs: number) => atMs > openAfterMs && this.book.isOpen(seq);
    return readParcel(this.#sql, { rowsMax, told: this.#told, lastSeq: this.#lastSeq, waits });
  }

  /** When the oldest decision was made that has not been shipped; null where all have. */
  get oldestUnshippedMs(): number | null {
    const [row] = this.#sql.exec<{ atMs: number }>(
      "SELECT at_ms AS atMs FROM decision WHERE seq > ?1 ORDER BY seq LIMIT 1",
      this.#told.seq,
    );
    return row?.atMs ?? null;
  }

  /** The log has it. */
  shipped({ told }: Parcel): void {
    this.#told = told;
    this.#toForget = true;
  }

  /** Forgets rows that the log has: the counts and open calls as they stand now are folded, in one transaction. */
  forgetShipped(): void {
    if (!this.#toForget) return;
    this.#toForget = false;
    const told = this.#told;
    this.#storage.transactionSync(() => {
      for (const [key, series] of this.book.fold(this.#lastMs)) {
        // Updated in place: to replace a row writes its key's index anew, and each is billed (docs/cost.md).
        const write =
          "INSERT INTO series (key, marks) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET marks = excluded.marks";
        this.#sql.exec(write, key, writeMarks(series));
      }
      const folded: Folded = {
        seq: this.#lastSeq,
        batch: this.#lastBatch,
        atMs: this.#lastMs,
        told,
        ...this.book.state(this.#lastMs),
        rounds: this.#rounds.state,
      };
      this.#sql.exec("INSERT OR REPLACE INTO folded (id, body) VALUES (1, ?1)", writeExact(folded));
      this.#sql.exec("DELETE FROM decision WHERE seq <= ?1", told.seq);
      this.#sql.exec("DELETE FROM outcome WHERE batch <= ?1", told.done);
    });
    this.#unshipped = this.#countUnshipped();
  }

  #countUnshipped(): number {
    const row = this.#sql
      .exec<{ rows: number }>(
        "SELECT (SELECT count(*) FROM decision) + (SELECT count(*) FROM outcome) AS rows",
      )
      .one();
    return row.rows;
  }

  /** A decision that has not reached the log yet, with its outcome. */
  find(seq: number): { decision: DecisionEntry; outcome: OutcomeEntry | null } | null {
    const row = this.#sql
      .exec<{ body: string }>("SELECT body FROM decision WHERE seq = ?1", seq)
      .toArray()[0];
    if (!row) return null;
    const outcomes = this.#sql.exec<{ body: string }>("SELECT body FROM outcome").toArray();
    const all = outcomes.flatMap((batch) => JSON.parse(batch.body) as OutcomeEntry[]);
    return {
      decision: JSON.parse(row.body) as DecisionEntry,
      outcome: all.find((outcome) => outcome.seq === seq) ?? null,
    };
  }
}

const writeMarks = (series: Series): string =>
  JSON.stringify(series.map((mark) => [mark.fromMs, mark.atMs, String(mark.amount)]));

const readMarks = (text: string): Series =>
  (JSON.parse(text) as [number, number, string][]).map(([fromMs, atMs, amount]) => ({
    fromMs,
    atMs,
    amount: BigInt(amount),
  }));

type WrittenTake = [
  series: string,
  amount: string,
  ...held: [id: string, atMs: number, elapsedMs: number] | [],
];

const writeTakes = (takes: readonly Take[]): string =>
  JSON.stringify(
    takes.map(
      ({ series, amount, held }): WrittenTake =>
        held ? [series, String(amount), held.id, held.atMs, held.elapsedMs] : [series, String(amount)],
    ),
  );

const readTakes = (text: string): Take[] =>
  (JSON.parse(text) as WrittenTake[]).map(([series, amount, id, atMs, elapsedMs]) => ({
    series,
    amount: BigInt(amount),
    held: id === undefined || atMs === undefined || elapsedMs === undefined ? null : { id, atMs, elapsedMs },
  }));

const writeExact = (value: Folded): string =>
  JSON.stringify(value, (_, member) => (typeof member === "bigint" ? String(member) : member));

const readExact = (text: string): unknown =>
  JSON.parse(text, (key, member) => (key === "amount" ? BigInt(member) : member));
