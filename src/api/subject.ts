import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { newId, type UserId } from "../id.ts";
import { findIdentity } from "../store/identity.ts";
import type { QuotaName } from "../store/quota.ts";
import { deleteScriptTokensIn } from "../store/script_token.ts";
import { deleteSessionsIn } from "../store/session.ts";
import {
  allowSubject,
  findSubject,
  insertSubject,
  listSubjects,
  refuseSubject,
  type Subject,
  type SubjectName,
} from "../store/subject.ts";
import { commit, inForceShape, inForceStatus, save } from "./edit.ts";
import { identityPath, noIdentity, tag } from "./identity.ts";
import { standingShape } from "./member.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { withinQuota } from "./quota.ts";
import { type Reply, reply, timestamp } from "./reply.ts";

const subjectShape = z
  .strictObject({
    sub: z.string(),
    user: z.string(),
    grant: z.nullable(z.string()).check(z.describe("null: its next token makes one.")),
    role: z.nullable(standingShape.role),
    state: z.enum(["allowed", "refused"]),
    first_seen_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Subject" });

const changed = z.extend(subjectShape, { in_force: inForceShape });

const all = `${identityPath}/subjects`;
const one = `${all}/{sub}`;

/** Whom the team's issuer has named: each is refused, and allowed again, by the `sub` of its tokens. */
export const subjectOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "list_subjects",
      method: "get",
      path: all,
      tag,
      summary: "Whom the issuer's tokens have named, in the order of their first",
      query: pageQuery,
      answers: { 200: pageOf(subjectShape) },
    },
    async ({ db, team, query }) => {
      const identity = await findIdentity(db, team.id);
      if (!identity) return noIdentity;
      const { cursor, limit } = query;
      const rows = await listSubjects(db, { team: team.id, issuer: identity.issuer }, cursor, limit + 1);
      return reply(
        200,
        page(rows, limit, (row) => ageCursor({ createdAt: row.createdAt, id: row.user }), showSubject),
      );
    },
  ),
  teamOperation(
    "admin",
    {
      id: "revoke_subject",
      method: "post",
      path: `${one}/revoke`,
      tag,
      summary: "Refuse a subject's tokens from the next call on, also of one that was never seen",
      answers: { 200: changed, 202: changed },
    },
    revoke,
  ),
  teamOperation(
    "admin",
    {
      id: "allow_subject",
      method: "post",
      path: `${one}/allow`,
      tag,
      summary: "Take a refused subject's tokens again",
      answers: { 200: changed, 202: changed },
    },
    allow,
  ),
];

type Who = TeamCall<unknown, unknown>;

async function nameOf({ db, team, params }: Who): Promise<SubjectName | Fault> {
  const identity = await findIdentity(db, team.id);
  const sub = params["sub"] ?? "";
  if (!identity) return noIdentity;
  return sub.length > 255 ? nothingHere : { team: team.id, issuer: identity.issuer, sub };
}

async function revoke(call: Who): Promise<Reply | Fault> {
  const { deps, db, nowMs } = call;
  const name = await nameOf(call);
  if (isFault(name)) return name;
  const subject = await findSubject(db, name);
  const user = subject?.user ?? newId("usr", deps.random);
  const changes = [
    ...(subject ? [] : insertSubject(db, name, user, nowMs)),
    refuseSubject(db, name, nowMs),
    deleteSessionsIn(db, name.team, user),
    deleteScriptTokensIn(db, name.team, user),
  ];
  return change(call, { name, user, action: "subject.revoked", quota: "refused_subjects" }, changes);
}

async function allow(call: Who): Promise<Reply | Fault> {
  const name = await nameOf(call);
  if (isFault(name)) return name;
  const subject = await findSubject(call.db, name);
  if (!subject) return nothingHere;
  if (!subject.refused) return fault("conflict", "This subject's tokens are taken already.");
  const { user } = subject;
  const changes = [allowSubject(call.db, name)];
  return change(call, { name, user, action: "subject.allowed", quota: "subjects" }, changes);
}

interface Change {
  readonly name: SubjectName;
  readonly user: UserId;
  readonly action: string;
  readonly quota: QuotaName;
}

async function change(
  call: Who,
  { name, user, action, quota }: Change,
  changes: readonly D1PreparedStatement[],
): Promise<Reply | Fault> {
  const { db } = call;
  const grant = (await findSubject(db, name))?.grant ?? null;
  // By our own id: what the issuer calls them, the log's chain could never forget.
  const event = { action, subject: user, detail: {} };
  const inForce = await withinQuota(call, [quota], async (held) => {
    if (grant) return commit(call, { of: "grant", grant }, [...changes, ...held], event);
    await save(call, [...changes, ...held], event);
    return { acknowledged: 0, pending: 0 };
  });
  if (isFault(inForce)) return inForce;
  const saved = await findSubject(db, name);
  if (!saved) return nothingHere;
  return reply(inForceStatus(inForce), { ...showSubject(saved), in_force: inForce });
}

const showSubject = ({ sub, user, grant, role, refused, createdAt }: Subject) => ({
  sub,
  user,
  grant,
  role,
  state: refused ? ("refused" as const) : ("allowed" as const),
  first_seen_at: timestamp(createdAt),
});
