import type { LogPage, LogQuery } from "./entry.ts";
import { decisionColumns, decisionJoins, logRow } from "./entry_table.ts";

/** Rows that one page looks at, at most: what asks for something rare gets a short page and a cursor to go on from. */
export const scanMax = 20_000;

type Row = Parameters<typeof logRow>[0];

/** What a page looks at: places, newest first. */
interface Window {
  readonly source: string;
  readonly bindings: readonly (string | number)[];
}

/**
 * Decisions within `reach`, newest first, each with its outcome. A gate's are found by its index, refused ones by theirs;
 * all else is a walk down the log.
 */
export function listDecisions(
  sql: SqlStorage,
  query: LogQuery,
  reach: { readonly low: number; readonly high: number },
): LogPage {
  const high = Math.min(reach.high, (query.before ?? Number.MAX_SAFE_INTEGER) - 1);
  if (high < reach.low) return end;
  const { source, bindings } = windowOf(sql, query, high);
  const window = sql
    .exec<{ rows: number; last: number | null }>(
      `SELECT count(*) AS rows, min(n) AS last FROM (${source})`,
      ...bindings,
    )
    .one();
  if (window.last === null) return end;
  const all = [...bindings, reach.low, high, query.limit + 1];
  const at = bindings.length;
  const filter = narrowed(query, all.length);
  const rows = sql
    .exec<Row>(
      `SELECT ${decisionColumns} FROM (${source}) w JOIN entry d ON d.n = w.n ${decisionJoins}
       WHERE d.kind = 'decision' AND d.n BETWEEN ?${at + 1} AND ?${at + 2} ${filter.sql}
       ORDER BY d.n DESC LIMIT ?${at + 3}`,
      ...all,
      ...filter.bindings,
    )
    .toArray();
  const items = rows.slice(0, query.limit).map(logRow);
  if (rows.length > query.limit) return { items, next: items.at(-1)?.n ?? null };
  return { items, next: window.rows === scanMax && window.last > reach.low ? window.last : null };
}

const end: LogPage = { items: [], next: null };

function windowOf(sql: SqlStorage, { grant, verdict, before }: LogQuery, high: number): Window {
  if (grant !== undefined) {
    return {
      source: `SELECT n FROM entry WHERE gate = ?1 AND kind = 'decision' AND seq < ?2
               ORDER BY seq DESC LIMIT ${scanMax}`,
      bindings: [grant, seqAt(sql, grant, before)],
    };
  }
  if (verdict !== undefined && verdict !== "allowed") {
    return {
      source: `SELECT n FROM entry WHERE verdict = ?1 AND verdict <> 'allowed' AND n <= ?2
               ORDER BY n DESC LIMIT ${scanMax}`,
      bindings: [verdict, high],
    };
  }
  return {
    source: `SELECT n FROM entry WHERE n <= ?1 ORDER BY n DESC LIMIT ${scanMax}`,
    bindings: [high],
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
