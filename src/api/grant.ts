import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { grantLifetimeMaxMs } from "../identity/grant_token.ts";
import {
  attachServers,
  endGrantTokens,
  type Grant,
  insertGrant,
  insertGrantToken,
  listGrants,
  revokeGrant,
  updateGrant,
} from "../store/grant.ts";
import { findMember } from "../store/member.ts";
import { endFamilies } from "../store/oauth_family.ts";
import { refuseSubjectOfGrant } from "../store/subject.ts";
import { attachmentsBody, resolveAttachments } from "./attachment.ts";
import { commit, inForceShape, inForceStatus } from "./edit.ts";
import {
  grantOf,
  grantShape,
  newToken,
  ownGrantOf,
  showGrants,
  showSaved,
  standingGrantOf,
} from "./grant_view.ts";
import { atLeast, needsRole, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { whyFull, withinQuota } from "./quota.ts";
import { type Reply, reply } from "./reply.ts";

const overlapMaxS = 30 * 24 * 3600;

const all = "/v1/teams/{team}/grants";
const one = `${all}/{grant}`;
const tag = "Grants";

const label = z.string().check(z.trim(), z.minLength(1), z.maxLength(100));
const oneTag = z.string().check(z.trim(), z.minLength(1), z.maxLength(64));
const tags = z.array(oneTag).check(z.maxLength(32));
const member = z.nullable(z.string().check(z.minLength(1), z.maxLength(254)));
const expiresAt = z.iso
  .datetime({ offset: true })
  .check(z.describe("A year from now at most, and by default."));

const createBody = z.strictObject({
  label,
  member: z._default(member, null).check(z.describe("A member's id or e-mail address.")),
  tags: z._default(tags, []),
  servers: attachmentsBody,
  expires_at: z.optional(expiresAt),
});
const updateBody = z.strictObject({
  label: z.optional(label),
  tags: z.optional(tags),
  servers: z.optional(attachmentsBody),
  expires_at: z.optional(expiresAt),
});
const rotateBody = z.strictObject({
  overlap_seconds: z
    ._default(z.int().check(z.minimum(0), z.maximum(overlapMaxS)), 0)
    .check(z.describe("How long the old token still works.")),
});

const token = z.string().check(z.describe("The grant's token, shown this once."));
const changed = z.extend(grantShape, { in_force: inForceShape });
const withToken = z.extend(changed, { token });

/** Grants: one agent's permission each. */
export const grantOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "create_grant",
      method: "post",
      path: all,
      tag,
      summary: "Permit an agent to reach servers, each by a policy; the token is shown this once",
      body: createBody,
      answers: { 201: withToken },
    },
    create,
  ),
  teamOperation(
    "viewer",
    {
      id: "list_grants",
      method: "get",
      path: all,
      tag,
      summary: "The team's grants, revoked ones included",
      query: pageQuery,
      answers: { 200: pageOf(grantShape) },
    },
    async (call) => {
      const { limit, cursor } = call.query;
      const rows = await listGrants(call.db, call.team.id, cursor, limit + 1);
      const shown = page(rows, limit, ageCursor, (row) => row);
      return reply(200, { ...shown, items: await showGrants(call, shown.items) });
    },
  ),
  teamOperation(
    "viewer",
    {
      id: "get_grant",
      method: "get",
      path: one,
      tag,
      summary: "One grant and what is attached to it",
      answers: { 200: grantShape },
    },
    async (call) => {
      const grant = await grantOf(call);
      return isFault(grant) ? grant : reply(200, await showSaved(call, grant.id));
    },
  ),
  teamOperation(
    "policy_manager",
    {
      id: "update_grant",
      method: "patch",
      path: one,
      tag,
      summary: "Attach servers and policies (policy_manager); label, tags and expiry need admin",
      body: updateBody,
      answers: { 200: changed, 202: changed },
    },
    update,
  ),
  teamOperation(
    "admin",
    {
      id: "revoke_grant",
      method: "delete",
      path: one,
      tag,
      summary: "Revoke for good; after 200 the next call is refused",
      answers: { 200: changed, 202: changed },
    },
    async (call) => {
      const grant = await standingGrantOf(call);
      if (isFault(grant)) return grant;
      const revoke = grant.subject ? refuseSubjectOfGrant : revokeGrant;
      const changes = [revoke(call.db, call.team.id, grant.id, call.nowMs)];
      const inForce = await commitGrant(call, grant, changes, "grant.revoked");
      return reply(inForceStatus(inForce), { ...(await showSaved(call, grant.id)), in_force: inForce });
    },
  ),
  teamOperation(
    "admin",
    {
      id: "rotate_grant",
      method: "post",
      path: `${one}/rotate`,
      tag,
      summary: "A new token; the old ones end now, or after an overlap of your choice",
      body: rotateBody,
      bodyOptional: true,
      answers: { 200: withToken, 202: withToken },
    },
    rotate,
  ),
];

