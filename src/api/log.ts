import * as z from "zod/mini";
import type { LogQuery, LogRow } from "../audit/entry.ts";
import { type Fault, isFault } from "../fault.ts";
import { decisionParts } from "../id.ts";
import { findGrant } from "../store/grant.ts";
import { findServer } from "../store/server.ts";
import { eventShape, mayReadValues, rowShape, showEvent, showRow, verdict } from "./log_view.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { pageLimit, pageOf } from "./page.ts";
import { type Reply, reply } from "./reply.ts";

const sequence = z.coerce.number().check(z.int(), z.minimum(1));
const time = z.iso.datetime({ offset: true });

const logQuery = z.strictObject({
  grant: z.optional(z.string().check(z.maxLength(40))),
  server: z.optional(z.string().check(z.maxLength(80))).check(z.describe("Slug or id.")),
  tool: z
    .optional(z.string().check(z.maxLength(256)))
    .check(z.describe("The name of a tool or prompt, or a resource's URI.")),
  outcome: z.optional(verdict),
  from: z.optional(time),
  to: z.optional(time),
  limit: pageLimit,
  cursor: z.optional(sequence).check(z.describe("`next_cursor` of the page before.")),
});

const log = "/v1/teams/{team}/log";
const tag = "Log";

const eventQuery = z.strictObject({
  limit: pageLimit,
  cursor: z.optional(sequence).check(z.describe("`next_cursor` of the page before.")),
});

/** The team's log of decisions, and of what was done to its control plane. */
export const logOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "list_log",
      method: "get",
      path: log,
      tag,
      summary:
        "Decisions, newest first, at most two seconds behind; a page that looked far for something rare can be short",
      query: logQuery,
      answers: { 200: pageOf(rowShape) },
    },
    list,
  ),
  teamOperation(
    "viewer",
    {
      id: "get_decision",
      method: "get",
      path: `${log}/{decision}`,
      tag,
      summary: "One decision, from the moment that it was made",
      answers: { 200: rowShape },
    },
    async (call) => {
      const row = await findDecision(call, call.params["decision"] ?? "");
      return row ? reply(200, showRow(row, mayReadValues(call.membership))) : nothingHere;
    },
  ),
  teamOperation(
    "viewer",
    {
      id: "list_events",
      method: "get",
      path: "/v1/teams/{team}/events",
      tag,
      summary: "What was done to the team's control plane, newest first",
      query: eventQuery,
      answers: { 200: pageOf(eventShape) },
    },
    async ({ deps, team, query }) => {
      const { items, next } = await deps.log(team.id).events(query.cursor ?? null, query.limit);
      return reply(200, { items: items.map(({ event }) => showEvent(event)), next_cursor: cursorOf(next) });
    },
  ),
];

const cursorOf = (next: number | null): string | null => (next === null ? null : String(next));

async function list(call: TeamCall<unknown, z.output<typeof logQuery>>): Promise<Reply | Fault> {
  const query = await narrowed(call);
  if (isFault(query)) return query;
  const { items, next } = await call.deps.log(call.team.id).list(query);
  const withValues = mayReadValues(call.membership);
  return reply(200, { items: items.map((row) => showRow(row, withValues)), next_cursor: cursorOf(next) });
}

async function narrowed(call: TeamCall<unknown, z.output<typeof logQuery>>): Promise<LogQuery | Fault> {
  const { grant, server, tool, outcome, from, to, limit, cursor } = call.query;
  const found = server === undefined ? undefined : await findServer(call.db, call.team.id, server);
  const granted = grant === undefined ? undefined : await findGrant(call.db, call.team.id, grant);
  if (found === null || granted === null) return nothingHere;
  return {
    ...(granted === undefined ? {} : { grant: granted.id }),
    ...(found === undefined ? {} : { server: found.id }),
    ...(tool === undefined ? {} : { name: tool }),
    ...(outcome === undefined ? {} : { verdict: outcome }),
    ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
    ...(to === undefined ? {} : { toMs: Date.parse(to) }),
    ...(cursor === undefined ? {} : { before: cursor }),
    limit,
  };
}

/** The gate has the newest state of a decision until it ships it; the log has it for good. */
async function findDecision(call: TeamCall<unknown, unknown>, id: string): Promise<LogRow | null> {
  const parts = decisionParts(id);
  // No object is addressed by an id that the team does not own (security.md §1.4).
  if (!parts || !(await findGrant(call.db, call.team.id, parts.gate))) return null;
  const kept = await call.deps.gate(parts.gate).find(parts.seq);
  return kept ?? (await call.deps.log(call.team.id).find(parts.gate, parts.seq));
}
