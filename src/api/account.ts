import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { know, ration } from "../identity/attempt.ts";
import { hashPassword } from "../identity/password.ts";
import { fromStart, isTaken } from "../store/database.ts";
import { listMemberships } from "../store/team.ts";
import { findUserByEmail, insertUser } from "../store/user.ts";
import { email } from "./email.ts";
import { mailLink } from "./mail_link.ts";
import { type Call, type Operation, publicOperation, userOperation, within } from "./operation.ts";
import { newPassword } from "./password.ts";
import { type Reply, reply } from "./reply.ts";
import { newSession, showSession, signedInShape } from "./session.ts";
import { foundTeam, membershipShape, showMembership, teamName } from "./team.ts";

const signupBody = z.strictObject({ email, password: newPassword, team: teamName });
const meShape = z.strictObject({
  id: z.string(),
  email: z
    .nullable(z.string())
    .check(z.describe("null: this person comes through their team's own identity provider.")),
  email_verified: z.boolean(),
});

/** Sign-up and the signed-in user. */
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
          user: z.strictObject({ id: z.string(), email: z.string() }),
          team: z.strictObject({ id: z.string(), slug: z.string(), name: z.string() }),
          ...signedInShape,
        }),
      },
    },
    signup,
  ),
  userOperation(
    {
      id: "me",
      method: "get",
      path: "/v1/me",
      tag: "People",
      summary: "The signed-in user, their teams and roles",
      answers: { 200: z.strictObject({ user: meShape, teams: z.array(membershipShape) }) },
    },
    async ({ deps, user: { id, email, emailVerified }, session }) => {
      const teams = await listMemberships(deps.db, id, session.team, fromStart, 200);
      return reply(200, {
        user: { id, email, email_verified: emailVerified },
        teams: teams.map((team) => showMembership(within(session, team))),
      });
    },
  ),
];

async function signup(call: Call<z.output<typeof signupBody>, unknown>): Promise<Reply | Fault> {
  const { deps, nowMs, body, address } = call;
  const over = address === null ? null : await ration("sign_up", `address ${address}`, deps);
  if (over) return over;
  const taken = fault("conflict", "There is a user with this e-mail address.", [
    { pointer: "/email", message: "already signed up; sign in instead" },
  ]);
  if (await findUserByEmail(deps.db, body.email)) return taken;
  const id = newId("usr", deps.random);
  const user = { id, email: body.email, password: await hashPassword(body.password, deps.random) };
  const session = await newSession(call, id, "password");
  try {
    const team = await foundTeam(call, id, body.team, [
      insertUser(deps.db, user, nowMs),
      ...session.statements,
    ]);
    await know(user.email, { ...deps, address });
    if (!isFault(deps.mail)) deps.behind(mailLink(call, "signed_up", { user: id, email: user.email }));
    const { body: told, headers } = showSession(call, session);
    const { slug, name } = team;
    return reply(
      201,
      { user: { id, email: user.email }, team: { id: team.id, slug, name }, ...told },
      headers,
    );
  } catch (error) {
    if (isTaken(error)) return taken;
    throw error;
  }
}
