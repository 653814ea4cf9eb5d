import type { OutcomeEntry, Shipment } from "../audit/entry.ts";

/** Decisions up to `seq` have been shipped, with those of their ends that stand in rows up to `batch`; rows up to `done` hold no others. */
export interface Told {
  readonly seq: number;
  readonly batch: number;
  readonly done: number;
}

/** What goes to the log at once, and what it has then been told. */
export interface Parcel {
  readonly shipment: Shipment;
  readonly told: Told;
  /** There may be more than one parcel carries. */
  readonly isFull: boolean;
}

/** Which of a ledger's rows a parcel may hold. */
interface Bounds {
  readonly rowsMax: number;
  readonly told: Told;
  readonly lastSeq: number;
  /** Whether the decision's end is still to come, and worth waiting for. */
  readonly waits: (seq: number, atMs: number) => boolean;
}

/**
 * Reads what is next for the log from a ledger's rows, or null. Decisions go in order, so one that waits for its end keeps
 * back those behind it. The end of a decision in the same parcel goes with it.
 */
export function readParcel(sql: SqlStorage, { rowsMax, told, lastSeq, waits }: Bounds): Parcel | null {
  const rows = sql
    .exec<{ seq: number; atMs: number; body: string }>(
      "SELECT seq, at_ms AS atMs, body FROM decision WHERE seq > ?1 ORDER BY seq LIMIT ?2",
      told.seq,
      rowsMax,
    )
    .toArray();
  const waiting = rows.findIndex(({ seq, atMs }) => waits(seq, atMs));
  const ready = waiting < 0 ? rows : rows.slice(0, waiting);
  const shippedTo = (rows[0]?.seq ?? lastSeq + 1) - 1;
  const seq = ready.at(-1)?.seq ?? shippedTo;
  const { ends, batch, done } = readEnds(sql, seq, rowsMax, told);
  const calls = ready.map((row): Shipment["calls"][number] => [row.body, endText(ends.get(row.seq))]);
  const others = [...ends.values()].filter((end) => end.seq <= shippedTo);
  if (calls.length === 0 && others.length === 0) return null;
  const isFull = ready.length === rowsMax;
  return { shipment: { calls, others }, told: { seq, batch, done }, isFull };
}

// Ends come roughly in the order of their calls: who is later than that is told in a later parcel.
const beyondMax = 2;

/** The ends of decisions up to `seq` that were not told yet, by number; `batch` is the last row read, `done` the last before any end beyond. */
function readEnds(sql: SqlStorage, seq: number, rowsMax: number, told: Told) {
  const rows = sql.exec<{ batch: number; body: string }>(
    "SELECT batch, body FROM outcome WHERE batch > ?1 ORDER BY batch LIMIT ?2",
    told.done,
    rowsMax,
  );
  const ends = new Map<number, OutcomeEntry>();
  let [batch, done] = [told.done, told.done];
  let [isWhole, beyond] = [true, 0];
  for (const row of rows) {
    const all = JSON.parse(row.body) as OutcomeEntry[];
    const toldTo = row.batch <= told.batch ? told.seq : 0;
    const reached = all.filter((end) => end.seq <= seq);
    for (const end of reached) if (end.seq > toldTo) ends.set(end.seq, end);
    isWhole &&= reached.length === all.length;
    if (isWhole) done = row.batch;
    batch = row.batch;
    beyond = reached.length > 0 ? 0 : beyond + 1;
    if (beyond === beyondMax) break;
  }
  return { ends, batch, done };
}

function endText(end: OutcomeEntry | undefined): string | null {
  if (!end) return null;
  const { atMs, status, bytes, ms } = end;
  return JSON.stringify({ atMs, end: end.end, status, bytes, ms });
}
