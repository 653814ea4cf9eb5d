import * as z from "zod/mini";
import { type Approval, asOf, isLive } from "../approval/approval.ts";
import { bar, type Decider, isEligible } from "../approval/decider.ts";
import type { ControlEntry } from "../audit/entry.ts";
import { type Fault, fault, isFault } from "../fault.ts";
import type { HeldCall } from "../gate/rpc.ts";
import { approvalParts, newId } from "../id.ts";
import { hasApproverBeside } from "../store/approver.ts";
import { findGrant, type Grant } from "../store/grant.ts";
import { approvalShape, approvalState, openApprovalShape, showApproval, showCall } from "./approval_view.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { ageCursor, pageOf, pageQuery } from "./page.ts";
import { type Reply, reply } from "./reply.ts";

const inboxQuery = z.extend(pageQuery, { state: z.optional(approvalState) });

const word = z.strictObject({
  note: z
    .optional(z.string().check(z.trim(), z.maxLength(500)))
    .check(z.describe("Kept with the approval and in the log; the agent reads a refusal's.")),
});

const approvals = "/v1/teams/{team}/approvals";
const tag = "Approvals";

/** The inbox, and a person's word. */
export const approvalOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "list_approvals",
      method: "get",
      path: approvals,
      tag,
      summary: "Calls that wait for a person, or did; newest first, without their arguments",
      query: inboxQuery,
      answers: { 200: pageOf(approvalShape) },
    },
    list,
  ),
  teamOperation(
    "viewer",
    {
      id: "get_approval",
      method: "get",
      path: `${approvals}/{approval}`,
      tag,
      summary: "One approval; whoever may decide sees exactly what will run",
      answers: { 200: openApprovalShape },
    },
    async (call) => {
      const found = await lookUp(call);
      return isFault(found) ? found : reply(200, await show(call, found));
    },
  ),
  decision("approve", "Approve the call: made again just as it is, it goes through once"),
  decision("refuse", "Refuse the call, also one that is approved and has not run"),
];

function decision(verb: "approve" | "refuse", summary: string): Operation {
  return teamOperation(
    "viewer",
    {
      id: `${verb}_approval`,
      method: "post",
      path: `${approvals}/{approval}/${verb}`,
      tag,
      summary,
      inPerson: true,
      body: word,
      bodyOptional: true,
      answers: { 200: openApprovalShape },
    },
    (call) => decide(call, verb),
  );
}

async function list(call: TeamCall<unknown, z.output<typeof inboxQuery>>): Promise<Reply> {
  const { state, limit, cursor } = call.query;
  const { items, more } = await call.deps.inbox(call.team.id).inbox({
    ...(state === undefined ? {} : { state }),
    ...(cursor.id === "" ? {} : { before: { atMs: cursor.createdAt, id: cursor.id } }),
    limit,
  });
  const last = items.at(-1);
  return reply(200, {
    items: items.map((approval) => showApproval(asOf(approval, call.nowMs))),
    next_cursor: more && last ? ageCursor({ createdAt: last.atMs, id: last.id }) : null,
  });
}

type Who = TeamCall<unknown, unknown>;

interface Found {
  readonly approval: Approval;
  readonly held: HeldCall | null;
  readonly grant: Grant;
  readonly seq: number;
}

/** The path's approval from its gate, which decides; from the inbox once the gate has forgotten it. */
async function lookUp(call: Who): Promise<Found | Fault> {
  const id = call.params["approval"] ?? "";
  const parts = approvalParts(id);
  // No object is addressed by an id that the team does not own (security.md §1.4).
  const grant = parts && (await findGrant(call.db, call.team.id, parts.gate));
  if (!grant) return nothingHere;
  const kept = await call.deps.approvals(grant.id).approval(parts.seq);
  if (kept) return { ...kept, grant, seq: parts.seq };
  const filed = await call.deps.inbox(call.team.id).filed(id);
  return filed ? { approval: asOf(filed, call.nowMs), held: null, grant, seq: parts.seq } : nothingHere;
}

const deciderOf = ({ user, membership }: Who): Decider => ({
  id: user.id,
  admin: membership.role === "admin",
  approver: membership.approver,
});

type WhyNot = "role" | "own" | "over" | "again";

async function whyNot(call: Who, { approval, grant }: Found): Promise<WhyNot | null> {
  const owners = grant.member === null ? [grant.creator] : [grant.creator, grant.member];
  const others = await hasApproverBeside(call.db, call.team.id, approval.approvers, owners);
  const barred = bar(approval, deciderOf(call), grant, others);
  if (barred) return barred;
  if (!isLive(approval)) return "over";
  return approval.state === "approved" || approval.votes.some(({ by }) => by === call.user.id)
    ? "again"
    : null;
}

async function show(call: Who, found: Found) {
  const why = await whyNot(call, found);
  const sees = isEligible(found.approval, deciderOf(call));
  return {
    ...showApproval(found.approval),
    call: sees ? showCall(found.held) : null,
    may_approve: why === null,
    why_not: why,
  };
}

async function decide(
  call: TeamCall<z.output<typeof word>, unknown>,
  verb: "approve" | "refuse",
): Promise<Reply | Fault> {
  const found = await lookUp(call);
  if (isFault(found)) return found;
  const why = await whyNot(call, found);
  if (why === "role") return needsApprover(found.approval.approvers);
  if (why === "own" && verb === "approve") return ownGrant;
  const vote = { by: call.user.id, note: call.body.note || null };
  const decided = await call.deps
    .approvals(found.grant.id)
    .decide(found.seq, verb, vote, eventOf(call, found, verb));
  if (!decided) return over;
  if (!decided.ok) return decided.why === "over" ? over : again;
  return reply(200, await show(call, { ...found, approval: decided.approval }));
}

function eventOf(
  { deps, user, nowMs, requestId, body }: TeamCall<z.output<typeof word>, unknown>,
  { approval }: Found,
  verb: "approve" | "refuse",
): ControlEntry {
  const { id, grant, server, method, targets } = approval;
  return {
    kind: "control",
    id: newId("evt", deps.random),
    atMs: nowMs,
    requestId,
    actor: user.id,
    action: verb === "approve" ? "approval.approved" : "approval.refused",
    subject: id,
    detail: {
      grant,
      server: server.slug,
      method,
      target: targets.map(({ name }) => name).join(" "),
      note: body.note || null,
    },
  };
}

const needsApprover = (approvers: Approval["approvers"]): Fault =>
  fault(
    "forbidden",
    approvers === "admin"
      ? "The rule wants an admin's approval."
      : "The rule wants the approval of an approver or an admin.",
  );

const ownGrant = fault(
  "forbidden",
  "The grant is yours, and somebody else may approve: nobody approves their own agent's calls.",
);
const over = fault("conflict", "This approval is over: it was used, refused or has expired.");
const again = fault("conflict", "This is approved already, or you have given your approval.");
