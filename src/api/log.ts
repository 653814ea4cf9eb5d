import * as z from "zod/mini";
import type { LogQuery, LogRow } from "../audit/entry.ts";
import { type Fault, isFault } from "../fault.ts";
import { decisionParts } from "../id.ts";
import { findGrant } from "../store/grant.ts";
import { findServer } from "../store/server.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { pageLimit, pageOf } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";

const verdict = z.enum(["allowed", "denied", "limited", "approval_required", "unknown"]);
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

const endShape = z.strictObject({
  how: z.enum(["answered", "client_gone", "upstream_failed", "too_large", "not_sent", "unknown"]),
  at: z.iso.datetime(),
  status: z.nullable(z.int()),
  bytes: z.int(),
  latency_ms: z.number(),
});

const rowShape = z
  .strictObject({
    id: z.string(),
    at: z.iso.datetime(),
    grant: z.string(),
    server: z.strictObject({ id: z.string(), slug: z.string() }),
    method: z.string(),
    target: z.strictObject({ kind: z.enum(["tool", "resource", "prompt"]), name: z.string() }),
    outcome: verdict,
    rule: z.string(),
    reason: z.string(),
    notes: z.array(z.string()),
    policy: z.nullable(z.strictObject({ id: z.string(), name: z.string(), revision: z.int() })),
    client: z.nullable(z.string()),
    argument_keys: z.array(z.string()),
    argument_hash: z.nullable(z.string()),
    epoch: z.int(),
    request_id: z.string(),
    end: z
      .nullable(endShape)
      .check(z.describe("How an allowed call ended; null while it runs and where nothing was sent.")),
  })
  .register(z.globalRegistry, { id: "Decision" });

const log = "/v1/teams/{team}/log";
const tag = "Log";

/** The team's log of decisions. */
export const logOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "list_log",
      method: "get",
      path: log,
      tag,
      summary: "Decisions, newest first, at most two seconds behind",
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
      return row ? reply(200, showRow(row)) : nothingHere;
    },
  ),
];

async function list(call: TeamCall<unknown, z.output<typeof logQuery>>): Promise<Reply | Fault> {
  const query = await narrowed(call);
  if (isFault(query)) return query;
  const { items, next } = await call.deps.log(call.team.id).list(query);
  return reply(200, { items: items.map(showRow), next_cursor: next === null ? null : String(next) });
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

function showRow({ id, decision, outcome }: LogRow) {
  return {
    id,
    at: timestamp(decision.atMs),
    grant: decision.gate,
    server: decision.server,
    method: decision.method,
    target: decision.target,
    outcome: decision.verdict,
    rule: decision.rule,
    reason: decision.reason,
    notes: decision.notes,
    policy: decision.policy,
    client: decision.client,
    argument_keys: decision.argumentKeys,
    argument_hash: decision.argumentHash,
    epoch: decision.epoch,
    request_id: decision.requestId,
    end: outcome && {
      how: outcome.end,
      at: timestamp(outcome.atMs),
      status: outcome.status,
      bytes: outcome.bytes,
      latency_ms: outcome.ms,
    },
  };
}
