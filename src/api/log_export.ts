import * as z from "zod/mini";
import type { Head } from "../audit/chain.ts";
import type { Stored } from "../audit/log.ts";
import { type Fault, fault } from "../fault.ts";
import type { TeamId } from "../id.ts";
import { csvHeader, csvRow } from "./log_csv.ts";
import { mayReadValues } from "./log_view.ts";
import { type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { type Reply, reply } from "./reply.ts";

const exportQuery = z.strictObject({
  format: z._default(z.enum(["jsonl", "csv"]), "jsonl"),
  after: z
    ._default(z.coerce.number().check(z.int(), z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER)), 0)
    .check(z.describe("Only what follows this entry: the last `n` of an export before.")),
});

/** The whole log as a file. */
export const exportOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "export_log",
      method: "get",
      path: "/v1/teams/{team}/log/export",
      tag: "Log",
      summary: "The log with its hashes and checkpoints, to keep and to verify elsewhere",
      query: exportQuery,
      media: ["application/jsonl", "text/csv"],
      answers: { 200: z.string() },
    },
    exported,
  ),
];

const rowsAtOnce = 250;
type Rows = Stored["rows"][number];

/** How a format writes its parts. */
interface Format {
  readonly media: string;
  /** `dropped`: how far retention has taken the log's beginning away. */
  readonly start: (team: TeamId, after: Head, dropped: number) => string;
  readonly entry: (row: Rows) => string;
  readonly checkpoint: (jws: string) => string;
}

async function exported(call: TeamCall<unknown, z.output<typeof exportQuery>>): Promise<Reply | Fault> {
  const { deps, team, membership, query } = call;
  const stub = deps.log(team.id);
  const { floor } = await stub.read(0, 1);
  const after = Math.max(query.after, floor.n);
  const hash = after === floor.n ? floor.hash : await stub.hashAt(after);
  if (hash === null) return noSuchPlace;
  const format = query.format === "csv" ? csv : jsonl(mayReadValues(membership));
  const body = stream(format, format.start(team.id, { n: after, hash }, floor.n), after, (place) =>
    stub.read(place, rowsAtOnce),
  );
  const file = `attachment; filename="${team.slug}-log.${query.format}"`;
  return reply(200, body, { "Content-Type": format.media, "Content-Disposition": file });
}

const noSuchPlace = fault("invalid", "The request has mistakes; `errors` says where.", [
  { pointer: "/after", message: "the log has no such entry" },
]);

function stream(
  format: Format,
  start: string,
  after: number,
  read: (after: number) => Promise<Stored>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let place = after;
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(start)),
    async pull(controller) {
      const { rows, checkpoints } = await read(place);
      const last = rows.at(-1);
      if (last === undefined || last.n <= place) return controller.close();
      const sealed = new Map(checkpoints.map(({ n, jws }) => [n, jws]));
      const lines = rows.map((row) => {
        const jws = sealed.get(row.n);
        return format.entry(row) + (jws === undefined ? "" : format.checkpoint(jws));
      });
      controller.enqueue(encoder.encode(lines.join("")));
      place = last.n;
    },
  });
}

/** One JSON text a line. `entry` comes last and is the hashed text itself, so that it can be cut out byte by byte. */
export const jsonl = (withValues: boolean): Format => ({
  media: "application/jsonl",
  start: (team, { n, hash }, dropped) =>
    `${JSON.stringify({ portcullis_log: 1, team, after: { n, hash }, dropped })}\n`,
  entry: ({ n, hash, body, kept }) => {
    const values = withValues && kept ? `"values":${JSON.stringify(kept)},` : "";
    return `{"n":${n},"hash":"${hash}",${values}"entry":${body}}\n`;
  },
  checkpoint: (jws) => `${JSON.stringify({ checkpoint: jws })}\n`,
});

const csv: Format = {
  media: "text/csv; charset=utf-8",
  start: () => csvHeader,
  entry: csvRow,
  checkpoint: () => "",
};
