import * as z from "zod/mini";
import { type Fault, isFault } from "../fault.ts";
import { know, ration } from "../identity/attempt.ts";
import { hashPassword, passwordCharsMax, passwordCharsMin } from "../identity/password.ts";
import { isLinkUsed, useMailLink } from "../store/mail_link.ts";
import { deleteScriptTokensOf } from "../store/script_token.ts";
import { deleteSecondFactors } from "../store/second_factor.ts";
import { deleteOtherSessions, deleteSessionsOf } from "../store/session.ts";
import { findUser, findUserByEmail, setPassword, setVerifiedEmail, type User } from "../store/user.ts";
import { confirmation, confirmed, makeConfirmed } from "./confirm.ts";
import { email } from "./email.ts";
import { linkOf, linkToken, mailLink, noLink, notify } from "./mail_link.ts";
import { type Call, type Operation, personOperation, publicOperation, type UserCall } from "./operation.ts";
import { type Reply, reply } from "./reply.ts";

export const newPassword = z
  .string()
  .check(
    z.minLength(passwordCharsMin, `a password has at least ${passwordCharsMin} characters`),
    z.maxLength(passwordCharsMax, `a password has at most ${passwordCharsMax} characters`),
  );

const tag = "People";
const changeBody = z.strictObject({ ...confirmation, new_password: newPassword });
const forgottenBody = z.strictObject({ email });
const resetBody = z.strictObject({ token: linkToken, password: newPassword });

/** Changing a password by the old one, and getting over one that is lost. */
export const passwordOperations: readonly Operation[] = [
  personOperation(
    {
      id: "change_password",
      method: "post",
      path: "/v1/password",
      tag,
      summary: "Change your password; your other sessions end",
      body: changeBody,
      answers: { 204: null },
    },
    change,
  ),
  publicOperation(
    {
      id: "forget_password",
      method: "post",
      path: "/v1/password/forgotten",
      tag,
      summary:
        "Mail a link by which a new password is set, where somebody has the address; the answer is the same",
      body: forgottenBody,
      answers: { 202: null },
    },
    forgotten,
  ),
  publicOperation(
    {
      id: "reset_password",
      method: "post",
      path: "/v1/password/reset",
      tag,
      summary: "Set a new password by a mailed link; every session and token for scripts ends",
      body: resetBody,
      answers: { 204: null },
    },
    reset,
  ),
];

async function change(call: UserCall<z.output<typeof changeBody>, unknown>): Promise<Reply | Fault> {
  const { deps, user, session, body } = call;
  const shown = await confirmed(call);
  if (isFault(shown)) return shown;
  const password = await hashPassword(body.new_password, deps.random);
  const refused = await makeConfirmed(deps.db, [
    ...shown,
    setPassword(deps.db, user.id, password),
    deleteOtherSessions(deps.db, user.id, session.jti),
  ]);
  if (refused) return refused;
  if (user.email !== null) notify(call, changed(user.email, deps.origin, "Your other sign-ins have ended."));
  return reply(204);
}

async function forgotten(call: Call<z.output<typeof forgottenBody>, unknown>): Promise<Reply | Fault> {
  const { deps, address, body } = call;
  if (isFault(deps.mail)) return deps.mail;
  const over =
    (address === null ? null : await ration("mail_by_address", `address ${address}`, deps)) ??
    (await ration("reset_mail", `account ${body.email}`, deps));
  if (over) return over;
  deps.behind(writeTo(call, body.email));
  return reply(202);
}

/** Behind the answer, whose time would tell whether anybody has the address. */
async function writeTo(call: Call<unknown, unknown>, to: string): Promise<void> {
  const user = await findUserByEmail(call.deps.db, to);
  if (user) await mailLink(call, "reset_password", { user: user.id, email: to });
}

async function reset(call: Call<z.output<typeof resetBody>, unknown>): Promise<Reply | Fault> {
  const { deps, body } = call;
  const link = await linkOf(call, body.token, "reset_password");
  if (isFault(link)) return link;
  const user = await findUser(deps.db, link.user);
  if (user?.email !== link.email) return noLink;
  const password = await hashPassword(body.password, deps.random);
  try {
    await deps.db.batch([...useMailLink(deps.db, link.hash, user.id), ...resetTo(call, user, password)]);
  } catch (error) {
    if (isLinkUsed(error)) return noLink;
    throw error;
  }
  // Whoever guesses at the account meanwhile must not keep out who has just proved to be its owner.
  await know(user.email, { ...deps, address: call.address });
  notify(call, changed(user.email, deps.origin, "All sign-ins and all tokens for scripts have ended."));
  return reply(204);
}

/** The mail was read, so the address is verified too. Before, whoever signed up with it may have been anybody. */
function resetTo(
  { deps, nowMs }: Call<unknown, unknown>,
  user: User,
  password: string,
): D1PreparedStatement[] {
  const anybodys = user.emailVerifiedAt === null;
  return [
    setPassword(deps.db, user.id, password),
    setVerifiedEmail(deps.db, user.id, user.email, nowMs),
    deleteSessionsOf(deps.db, user.id),
    deleteScriptTokensOf(deps.db, user.id),
    ...(anybodys ? deleteSecondFactors(deps.db, user.id) : []),
  ];
}

const changed = (to: string, origin: string, ended: string) => ({
  to,
  subject: "Your password was changed",
  text: `The password of your account at ${origin} was changed. ${ended}\n\nIf that was not you, choose another at ${origin}/forgot-password, and tell the admins of your teams.\n`,
});
