import * as z from "zod/mini";
import { type Fault, fault } from "../fault.ts";
import { newId, type UserId } from "../id.ts";
import { checkPassword, hashPassword, passwordCharsMax, passwordCharsMin } from "../identity/password.ts";
import { mintSession, type Session, sessionLifetimeMs } from "../identity/session.ts";
import { fromStart, isTaken } from "../store/database.ts";
import { deleteSession, insertSession } from "../store/session.ts";
import { listMemberships } from "../store/team.ts";
import { findUserByEmail, insertUser } from "../store/user.ts";
import { type Call, type Operation, publicOperation, userOperation } from "./operation.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { foundTeam, membershipShape, showMembership, teamName } from "./team.ts";

export const email = z.email("not an e-mail address").check(z.maxLength(254), z.toLowerCase());
const newPassword = z
  .string()
  .check(
    z.minLength(passwordCharsMin, `a password has at least ${passwordCharsMin} characters`),
    z.maxLength(passwordCharsMax, `a password has at most ${passwordCharsMax} characters`),
  );

const signupBody = z.strictObject({ email, password: newPassword, team: teamName });
const loginBody = z.strictObject({ email, password: z.string().check(z.maxLength(passwordCharsMax)) });

const userShape = z.strictObject({ id: z.string(), email: z.string() });
const signedIn = { token: z.string(), expires_at: z.iso.datetime() };

/** Sign-up, sign-in and the signed-in user. */
export const accountOperations: readonly Operation[] = [
  publicOperation(
    {
      id: "signup",
      method: "post",
      path: "/v1/signup",
      tag: "People",
      summary: "Create a user and their first team, which they administer",
      body: signupBody,
      answers: {
        201: z.strictObject({
          user: userShape,
          team: z.strictObject({ id: z.string(), slug: z.string(), name: z.string() }),
          ...signedIn,
        }),
      },
    },
    signup,
  ),
  publicOperation(
    {
      id: "login",
      method: "post",
      path: "/v1/login",
      tag: "People",
      summary: "Sign in; the token is good for /v1 only",
      body: loginBody,
      answers: { 200: z.strictObject(signedIn) },
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
      return reply(204);
    },
  ),
  userOperation(
    {
      id: "me",
      method: "get",
      path: "/v1/me",
      tag: "People",
      summary: "The signed-in user, their teams and roles",
      answers: { 200: z.strictObject({ user: userShape, teams: z.array(membershipShape) }) },
    },
    async ({ deps, user }) => {
      const teams = await listMemberships(deps.db, user.id, fromStart, 200);
      return reply(200, { user, teams: teams.map(showMembership) });
    },
  ),
];

async function signup(call: Call<z.output<typeof signupBody>, unknown>): Promise<Reply | Fault> {
  const { deps, nowMs, body } = call;
  const taken = fault("conflict", "There is a user with this e-mail address.", [
    { pointer: "/email", message: "already signed up; sign in instead" },
  ]);
  if (await findUserByEmail(deps.db, body.email)) return taken;
  const id = newId("usr", deps.random);
  const user = { id, email: body.email, password: await hashPassword(body.password, deps.random) };
  const session = newSession(call, id);
  try {
    const team = await foundTeam(call, id, body.team, [
      insertUser(deps.db, user, nowMs),
      ...insertSession(deps.db, session, nowMs),
    ]);
    return reply(201, {
      user: { id, email: user.email },
      team: { id: team.id, slug: team.slug, name: team.name },
      ...(await shown(call, session)),
    });
  } catch (error) {
    if (isTaken(error)) return taken;
    throw error;
  }
}

async function login(call: Call<z.output<typeof loginBody>, unknown>): Promise<Reply | Fault> {
  const { deps, nowMs, body } = call;
  const user = await findUserByEmail(deps.db, body.email);
  // The same work and the same words for an unknown address: the answer does not tell who has an account.
  if (!(await checkPassword(body.password, user?.password ?? null)) || !user) {
    return fault("unauthenticated", "The e-mail address or the password is wrong.");
  }
  const session = newSession(call, user.id);
  await deps.db.batch(insertSession(deps.db, session, nowMs));
  return reply(200, await shown(call, session));
}

const newSession = ({ deps, nowMs }: Call<unknown, unknown>, user: UserId): Session => ({
  user,
  jti: newId("ses", deps.random),
  expiresAtMs: nowMs + sessionLifetimeMs,
});

async function shown({ deps, nowMs }: Call<unknown, unknown>, session: Session) {
  const token = await mintSession(session, deps.keys, deps.origin, nowMs);
  return { token, expires_at: timestamp(session.expiresAtMs) };
}
