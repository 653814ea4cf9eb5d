import * as z from "zod/mini";
import { type Fault, fault } from "../fault.ts";
import { newId } from "../id.ts";
import { ration } from "../identity/attempt.ts";
import { mintScriptToken, scriptTokenLifetimeMaxMs } from "../identity/script_token.ts";
import { shardOf } from "../store/database.ts";
import {
  deleteScriptToken,
  findOwnScriptToken,
  insertScriptToken,
  listScriptTokens,
  type ScriptToken,
} from "../store/script_token.ts";
import { findMembership } from "../store/team.ts";
import { save } from "./edit.ts";
import { nothingHere, type Operation, sessionOperation, type UserCall, whyClosed } from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { membershipShape } from "./team.ts";

const dayMs = 86_400_000;
const lifetimeMs = 90 * dayMs;
const standingMax = 100;

const { role } = membershipShape.shape;

const body = z.strictObject({
  label: z.string().check(z.trim(), z.minLength(1), z.maxLength(100)),
  team: z.string().check(z.maxLength(80), z.describe("The one team that it opens: slug or id.")),
  role: role.check(z.describe("The most that it may do; never more than you may when it is used.")),
  expires_at: z
    .optional(z.iso.datetime({ offset: true }))
    .check(z.describe("A year from now at most; 90 days without.")),
});

const scriptTokenShape = z
  .strictObject({
    id: z.string(),
    label: z.string(),
    team: z.string().check(z.describe("The team's id.")),
    role,
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    last_used_at: z.nullable(z.iso.datetime()).check(z.describe("To five minutes; null is never.")),
  })
  .register(z.globalRegistry, { id: "ScriptToken" });
const withToken = z.extend(scriptTokenShape, {
  token: z.string().check(z.describe("Shown this once. For `Authorization: Bearer`, for /v1 only.")),
});

const all = "/v1/tokens";
const tag = "Tokens";

/** A person's tokens for their scripts. */
export const scriptTokenOperations: readonly Operation[] = [
  sessionOperation(
    {
      id: "list_tokens",
      method: "get",
      path: all,
      tag,
      summary: "Your tokens for scripts, oldest first",
      query: pageQuery,
      answers: { 200: pageOf(scriptTokenShape) },
    },
    async ({ deps, user, session, nowMs, query }) => {
      const asked = { nowMs, after: query.cursor, limit: query.limit + 1 };
      const rows = await listScriptTokens(deps.db, user.id, session.team, asked);
      return reply(200, page(rows, query.limit, ageCursor, show));
    },
  ),
  sessionOperation(
    {
      id: "create_token",
      method: "post",
      path: all,
      tag,
      summary: "A token for a script: one team, a role at most, and an end; it is shown this once",
      body,
      answers: { 201: withToken },
    },
    create,
  ),
  sessionOperation(
    {
      id: "revoke_token",
      method: "delete",
      path: `${all}/{token}`,
      tag,
      summary: "Revoke a token of yours: it is refused from now on",
      answers: { 204: null },
    },
    revoke,
  ),
];

async function create(call: UserCall<z.output<typeof body>, unknown>): Promise<Reply | Fault> {
  const { deps, user, session, body, nowMs } = call;
  const membership = await findMembership(deps.db, user.id, body.team, session.team);
  if (!membership) return nothingHere;
  if (membership.closed) return whyClosed(deps.origin, membership);
  // Whom an identity provider has let in, it can let in no more: nothing of theirs outlives the session.
  const latest = session.kind === "sso" ? session.expiresAtMs : nowMs + scriptTokenLifetimeMaxMs;
  const byDefault = Math.min(nowMs + lifetimeMs, latest);
  const expiresAt = body.expires_at === undefined ? byDefault : Date.parse(body.expires_at);
  if (expiresAt <= nowMs || expiresAt > latest) return session.kind === "sso" ? beyondSession : badExpiry;
  const over = await ration("script_token", `user ${user.id}`, deps);
  if (over) return over;
  const asked = { nowMs, after: { createdAt: 0, id: "" }, limit: standingMax };
  if ((await listScriptTokens(deps.db, user.id, null, asked)).length >= standingMax) return tooMany;
  const team = membership.team.id;
  const token: ScriptToken = {
    id: newId("tok", deps.random),
    user: user.id,
    team,
    role: body.role,
    label: body.label,
    createdAt: nowMs,
    expiresAt,
    lastUsedAt: null,
  };
  const bearer = { user: user.id, jti: token.id, expiresAtMs: expiresAt };
  const text = await mintScriptToken(bearer, deps.keys, deps.origin, nowMs);
  const db = shardOf(team, deps.db);
  await save({ ...call, db, team: { id: team } }, insertScriptToken(db, token), {
    action: "token.created",
    subject: token.id,
    detail: { role: token.role, label: token.label, expires_at: timestamp(expiresAt) },
  });
  return reply(201, { ...show(token), token: text });
}

const beyondSession = fault("invalid", "The request has mistakes; `errors` says where.", [
  {
    pointer: "/expires_at",
    message: "a time to come, and no later than this session's end: you came by the team's identity provider",
  },
]);
const badExpiry = fault("invalid", "The request has mistakes; `errors` says where.", [
  { pointer: "/expires_at", message: "lies ahead, and a year ahead at most" },
]);
const tooMany = fault("over_quota", `You may have ${standingMax} tokens: revoke some first.`);

async function revoke(call: UserCall<unknown, unknown>): Promise<Reply | Fault> {
  const { deps, user, session, params } = call;
  const token = await findOwnScriptToken(deps.db, user.id, params["token"] ?? "", session.team);
  if (!token) return nothingHere;
  const db = shardOf(token.team, deps.db);
  await save({ ...call, db, team: { id: token.team } }, [deleteScriptToken(db, token.id)], {
    action: "token.revoked",
    subject: token.id,
    detail: {},
  });
  return reply(204);
}

const show = (token: ScriptToken) => ({
  id: token.id,
  label: token.label,
  team: token.team,
  role: token.role,
  created_at: timestamp(token.createdAt),
  expires_at: timestamp(token.expiresAt),
  last_used_at: token.lastUsedAt === null ? null : timestamp(token.lastUsedAt),
});
