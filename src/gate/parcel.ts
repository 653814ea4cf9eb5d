import type { OutcomeEntry, Shipment } from "../audit/entry.ts";

/** Decisions up to `seq` have been shipped, with those of their ends that stand in rows up to `batch`. */
export interface Told {
  readonly seq: number;
  readonly batch: number;
}

/** What goes to the log at once, what it has then been told, and the last row of ends of which nothing is left to tell. */
export interface Parcel {
  readonly shipment: Shipment;
  readonly told: Told;
  readonly batch: number;
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
      "SELECT seq, at_ms AS atMs, body FROM decision ORDER BY seq LIMIT ?1",
      rowsMax,
    )
    .toArray();
  const waiting = rows.findIndex(({ seq, atMs }) => waits(seq, atMs));
  const ready = waiting < 0 ? rows : rows.slice(0, waiting);
  const shippedTo = (rows[0]?.seq ?? lastSeq + 1) - 1;
  const seq = ready.at(-1)?.seq ?? shippedTo;
  const { ends, batch, lastBatch } = readEnds(sql, seq, rowsMax, told);
  const calls = ready.map((row): Shipment["calls"][number] => [row.body, endText(ends.get(row.seq))]);
  const others = [...ends.values()].filter((end) => end.seq <= shippedTo);
  if (calls.length === 0 && others.length === 0) return null;
  const isFull = ready.length === rowsMax;
  return { shipment: { calls, others }, told: { seq, batch: lastBatch }, batch, isFull };
}

/** The ends of decisions up to `seq` that were not told yet, by number; `batch` is the last row before any end beyond. */
function readEnds(sql: SqlStorage, seq: number, rowsMax: number, told: Told) {
  const rows = sql
    .exec<{ batch: number; body: string }>("SELECT batch, body FROM outcome ORDER BY batch LIMIT ?1", rowsMax)
    .toArray();
  const ends = new Map<number, OutcomeEntry>();
  let batch = 0;
  let isWhole = true;
  for (const row of rows) {
    const all = JSON.parse(row.body) as OutcomeEntry[];
    const toldTo = row.batch <= told.batch ? told.seq : 0;
    for (const end of all) if (end.seq <= seq && end.seq > toldTo) ends.set(end.seq, end);
    isWhole &&= all.every((end) => end.seq <= seq);
    if (isWhole) batch = row.batch;
  }
  return { ends, batch, lastBatch: rows.at(-1)?.batch ?? told.batch };
}

function endText(end: OutcomeEntry | undefined): string | null {
  if (!end) return null;
  const { atMs, status, bytes, ms } = end;
  return JSON.stringify({ atMs, end: end.end, status, bytes, ms });
}
