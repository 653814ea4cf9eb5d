import * as z from "zod/mini";
import type { Approval, Vote } from "../approval/approval.ts";
import type { HeldCall } from "../gate/rpc.ts";
import { Exact, timestamp } from "./reply.ts";

export const approvalState = z.enum(["pending", "approved", "used", "refused", "expired"]);

const voteShape = z.strictObject({ by: z.string(), at: z.iso.datetime(), note: z.nullable(z.string()) });

export const approvalShape = z
  .strictObject({
    id: z.string(),
    state: approvalState,
    grant: z.string(),
    server: z.strictObject({ id: z.string(), slug: z.string() }),
    method: z.string(),
    targets: z.array(z.strictObject({ kind: z.enum(["tool", "resource", "prompt"]), name: z.string() })),
    rule: z.string(),
    reason: z.string(),
    client: z.nullable(z.string()).check(z.describe("What the agent's client calls itself.")),
    approvers: z.enum(["approver", "admin"]),
    quorum: z.int(),
    approvals: z.array(voteShape),
    requested_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    ended: z
      .nullable(
        z.strictObject({
          why: z.enum(["used", "refused", "time", "edited", "frozen", "revoked"]),
          at: z.iso.datetime(),
          by: z.nullable(z.string()),
          note: z.nullable(z.string()),
        }),
      )
      .check(z.describe("Why it is over; null while it is pending or approved.")),
  })
  .register(z.globalRegistry, { id: "Approval" });

export const openApprovalShape = z
  .extend(approvalShape, {
    call: z
      .nullable(
        z.strictObject({
          arguments: z.nullable(z.record(z.string(), z.unknown())),
          others: z.nullable(z.record(z.string(), z.unknown())),
        }),
      )
      .check(
        z.describe(
          "Exactly what will run, and its other parameters; null once it is over, and for whoever may not decide.",
        ),
      ),
    may_approve: z.boolean(),
    why_not: z
      .nullable(z.enum(["role", "own", "over", "again"]))
      .check(
        z.describe(
          "Why you may not: your role, a grant of your own while somebody else could, it is over, or you have approved.",
        ),
      ),
  })
  .register(z.globalRegistry, { id: "OpenApproval" });

/** An approval as lists and answers show it: without its call. */
export const showApproval = (approval: Approval) => ({
  id: approval.id,
  state: approval.state,
  grant: approval.grant,
  server: approval.server,
  method: approval.method,
  targets: approval.targets,
  rule: approval.rule,
  reason: approval.reason,
  client: approval.client,
  approvers: approval.approvers,
  quorum: approval.quorum,
  approvals: approval.votes.map(showVote),
  requested_at: timestamp(approval.atMs),
  expires_at: timestamp(approval.expiresAtMs),
  ended: approval.ended && {
    why: approval.ended.why,
    at: timestamp(approval.ended.atMs),
    by: approval.ended.vote?.by ?? null,
    note: approval.ended.vote?.note ?? null,
  },
});

const showVote = ({ by, atMs, note }: Vote) => ({ by, at: timestamp(atMs), note });

/** The call with its numbers as they were written. */
export const showCall = (held: HeldCall | null) =>
  held && { arguments: exact(held.arguments), others: exact(held.others) };

const exact = (text: string | null): Exact | null => (text === null ? null : new Exact(text));
