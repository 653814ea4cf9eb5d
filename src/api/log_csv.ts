import type { Ending, Entry } from "../audit/entry.ts";
import { decisionId } from "../id.ts";
import { timestamp } from "./reply.ts";

const columns = [
  "n",
  "at",
  "kind",
  "decision",
  "grant",
  "member",
  "server",
  "method",
  "target",
  "outcome",
  "rule",
  "reason",
  "client",
  "end",
  "status",
  "bytes",
  "latency_ms",
  "actor",
  "action",
  "subject",
  "hash",
  "entry",
] as const;
type Cells = Partial<Record<(typeof columns)[number], string | number | null>>;

/** The first line of the log as CSV (RFC 4180). */
export const csvHeader = `${columns.join(",")}\r\n`;

/** An entry as a line of CSV; `entry` holds the hashed text. */
export function csvRow({ n, hash, body }: { n: number; hash: string; body: string }): string {
  const entry = JSON.parse(body) as Entry;
  const cells: Cells = {
    n,
    at: timestamp(entry.atMs),
    kind: entry.kind,
    ...cellsOf(entry),
    hash,
    entry: body,
  };
  return `${columns.map((column) => cell(cells[column] ?? null)).join(",")}\r\n`;
}

function cellsOf(entry: Entry): Cells {
  switch (entry.kind) {
    case "decision":
      return {
        decision: decisionId(entry.gate, entry.seq),
        grant: entry.gate,
        member: entry.member ?? null,
        server: entry.server.slug,
        method: entry.method,
        target: entry.target.name,
        outcome: entry.verdict,
        rule: entry.rule,
        reason: entry.reason,
        client: entry.client,
        ...(entry.outcome && endCells(entry.outcome)),
      };
    case "outcome":
      return {
        decision: decisionId(entry.gate, entry.seq),
        grant: entry.gate,
        ...endCells(entry),
      };
    case "control":
      return { actor: entry.actor, action: entry.action, subject: entry.subject };
  }
}

const endCells = ({ end, status, bytes, ms }: Ending): Cells => ({ end, status, bytes, latency_ms: ms });

/** Quoted, and behind an apostrophe where a spreadsheet would take the text for a formula (OWASP, CSV injection). */
function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text =
    /^[\s\p{C}]*[=+\-@\uff0b\uff0d\uff1d\uff20]/u.test(value) || /^[\t\r\n]/.test(value)
      ? `'${value}`
      : value;
  return `"${text.replaceAll('"', '""')}"`;
}
