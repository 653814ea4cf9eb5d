import type { LogQuery, LogRow } from "../audit/entry.ts";
import type { LogStub } from "./deps.ts";

/** A stretch of the log, oldest first. */
export interface History {
  readonly rows: readonly LogRow[];
  /** There are decisions before the first of these. */
  readonly more: boolean;
}

// A page of these stays well below what one RPC between objects may carry.
const pageRows = 1_000;

/** The last `count` decisions that the query finds; reads no further back than the page in which `sinceMs` lies. */
export async function lastDecisions(
  log: LogStub,
  query: Omit<LogQuery, "limit">,
  count: number,
  sinceMs = Number.NEGATIVE_INFINITY,
): Promise<History> {
  const rows: LogRow[] = [];
  let before = query.before ?? null;
  do {
    const limit = Math.min(pageRows, count - rows.length);
    const page = await log.list({ ...query, ...(before === null ? {} : { before }), limit });
    rows.push(...page.items);
    before = page.next;
  } while (before !== null && rows.length < count && (rows.at(-1)?.decision.atMs ?? 0) >= sinceMs);
  return { rows: rows.reverse(), more: before !== null };
}
