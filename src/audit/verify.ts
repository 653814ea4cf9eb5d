import { brokenLink, type Head, type Problem } from "./chain.ts";
import { type Checkpoint, sealEveryMs, segmentMax } from "./checkpoint.ts";
import type { DecisionEntry } from "./entry.ts";
import type { EntryTable, StoredEntry } from "./entry_table.ts";
import { entryOf, searchable, valuesHash } from "./entry_text.ts";
import { droppedId } from "./retention_table.ts";
import type { Segment, SegmentTable } from "./segment_table.ts";

/** What was found in a part of the log. The checkpoints' signatures are for the caller to check. */
export interface Verified {
  /** The first and the last entry that was looked at; `to` < `from` where there was none. */
  readonly from: number;
  readonly to: number;
  readonly head: Head;
  readonly checkpoints: readonly Checkpoint[];
  readonly problem: Problem | null;
  /** Where to go on, or null at the end. */
  readonly next: number | null;
}

// A few tens of milliseconds: whoever calls meanwhile hardly notices.
const rangeMax = 2_000;
// A checkpoint that is later than this was not merely delayed.
const sealGraceMs = 900_000;

/** Recomputes up to 2,000 entries of the log from `from` on; null starts where the log does. */
export function verifyRange(
  entries: EntryTable,
  segments: SegmentTable,
  from: number | null,
  nowMs: number,
): Verified {
  const { head } = entries;
  const floor = segments.floor;
  const first = Math.max(from ?? 0, floor.n + 1);
  const rows = entries.stored(first, rangeMax);
  const to = rows.at(-1)?.n ?? first - 1;
  const next = rows.length === rangeMax && to < head.n ? to + 1 : null;
  const closing = segments.list(first === floor.n + 1 ? floor.n - 1 : first - 1, rangeMax);
  const checkpoints = closing.filter(({ n }) => n <= to);
  const before = { n: first - 1, hash: first === floor.n + 1 ? floor.hash : entries.hashAt(first - 1) };
  const problem =
    before.hash === null
      ? { n: before.n, what: `entry ${before.n} is missing` }
      : (brokenLink({ n: before.n, hash: before.hash }, rows) ??
        brokenRow(rows, segments) ??
        brokenSeal(checkpoints, rows, floor) ??
        brokenStart(floor, entries) ??
        (next === null ? brokenEnd(head, to, segments, entries, nowMs) : null));
  return { from: first, to, head, checkpoints, problem, next };
}

/** A row that says other things beside its hashed text, or a decision without the one before it. */
function brokenRow(rows: readonly StoredEntry[], segments: SegmentTable): Problem | null {
  for (const row of rows) {
    const what = columnProblem(row) ?? orderProblem(row, segments);
    if (what) return { n: row.n, what };
  }
  return null;
}

function columnProblem(row: StoredEntry): string | null {
  const entry = entryOf(row.body);
  const { server, name, verdict } = searchable(entry);
  const [source, seq] =
    entry.kind === "control" ? [entry.id ?? null, entry.id ? 0 : null] : [entry.gate, entry.seq];
  const told = [entry.kind, entry.atMs, source, seq, server, name, verdict];
  const kept = [row.kind, row.atMs, row.gate, row.seq, row.server, row.name, row.verdict];
  if (told.some((value, index) => value !== kept[index])) return `entry ${row.n} is filed as something else`;
  if (row.twice) return `entry ${row.n} ends a call a second time`;
  if (!row.kept) return null;
  const { valuesHash: hash } = JSON.parse(row.body) as DecisionEntry & { valuesHash?: string };
  return hash === valuesHash(row.kept) ? null : `the arguments of entry ${row.n} are not what was recorded`;
}

function orderProblem(row: StoredEntry, segments: SegmentTable): string | null {
  if (row.kind !== "decision" || row.follows || row.gate === null || row.seq === null) return null;
  const expected = segments.droppedSeq(row.gate) + 1;
  return row.seq === expected ? null : `decision ${row.seq - 1} of ${row.gate} is not before entry ${row.n}`;
}

/** A checkpoint that closes something else than what stands there, or whose segment does not join the one before. */
function brokenSeal(
  checkpoints: readonly Segment[],
  rows: readonly StoredEntry[],
  floor: Head,
): Problem | null {
  const [start] = rows;
  for (const { n, first, hash } of checkpoints) {
    const what = `the checkpoint at ${n} does not fit`;
    const row = start ? rows[n - start.n] : undefined;
    const stands = n === floor.n ? floor.hash : row?.hash;
    if (stands !== hash || n - first >= segmentMax) return { n, what };
  }
  return null;
}

/** A log that lost its beginning must hold the event that says so: retention writes it in the same turn. */
function brokenStart({ n }: Head, entries: EntryTable): Problem | null {
  if (n === 0 || entries.has(droppedId(n), 0, "control")) return null;
  return { n: n + 1, what: `the log begins at ${n + 1} and does not say why` };
}

/** What only shows at the end: a log shorter than its last checkpoint, or one that nobody has sealed for too long. */
function brokenEnd(
  head: Head,
  to: number,
  segments: SegmentTable,
  entries: EntryTable,
  nowMs: number,
): Problem | null {
  const last = segments.last;
  const sealed = last?.n ?? 0;
  if (to !== head.n || sealed > head.n) return { n: to + 1, what: `entry ${to + 1} is missing` };
  if (head.n === sealed) return null;
  const [open] = entries.stored(sealed + 1, 1);
  const lateAt = Math.max(open?.atMs ?? nowMs, last?.atMs ?? 0) + sealEveryMs + sealGraceMs;
  const what = `entries from ${sealed + 1} on are not sealed by a checkpoint`;
  return head.n - sealed > 2 * segmentMax || nowMs > lateAt ? { n: sealed + 1, what } : null;
}