const commitGrant = (
  call: TeamCall<unknown, unknown>,
  grant: Grant,
  changes: readonly D1PreparedStatement[],
  action: string,
) =>
  commit(call, { of: "grant", grant: grant.id }, changes, {
    action,
    subject: grant.id,
    detail: { label: grant.label },
  });

/** The same for a change after which the grant stands, be it new or given time again. */
const commitStanding = (
  call: TeamCall<unknown, unknown>,
  grant: Grant,
  changes: readonly D1PreparedStatement[],
  action: string,
) => withinQuota(call, ["grants"], (held) => commitGrant(call, grant, [...changes, ...held], action));

async function create(call: TeamCall<z.output<typeof createBody>, unknown>): Promise<Reply | Fault> {
  const { db, team, body, nowMs } = call;
  const full = await whyFull(call, "grants");
  if (full) return full;
  const expiry = expiryOf(body.expires_at, nowMs);
  if (isFault(expiry)) return expiry;
  const attached = await resolveAttachments(call, body.servers);
  if (isFault(attached)) return attached;
  const member = body.member === null ? null : await findMember(db, team.id, body.member);
  if (body.member !== null && !member) return noSuchMember;
  const grant: Grant = {
    id: newId("grt", call.deps.random),
    team: team.id,
    label: body.label,
    tags: body.tags,
    member: member?.id ?? null,
    creator: call.user.id,
    expiresAt: expiry,
    revokedAt: null,
    createdAt: nowMs,
  };
  const bearer = await newToken(call, grant.id, expiry);
  const changes = [
    insertGrant(db, grant),
    ...attachServers(db, team.id, grant.id, attached),
    ...insertGrantToken(db, grant.id, bearer, nowMs),
  ];
  const inForce = await commitStanding(call, grant, changes, "grant.created");
  if (isFault(inForce)) return inForce;
  const shown = await showSaved(call, grant.id);
  return reply(201, { ...shown, token: bearer.token, in_force: inForce });
}

const noSuchMember = fault("invalid", "The request has mistakes; `errors` says where.", [
  { pointer: "/member", message: "the team has no such member" },
]);

function expiryOf(given: string | undefined, nowMs: number): number | Fault {
  const latest = nowMs + grantLifetimeMaxMs;
  const expiry = given === undefined ? latest : Date.parse(given);
  // Tokens carry whole seconds; so does the grant, so that neither outlives the other.
  const seconds = Math.floor(expiry / 1000) * 1000;
  if (seconds > nowMs && seconds <= latest) return seconds;
  return fault("invalid", "The request has mistakes; `errors` says where.", [
    { pointer: "/expires_at", message: "a time to come, a year from now at most" },
  ]);
}

async function update(call: TeamCall<z.output<typeof updateBody>, unknown>): Promise<Reply | Fault> {
  const { db, team, body, nowMs } = call;
  const { servers, ...rest } = body;
  // A policy manager attaches; who the agent is and how long it lives is the admin's.
  if (Object.keys(rest).length > 0 && !atLeast(call.membership.role, "admin")) return needsRole("admin");
  const grant = await ownGrantOf(call);
  if (isFault(grant)) return grant;
  const expiry = body.expires_at === undefined ? grant.expiresAt : expiryOf(body.expires_at, nowMs);
  if (isFault(expiry)) return expiry;
  const attached = servers ? await resolveAttachments(call, servers) : null;
  if (isFault(attached)) return attached;
  const to: Grant = {
    ...grant,
    label: body.label ?? grant.label,
    tags: body.tags ?? grant.tags,
    expiresAt: expiry,
  };
  const changes = [updateGrant(db, to), ...(attached ? attachServers(db, team.id, grant.id, attached) : [])];
  const commits = grant.expiresAt > nowMs ? commitGrant : commitStanding;
  const inForce = await commits(call, to, changes, "grant.changed");
  if (isFault(inForce)) return inForce;
  return reply(inForceStatus(inForce), { ...(await showSaved(call, grant.id)), in_force: inForce });
}

async function rotate(call: TeamCall<z.output<typeof rotateBody>, unknown>): Promise<Reply | Fault> {
  const { db, nowMs } = call;
  const grant = await ownGrantOf(call);
  if (isFault(grant)) return grant;
  if (grant.expiresAt <= nowMs)
    return fault("conflict", "The grant has expired: set a new `expires_at` first.");
  const bearer = await newToken(call, grant.id, grant.expiresAt);
  const changes = [
    endGrantTokens(db, grant.id, nowMs + call.body.overlap_seconds * 1000),
    endFamilies(db, grant.id, nowMs + call.body.overlap_seconds * 1000),
    ...insertGrantToken(db, grant.id, bearer, nowMs),
  ];
  const inForce = await commitGrant(call, grant, changes, "grant.rotated");
  const shown = await showSaved(call, grant.id);
  return reply(inForceStatus(inForce), { ...shown, token: bearer.token, in_force: inForce });
}
