import type { LogPage, LogQuery } from "./entry.ts";
import { decisionColumns, decisionJoins } from "./entry_table.ts";
import { type DecisionRow, logRow } from "./entry_text.ts";

/** Rows that one page looks at, at most: what asks for something rare gets a short page and a cursor to go on from. */
export const scanMax = 20_000;

/** Where a page looks: rows of `d`, the parameters that choose them, and the last place of them where there are more. */
interface Window {
  readonly rows: string;
  readonly bindings: readonly (string | number)[];
  readonly more: number | null;
}

interface Reach {
  readonly low: number;
  readonly high: number;
}

/**
 * Decisions within `reach`, newest first, each with its outcome. A gate's are found by its index, refused ones by theirs;
 * all else is a walk down the log.
 */
export function listDecisions(sql: SqlStorage, query: LogQuery, reach: Reach): LogPage {
  const high = Math.min(reach.high, (query.before ?? Number.MAX_SAFE_INTEGER) - 1);
  if (high < reach.low) return { items: [], next: null };
  const { rows: source, bindings, more } = windowOf(sql, query, { low: reach.low, high });
  const filter = narrowed(query, bindings.length + 1);
  const rows = sql
    .exec<DecisionRow>(
      `SELECT ${decisionColumns} FROM ${source} ${decisionJoins}
       WHERE d.kind = 'decision' ${filter.sql} ORDER BY d.n DESC LIMIT ?${bindings.length + 1}`,
      ...bindings,
      query.limit + 1,
      ...filter.bindings,
    )
    .toArray();
  const items = rows.slice(0, query.limit).map(logRow);
  return { items, next: rows.length > query.limit ? (items.at(-1)?.n ?? null) : more };
}

function windowOf(sql: SqlStorage, query: LogQuery, reach: Reach): Window {
  const { grant, verdict, before } = query;
  if (grant !== undefined) {
    const own = `SELECT n FROM entry WHERE gate = ?1 AND kind = 'decision' AND seq < ?2
                 ORDER BY seq DESC LIMIT ${scanMax}`;
    return indexed(sql, own, [grant, seqAt(sql, grant, before)], reach);
  }
  if (verdict !== undefined && verdict !== "allowed") {
    const refused = `SELECT n FROM entry WHERE verdict = ?1 AND verdict <> 'allowed' AND n <= ?2
                     ORDER BY n DESC LIMIT ${scanMax}`;
    return indexed(sql, refused, [verdict, reach.high], reach);
  }
  const low = Math.max(reach.low, reach.high - scanMax + 1);
  return {
    rows: "(SELECT * FROM entry WHERE n BETWEEN ?1 AND ?2) d",
    bindings: [low, reach.high],
    more: low > reach.low ? low : null,
  };
}

/** The window of what an index finds: places, newest first. */
function indexed(
  sql: SqlStorage,
  places: string,
  bindings: readonly (string | number)[],
  { low, high }: Reach,
): Window {
  const { count, last } = sql
    .exec<{ count: number; last: number | null }>(
      `SELECT count(*) AS count, min(n) AS last FROM (${places})`,
      ...bindings,
    )
    .one();
  return {
    rows: `(SELECT e.* FROM (${places}) w JOIN entry e ON e.n = w.n WHERE w.n BETWEEN ?3 AND ?4) d`,
    bindings: [...bindings, low, high],
    more: count === scanMax && last !== null && last > low ? last : null,
  };
}

/** The number that the gate gave to its decision at that place; past all where the place is another's. */
function seqAt(sql: SqlStorage, gate: string, n: number | undefined): number {
  const row = sql
    .exec<{ seq: number }>("SELECT seq FROM entry WHERE n = ?1 AND gate = ?2", n ?? 0, gate)
    .toArray()[0];
  return row?.seq ?? Number.MAX_SAFE_INTEGER;
}

/** The conditions of a query; its parameters are numbered behind `at`. */
function narrowed(query: LogQuery, at: number): { sql: string; bindings: (string | number)[] } {
  const terms: [string, string | number | undefined][] = [
    ["d.gate =", query.grant],
    ["d.server =", query.server],
    ["d.name =", query.name],
    ["d.verdict =", query.verdict],
    ["d.at_ms >=", query.fromMs],
    ["d.at_ms <", query.toMs],
  ];
  const given = terms.filter((term): term is [string, string | number] => term[1] !== undefined);
  return {
    sql: given.map(([test], index) => `AND ${test} ?${at + index + 1}`).join(" "),
    bindings: given.map(([, value]) => value),
  };
}
