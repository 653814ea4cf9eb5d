import * as z from "zod/mini";
import type { ControlEntry, LogRow, OutcomeEntry } from "../audit/entry.ts";
import { decisionId } from "../id.ts";
import type { Membership } from "../store/team.ts";
import { Exact, timestamp } from "./reply.ts";

export const verdict = z.enum(["allowed", "denied", "limited", "approval_required", "unknown"]);

const endShape = z.strictObject({
  how: z.enum(["answered", "client_gone", "upstream_failed", "too_large", "not_sent", "unknown"]),
  at: z.iso.datetime(),
  status: z.nullable(z.int()),
  bytes: z.int(),
  latency_ms: z.number(),
});

export const rowShape = z
  .strictObject({
    id: z.string(),
    at: z.iso.datetime(),
    grant: z.string(),
    member: z.nullable(z.string()),
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
    arguments: z
      .optional(z.nullable(z.record(z.string(), z.unknown())))
      .check(
        z.describe("What the policy had kept of the arguments; only admins and auditors have this member."),
      ),
    continues: z
      .nullable(z.string())
      .check(z.describe("The round before, where a call has several: it was counted with the first.")),
    epoch: z.int(),
    request_id: z.string(),
    end: z
      .nullable(endShape)
      .check(z.describe("How an allowed call ended; null while it runs and where nothing was sent.")),
  })
  .register(z.globalRegistry, { id: "Decision" });

export const eventShape = z
  .strictObject({
    id: z.nullable(z.string()),
    at: z.iso.datetime(),
    actor: z.string().check(z.describe("A user's id, or `system`.")),
    action: z.string(),
    subject: z.string(),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    request_id: z.string(),
  })
  .register(z.globalRegistry, { id: "Event" });

/** Whether a member may read the arguments that policies had kept. */
export const mayReadValues = ({ role, auditor }: Membership): boolean => role === "admin" || auditor;

/** A decision as the API shows it. */
export function showRow({ id, decision, outcome }: LogRow, withValues: boolean) {
  const { values } = decision;
  return {
    id,
    at: timestamp(decision.atMs),
    grant: decision.gate,
    member: decision.member,
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
    ...(withValues ? { arguments: values && new Exact(values.text) } : {}),
    continues: decision.continues === undefined ? null : decisionId(decision.gate, decision.continues),
    epoch: decision.epoch,
    request_id: decision.requestId,
    end: outcome && showEnd(outcome),
  };
}

/** How a call ended, as the API shows it. */
export const showEnd = (outcome: OutcomeEntry) => ({
  how: outcome.end,
  at: timestamp(outcome.atMs),
  status: outcome.status,
  bytes: outcome.bytes,
  latency_ms: outcome.ms,
});

/** An event as the API shows it. The first version's events have no id. */
export const showEvent = (event: ControlEntry) => ({
  id: event.id ?? null,
  at: timestamp(event.atMs),
  actor: event.actor,
  action: event.action,
  subject: event.subject,
  detail: event.detail,
  request_id: event.requestId,
});
