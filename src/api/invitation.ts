import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import type { Mail } from "../identity/mail.ts";
import { hashSecret, newSecret } from "../identity/secret.ts";
import { isTaken, shardOf } from "../store/database.ts";
import {
  acceptInvitation,
  endInvitation,
  findInvitation,
  findInvitationFor,
  type Invitation,
  insertInvitation,
  listInvitations,
} from "../store/invitation.ts";
import { findMember, isRoleRefused } from "../store/member.ts";
import { findMembership } from "../store/team.ts";
import { save } from "./edit.ts";
import { email } from "./email.ts";
import { members, standingShape, tag } from "./member.ts";
import {
  nothingHere,
  type Operation,
  personOperation,
  type TeamCall,
  teamOperation,
  type UserCall,
} from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { whyFull, withinQuota } from "./quota.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { membershipShape, showMembership } from "./team.ts";

const lifetimeMs = 7 * 86_400_000;

const { role, approver, auditor } = standingShape;
const inviteBody = z.strictObject({
  email,
  role,
  approver: z._default(approver, false),
  auditor: z._default(auditor, false),
});
const acceptBody = z.strictObject({
  token: z.string().check(z.maxLength(200), z.describe("What stands behind the # of the link.")),
});

const invitationShape = z
  .strictObject({
    id: z.string(),
    email: z.string(),
    ...standingShape,
    invited_by: z.string(),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Invitation" });

const invited = z.extend(invitationShape, {
  mail: z
    .enum(["sent", "printed", "failed"])
    .check(z.describe("`failed`: the mailer did not take it. Invite again, which replaces this one.")),
  link: z
    .optional(z.url())
    .check(z.describe("In development alone, where no mail is sent and the link stands in the log.")),
});

const invitations = "/v1/teams/{team}/invitations";

/** Invitations: asking somebody to join by e-mail, and joining. */
export const invitationOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "invite_member",
      method: "post",
      path: members,
      tag,
      summary: "Invite somebody by e-mail, for seven days; it replaces an earlier invitation of the address",
      body: inviteBody,
      answers: { 201: invited },
    },
    invite,
  ),
  teamOperation(
    "admin",
    {
      id: "list_invitations",
      method: "get",
      path: invitations,
      tag,
      summary: "Invitations that can be accepted",
      query: pageQuery,
      answers: { 200: pageOf(invitationShape) },
    },
    async ({ db, team, query, nowMs }) => {
      const rows = await listInvitations(db, team.id, nowMs, query.cursor, query.limit + 1);
      return reply(200, page(rows, query.limit, ageCursor, showInvitation));
    },
  ),
  teamOperation(
    "admin",
    {
      id: "withdraw_invitation",
      method: "delete",
      path: `${invitations}/{invitation}`,
      tag,
      summary: "Withdraw an invitation: its link leads nowhere from now on",
      answers: { 204: null },
    },
    withdraw,
  ),
  personOperation(
    {
      id: "accept_invitation",
      method: "post",
      path: "/v1/invitations/accept",
      tag,
      summary: "Join the team that invited your e-mail address; a link works once",
      body: acceptBody,
      answers: { 200: membershipShape },
    },
    accept,
  ),
];

type Invite = TeamCall<z.output<typeof inviteBody>, unknown>;

async function invite(call: Invite): Promise<Reply | Fault> {
  const { deps, db, team, user, body, nowMs } = call;
  if (isFault(deps.mail)) return deps.mail;
  const refused = await whyNot(call);
  if (refused) return refused;
  const id = newId("inv", deps.random);
  const times = { createdAt: nowMs, expiresAt: nowMs + lifetimeMs };
  const invitation: Invitation = { id, team: team.id, inviter: user.id, ...body, ...times };
  const token = newSecret(deps.random);
  // Without the address: the log's chain could never forget it.
  const { email: _, ...detail } = body;
  const changes = insertInvitation(db, invitation, hashSecret(token));
  const event = { action: "member.invited", subject: id, detail };
  const over = await withinQuota(
    call,
    quotas,
    (held) => save(call, [...changes, ...held], event),
    body.email,
  );
  if (over) return over;
  const link = `${deps.origin}/invitations#${token}`;
  const mail = await deps.mail.send(letter(call, link));
  return reply(201, { ...showInvitation(invitation), mail, ...(mail === "printed" ? { link } : {}) });
}

