import type { DecisionEntry } from "../../src/audit/entry.ts";
import { decisionParts } from "../../src/id.ts";
import type { Call } from "./agents.ts";
import { callOf, keyOf, type Record } from "./record.ts";
import type { Limit } from "./team.ts";
import type { Seen } from "./witness.ts";

/** What of a promise was found broken; nothing is how it should be. */
export type Broken = readonly string[];

/** Nothing reaches the upstream without exactly one earlier Allow, and nothing reaches it twice (security.md §1.1). */
export function brokenAllows(seen: readonly Seen[], record: Record): Broken {
  const rows = Map.groupBy(record.decisions.values(), callOf);
  const broken: string[] = [];
  const times = new Map<string, number>();
  for (const { id, tool, atMs } of seen) {
    times.set(id, (times.get(id) ?? 0) + 1);
    const own = rows.get(id) ?? [];
    const [row] = own;
    if (own.length !== 1 || row?.verdict !== "allowed" || row.target.name !== tool)
      broken.push(`${id} was seen, and recorded as [${own.map(({ verdict }) => verdict)}]`);
    else if (row.atMs > atMs) broken.push(`${id} was seen ${row.atMs - atMs} ms before it was allowed`);
  }
  for (const [id, count] of times) if (count > 1) broken.push(`${id} was seen ${count} times`);
  return broken;
}

/** Whoever was told of a decision finds it, as it was told; and a call that was answered was seen. */
export function brokenAnswers(calls: readonly Call[], seen: readonly Seen[], record: Record): Broken {
  const witnessed = new Set(seen.map(({ id }) => id));
  return calls.flatMap(({ id, answer }) => {
    if (!answer?.decision) return [];
    const place = decisionParts(answer.decision);
    const row = place && record.decisions.get(keyOf(place));
    if (!row) return [`${id} was told of ${answer.decision}, which is nowhere`];
    const kept = callOf(row);
    if (kept !== null && kept !== id) return [`${id} was told of the decision of ${kept}`];
    const carried = row.verdict === "allowed" && answer.done;
    return carried && !witnessed.has(id) ? [`${id} was answered, and never seen`] : [];
  });
}

/** Decisions of a gate carry consecutive numbers, times that never run back, and no two rows of one call. */
export function brokenOrder({ decisions, changed }: Record): Broken {
  const broken = changed.map((key) => `${key} was rewritten`);
  const calls = new Set<string>();
  for (const rows of Map.groupBy(decisions.values(), ({ gate }) => gate).values()) {
    rows.sort((a, b) => a.seq - b.seq);
    for (const [i, row] of rows.entries()) {
      const id = callOf(row);
      if (row.seq !== i + 1) broken.push(`${keyOf(row)} stands at ${i + 1}`);
      if (row.atMs < (rows[i - 1]?.atMs ?? 0)) broken.push(`${keyOf(row)} lies before the one before it`);
      if (id !== null && calls.has(id)) broken.push(`${id} was decided twice`);
      if (id !== null) calls.add(id);
    }
  }
  return broken;
}

// A shared counter goes by its own reading of the clock, some milliseconds away from the gate's.
const readingMs = 50;

/** No window ever holds more than its limit lets through, whatever died in between. */
export function brokenLimits({ decisions }: Record, limits: readonly Limit[]): Broken {
  const allowed = [...decisions.values()].filter(({ verdict }) => verdict === "allowed");
  return limits.flatMap(({ tool, windowMs, max, shared }) => {
    const counted = allowed.filter(({ target }) => target.name === tool);
    const groups = shared ? [counted] : [...Map.groupBy(counted, ({ gate }) => gate).values()];
    const lengthMs = shared ? windowMs - readingMs : windowMs;
    return groups
      .map((rows) => fullest(rows, lengthMs))
      .filter((count) => count > max)
      .map((count) => `${tool}: ${count} of ${max} in ${windowMs} ms`);
  });
}

/** How many rows lie in the fullest interval of that length, both ends included. */
function fullest(rows: readonly DecisionEntry[], lengthMs: number): number {
  const times = rows.map(({ atMs }) => atMs).sort((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [to, atMs] of times.entries()) {
    while ((times[from] ?? 0) < atMs - lengthMs) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/** In the end every permitted call has one end, and no other call has any. */
export function brokenEnds({ decisions, outcomes }: Record): Broken {
  const open = [...decisions].filter(([key, { verdict }]) => verdict === "allowed" && !outcomes.has(key));
  const stray = [...outcomes.keys()].filter((key) => decisions.get(key)?.verdict !== "allowed");
  return [
    ...open.map(([key]) => `${key} has no end`),
    ...stray.map((key) => `${key} ended, and was never allowed`),
  ];
}
