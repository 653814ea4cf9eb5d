import * as z from "zod/mini";
import type { Cell } from "../audit/rollup_table.ts";
import { dimensions, latencyBounds } from "../audit/tally.ts";
import { type Fault, fault } from "../fault.ts";
import { type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { page } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";

const time = z.iso.datetime({ offset: true });
const count = z.int().check(z.minimum(0));

const statsQuery = z.strictObject({
  by: z._default(z.enum(dimensions), "tool"),
  from: z.optional(time).check(z.describe("30 days before `to` where it is absent.")),
  to: z.optional(time).check(z.describe("Now where it is absent.")),
  step: z
    .optional(z.enum(["hour", "day"]))
    .check(z.describe("Days are days of UTC. Without: hours up to three days, else days.")),
  limit: z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(5000)), 2000),
  cursor: z.optional(z.string().check(z.maxLength(300))),
});

const cellShape = z.strictObject({
  at: z.iso.datetime(),
  key: z
    .string()
    .check(
      z.describe(
        "An id; of a tool `<server id>/<name>`, where `(unknown)`, `(resource)` and `(prompt)` stand for all such.",
      ),
    ),
  allowed: count,
  denied: count,
  limited: count,
  approval_required: count,
  unknown: count,
  errors: count,
  bytes: count,
  latency: z.array(count),
});

const statsShape = z.strictObject({
  by: z.enum(dimensions),
  step: z.enum(["hour", "day"]),
  latency_bounds_ms: z
    .array(count)
    .check(z.describe("The upper bound of each number in `latency`; the last of them has none.")),
  items: z.array(cellShape),
  next_cursor: z.nullable(z.string()),
});

/** Counts for charts. */
export const statsOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "get_stats",
      method: "get",
      path: "/v1/teams/{team}/stats",
      tag: "Log",
      summary: "Counts by the hour or the day, without those of which there was nothing",
      query: statsQuery,
      answers: { 200: statsShape },
    },
    stats,
  ),
];

const dayMs = 86_400_000;
const hoursUpToMs = 3 * dayMs;

async function stats(call: TeamCall<unknown, z.output<typeof statsQuery>>): Promise<Reply | Fault> {
  const { deps, team, query, nowMs } = call;
  const { by, limit, cursor } = query;
  const toMs = query.to === undefined ? nowMs + 1 : Date.parse(query.to);
  const fromMs = query.from === undefined ? toMs - 30 * dayMs : Date.parse(query.from);
  const step = query.step ?? (toMs - fromMs <= hoursUpToMs ? "hour" : "day");
  const after = cursor === undefined ? null : readCursor(cursor);
  if (after === undefined) return notACursor;
  const cells = await deps.log(team.id).stats({ by, step, fromMs, toMs, after, limit: limit + 1 });
  const { items, next_cursor } = page(cells, limit, ({ atMs, key }) => `${atMs}.${key}`, show);
  return reply(200, { by, step, latency_bounds_ms: latencyBounds, items, next_cursor });
}

function readCursor(text: string): { atMs: number; key: string } | undefined {
  const [, atMs, key] = /^([0-9]{1,15})\.(.+)$/s.exec(text) ?? [];
  return atMs && key ? { atMs: Number(atMs), key } : undefined;
}

const notACursor = fault("invalid", "The request has mistakes; `errors` says where.", [
  { pointer: "/cursor", message: "not a cursor of this list" },
]);

const show = ({ atMs, key, tally }: Cell) => ({
  at: timestamp(atMs),
  key,
  allowed: tally.allowed,
  denied: tally.denied,
  limited: tally.limited,
  approval_required: tally.approval_required,
  unknown: tally.unknown,
  errors: tally.errors,
  bytes: tally.bytes,
  latency: tally.latency,
});
