import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { InForce } from "../gate/push.ts";
import { endConnections } from "../store/connection.ts";
import { revokeGrantsOf } from "../store/grant.ts";
import { isBreakGlass } from "../store/identity.ts";
import { endInvitationsBy } from "../store/invitation.ts";
import {
  deleteMember,
  findMember,
  isRoleRefused,
  listMembers,
  type Member,
  type Standing,
  updateMember,
} from "../store/member.ts";
import { deleteScriptTokensIn } from "../store/script_token.ts";
import { deleteSessionsIn } from "../store/session.ts";
import { refuseSubjectOfMember } from "../store/subject.ts";
import { commit, inForceShape, inForceStatus } from "./edit.ts";
import {
  atLeast,
  needsRole,
  nothingHere,
  type Operation,
  type TeamCall,
  teamOperation,
} from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { membershipShape } from "./team.ts";

const { role, approver, auditor } = membershipShape.shape;
/** What a member may do, as requests and answers say it. */
export const standingShape = { role, approver, auditor };

const memberShape = z
  .strictObject({
    id: z.string(),
    email: z.nullable(z.string()),
    ...standingShape,
    joined_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Member" });

const updateBody = z.strictObject({
  role: z.optional(role),
  approver: z.optional(approver),
  auditor: z.optional(auditor),
});

const changed = z.extend(memberShape, { in_force: inForceShape });
const removed = z.strictObject({ in_force: inForceShape });

/** All of a team's members; a POST invites another. */
export const members = "/v1/teams/{team}/members";
const one = `${members}/{user}`;
export const tag = "Members";

/** The people of a team: who they are, what they may do, and their leaving. */
export const memberOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "list_members",
      method: "get",
      path: members,
      tag,
      summary: "The team's people and what each may do, in the order of their joining",
      query: pageQuery,
      answers: { 200: pageOf(memberShape) },
    },
    async ({ db, team, query }) => {
      const rows = await listMembers(db, team.id, query.cursor, query.limit + 1);
      return reply(200, page(rows, query.limit, ageCursor, showMember));
    },
  ),
  teamOperation(
    "admin",
    {
      id: "update_member",
      method: "patch",
      path: one,
      tag,
      summary: "Change a member's role or additions; a team keeps at least one admin",
      body: updateBody,
      answers: { 200: changed, 202: changed },
    },
    update,
  ),
  teamOperation(
    "viewer",
    {
      id: "remove_member",
      method: "delete",
      path: one,
      tag,
      summary:
        "Remove a member (admin), or leave; the grants that act for them are revoked, and a team keeps an admin",
      answers: { 200: removed, 202: removed },
    },
    remove,
  ),
];

async function update(call: TeamCall<z.output<typeof updateBody>, unknown>): Promise<Reply | Fault> {
  const { db, team, body, nowMs } = call;
  const member = await memberOf(call);
  if (isFault(member)) return member;
  if (member.email === null) return followsIssuer;
  const to: Standing = {
    role: body.role ?? member.role,
    approver: body.approver ?? member.approver,
    auditor: body.auditor ?? member.auditor,
  };
  if (to.role !== "admin" && (await isBreakGlass(db, team.id, member.id))) return breaksGlass;
  const changes = [updateMember(db, team.id, member.id, to)];
  if (to.role !== "admin") changes.push(endInvitationsBy(db, team.id, member.id, nowMs));
  const inForce = await commitMember(call, member, changes, {
    action: "member.changed",
    detail: { ...to },
  });
  if (isFault(inForce)) return inForce;
  return reply(inForceStatus(inForce), { ...showMember({ ...member, ...to }), in_force: inForce });
}

async function remove(call: TeamCall<unknown, unknown>): Promise<Reply | Fault> {
  const { db, team, user, nowMs } = call;
  const member = await memberOf(call);
  if (isFault(member)) return member;
  const leaves = member.id === user.id;
  if (!leaves && !atLeast(call.membership.role, "admin")) return needsRole("admin");
  if (await isBreakGlass(db, team.id, member.id)) return breaksGlass;
  const changes = [
    ...deleteMember(db, team.id, member.id),
    revokeGrantsOf(db, team.id, member.id, nowMs),
    refuseSubjectOfMember(db, team.id, member.id, nowMs),
    endInvitationsBy(db, team.id, member.id, nowMs),
    ...endConnections(db, team.id, { member: member.id }, nowMs),
    deleteSessionsIn(db, team.id, member.id),
    deleteScriptTokensIn(db, team.id, member.id),
  ];
  const inForce = await commitMember(call, member, changes, {
    action: leaves ? "member.left" : "member.removed",
    detail: { role: member.role },
  });
  return isFault(inForce) ? inForce : reply(inForceStatus(inForce), { in_force: inForce });
}

/** Gates judge by the member's role, so those of the member's grants are told. */
async function commitMember(
  call: TeamCall<unknown, unknown>,
  member: Member,
  changes: readonly D1PreparedStatement[],
  event: { readonly action: string; readonly detail: Record<string, string | boolean> },
): Promise<InForce | Fault> {
  try {
    return await commit(call, { of: "member", member: member.id }, changes, { ...event, subject: member.id });
  } catch (error) {
    if (isRoleRefused(error)) return lastAdmin;
    throw error;
  }
}

const lastAdmin = fault(
  "conflict",
  "This is the team's last admin. Make somebody else an admin first, or delete the team.",
);

const followsIssuer = fault(
  "conflict",
  "What this person may do follows the claims of the team's identity provider: change the identity's mapping.",
);

const breaksGlass = fault(
  "conflict",
  "This admin is the one who can still get in when the team's required identity provider fails. Let another admin with an account and a second factor PUT the identity first.",
);

async function memberOf(call: TeamCall<unknown, unknown>): Promise<Member | Fault> {
  return (await findMember(call.db, call.team.id, call.params["user"] ?? "")) ?? nothingHere;
}

const showMember = ({ id, email, role, approver, auditor, createdAt }: Member) => ({
  id,
  email,
  role,
  approver,
  auditor,
  joined_at: timestamp(createdAt),
});
