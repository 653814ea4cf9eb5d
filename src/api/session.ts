import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { UserId } from "../id.ts";
import { attempt } from "../identity/attempt.ts";
import { noSessionCookie } from "../identity/cookie.ts";
import { checkPassword, passwordCharsMax } from "../identity/password.ts";
import { fromOurPages } from "../identity/sign_in.ts";
import { type StartedSession, startSession } from "../identity/start_session.ts";
import { deleteSession, type SessionKind } from "../store/session.ts";
import { findUserByEmail } from "../store/user.ts";
import { email } from "./email.ts";
import { type Call, type Operation, publicOperation, userOperation } from "./operation.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { secondFactorOf, secondFactorShape } from "./second_factor.ts";

/** What whoever signs in is answered. */
export const signedInShape = {
  token: z
    .optional(z.string())
    .check(z.describe("For `Authorization: Bearer`. A page of ours gets a cookie instead.")),
  expires_at: z.iso.datetime(),
};

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
  userOperation(
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
];

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
export async function openSession(call: Caller, user: UserId, kind: SessionKind): Promise<Reply> {
  const session = await newSession(call, user, kind);
  await call.deps.db.batch([...session.statements]);
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