/** Whether the address has an account is never asked, so that no answer can tell. */
async function whyNot(call: Invite): Promise<Fault | null> {
  const { db, team, body } = call;
  if (await findMember(db, team.id, body.email)) {
    return fault("conflict", "This person is a member already.", [
      { pointer: "/email", message: "a member of this team; change the role with PATCH" },
    ]);
  }
  return whyFull(call, "members");
}

/** One that replaces another is counted after that has ended; so a full team may still send one again. */
const quotas = ["invitations_a_day_to_one", "invitations_a_day", "open_invitations"] as const;

/** The team goes by its slug: a name could hold another's words and addresses, and this goes out in our own. */
const letter = ({ deps, team, body }: Invite, link: string): Mail => ({
  to: body.email,
  subject: "You are invited to a team on Portcullis",
  text: `You are invited to the team "${team.slug}" on ${deps.origin}, as ${body.role}.

Follow this link within seven days, signed in with this e-mail address:

${link}

It works once. If you expected no invitation, do nothing.
`,
});

async function withdraw(call: TeamCall<unknown, unknown>): Promise<Reply | Fault> {
  const { db, team, nowMs } = call;
  const found = await findInvitation(db, team.id, call.params["invitation"] ?? "", nowMs);
  if (!found) return nothingHere;
  const event = { action: "invitation.withdrawn", subject: found.id, detail: {} };
  try {
    await save(call, [endInvitation(db, team.id, found.id, nowMs)], event);
  } catch (error) {
    if (isRoleRefused(error)) return nothingHere;
    throw error;
  }
  return reply(204);
}

async function accept(call: UserCall<z.output<typeof acceptBody>, unknown>): Promise<Reply | Fault> {
  const { deps, user, body, nowMs } = call;
  if (!user.emailVerified) return unverified;
  const hash = hashSecret(body.token);
  const invitation = user.email === null ? null : await findInvitationFor(deps.db, user.email, hash, nowMs);
  if (!invitation) return noInvitation;
  const { id, team, role, approver, auditor } = invitation;
  const db = shardOf(team, deps.db);
  const changes = acceptInvitation(db, invitation, user.id, nowMs);
  const detail = { role, approver, auditor, invitation: id };
  const event = { action: "member.joined", subject: user.id, detail };
  const within = { ...call, db, team: { id: team } };
  try {
    const over = await withinQuota(within, ["members"], (held) => save(within, [...changes, ...held], event));
    if (over) return over;
  } catch (error) {
    if (isTaken(error)) return fault("conflict", "You are a member of this team already.");
    if (isRoleRefused(error)) return noInvitation;
    throw error;
  }
  const membership = await findMembership(deps.db, user.id, team, null);
  return membership ? reply(200, showMembership(membership)) : noInvitation;
}

const unverified = fault(
  "forbidden",
  "Confirm your e-mail address first: POST /v1/email/confirmation mails you the link.",
);
const noInvitation = fault(
  "not_found",
  "No invitation for your e-mail address stands behind this link: it may have been used, replaced, withdrawn or expired.",
);

const showInvitation = (invitation: Invitation) => ({
  id: invitation.id,
  email: invitation.email,
  role: invitation.role,
  approver: invitation.approver,
  auditor: invitation.auditor,
  invited_by: invitation.inviter,
  created_at: timestamp(invitation.createdAt),
  expires_at: timestamp(invitation.expiresAt),
});
