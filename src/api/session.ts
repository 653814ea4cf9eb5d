import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { UserId } from "../id.ts";
import { attempt } from "../identity/attempt.ts";
import { noSessionCookie } from "../identity/cookie.ts";
import { checkPassword, passwordCharsMax } from "../identity/password.ts";
import { fromOurPages } from "../identity/sign_in.ts";
import { type StartedSession, startSession } from "../identity/start_session.ts";
import {
  deleteOtherSessions,
  deleteOwnSession,
  deleteSession,
  type ListedSession,
  listSessions,
  type SessionKind,
} from "../store/session.ts";
import { findUserByEmail } from "../store/user.ts";
import { email } from "./email.ts";
import { type Call, nothingHere, type Operation, publicOperation, sessionOperation } from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { secondFactorOf, secondFactorShape, spend } from "./second_factor.ts";

/** What whoever signs in is answered. */
export const signedInShape = {
  token: z
    .optional(z.string())
    .check(z.describe("For `Authorization: Bearer`. A page of ours gets a cookie instead.")),
  expires_at: z.iso.datetime(),
};

const sessionShape = z
  .strictObject({
    id: z.string(),
    current: z.boolean().check(z.describe("The one that asks.")),
    kind: z.enum(["password", "passkey", "sso"]).check(z.describe("How it was signed in.")),
    team: z.nullable(z.string()).check(z.describe("The one team that it opens; null is all of yours.")),
    client: z.string().check(z.describe("What the client called itself: anybody's words.")),
    created_at: z.iso.datetime(),
    last_used_at: z.iso.datetime().check(z.describe("To five minutes.")),
    expires_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Session" });

const all = "/v1/sessions";

const loginBody = z.strictObject({ email, password: z.string().check(z.maxLength(passwordCharsMax)) });

/** Signing in and out. */
export const sessionOperations: readonly Operation[] = [
  publicOperation(
    {
      id: "login",
      method: "post",
      path: "/v1/login",
      tag: "People",
      summary: "Sign in; the token is good for /v1 only. A page of ours gets a cookie instead",
      body: loginBody,
      answers: {
        200: z.union([z.strictObject(signedInShape), z.strictObject({ second_factor: secondFactorShape })]),
      },
    },
    login,
  ),
  sessionOperation(
    {
      id: "logout",
      method: "post",
      path: "/v1/logout",
      tag: "People",
      summary: "End this session: its token is refused from now on",
      answers: { 204: null },
    },
    async ({ deps, session }) => {
      await deleteSession(deps.db, session.jti);
      return reply(204, undefined, { "Set-Cookie": noSessionCookie });
    },
  ),
  sessionOperation(
    {
      id: "list_sessions",
      method: "get",
      path: all,
      tag: "People",
      summary: "Where you are signed in",
      query: pageQuery,
      answers: { 200: pageOf(sessionShape) },
    },
    async ({ deps, user, session, nowMs, query }) => {
      const asked = { nowMs, after: query.cursor, limit: query.limit + 1 };
      const rows = await listSessions(deps.db, user.id, session.team, asked);
      return reply(
        200,
        page(rows, query.limit, ageCursor, (row) => showListed(row, session.jti)),
      );
    },
  ),
  sessionOperation(
    {
      id: "end_session",
      method: "delete",
      path: `${all}/{session}`,
      tag: "People",
      summary: "End a session of yours: it is refused from now on",
      answers: { 204: null },
    },
    async ({ deps, user, session, params }) => {
      const ended = await deleteOwnSession(deps.db, user.id, params["session"] ?? "", session.team);
      return ended ? reply(204) : nothingHere;
    },
  ),
  sessionOperation(
    {
      id: "end_other_sessions",
      method: "delete",
      path: all,
      tag: "People",
      summary: "End every session of yours but this one",
      answers: { 204: null },
    },
    async ({ deps, user, session }) => {
      await deleteOtherSessions(deps.db, user.id, session.jti, session.team).run();
      return reply(204);
    },
  ),
];

const showListed = (row: ListedSession, current: string) => ({
  id: row.id,
  current: row.id === current,
  kind: row.kind,
  team: row.team,
  client: row.client,
  created_at: timestamp(row.createdAt),
  last_used_at: timestamp(row.lastUsedAt),
  expires_at: timestamp(row.expiresAt),
});

async function login(call: Call<z.output<typeof loginBody>, unknown>): Promise<Reply | Fault> {
  const { deps, body } = call;
  const tried = await attempt("password", body.email, { ...deps, address: call.address });
  if (isFault(tried)) return tried;
  const user = await findUserByEmail(deps.db, body.email);
  // The same work and the same words for an unknown address: the answer does not tell who has an account.
  if (!(await checkPassword(body.password, user?.password ?? null)) || !user) {
    return fault("unauthenticated", "The e-mail address or the password is wrong.");
  }
  await tried.succeeded();
  const challenge = await secondFactorOf(call, user.id);
  return challenge ? reply(200, { second_factor: challenge }) : openSession(call, user.id, "password");
}

type Caller = Pick<Call<unknown, unknown>, "deps" | "header">;

/** Signs a person in, and answers 200 with the token or the cookie. */
export async function openSession(
  call: Caller,
  user: UserId,
  kind: SessionKind,
  shown: readonly D1PreparedStatement[] = [],
): Promise<Reply | Fault> {
  const session = await newSession(call, user, kind);
  const refused = await spend(call.deps.db, [...shown, ...session.statements]);
  if (refused) return refused;
  const { body, headers } = showSession(call, session);
  return reply(200, body, headers);
}

/** A person's session, which stands once its statements have run. */
export const newSession = ({ deps, header }: Caller, user: UserId, kind: SessionKind) =>
  startSession({ user, team: null, kind }, header("User-Agent"), deps);

/** How a new session is told: a page of ours never sees the token, so no script of its can lose it. */
export function showSession(
  { deps, header }: Caller,
  { token, cookie, expiresAtMs }: StartedSession,
): { body: { token?: string; expires_at: string }; headers: Record<string, string> } {
  const expires = { expires_at: timestamp(expiresAtMs) };
  return fromOurPages("POST", header, deps.origin)
    ? { body: expires, headers: { "Set-Cookie": cookie } }
    : { body: { token, ...expires }, headers: {} };
}
