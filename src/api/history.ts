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
// A page of a log that has little of what is sought may be empty; this bounds how many are asked for.
const pagesMax = 100;

/** The last `count` decisions that the query finds; reads no further back than the page in which `sinceMs` lies. */
export async function lastDecisions(
  log: LogStub,
  query: Omit<LogQuery, "limit">,
  count: number,
  sinceMs = Number.NEGATIVE_INFINITY,
): Promise<History> {
  const rows: LogRow[] = [];
  let before = query.before ?? null;
  for (let pages = 0; pages < pagesMax; pages++) {
    const limit = Math.min(pageRows, count - rows.length);
    const page = await log.list({ ...query, ...(before === null ? {} : { before }), limit });
    rows.push(...page.items);
    before = page.next;
    const oldestMs = rows.at(-1)?.decision.atMs ?? Number.POSITIVE_INFINITY;
    if (before === null || rows.length >= count || oldestMs < sinceMs) break;
  }
  return { rows: rows.reverse(), more: before !== null };
}
