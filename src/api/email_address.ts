import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { ration } from "../identity/attempt.ts";
import { fromStart, isTaken } from "../store/database.ts";
import { isLinkUsed, useMailLink } from "../store/mail_link.ts";
import { listMemberships } from "../store/team.ts";
import { findUser, findUserByEmail, setVerifiedEmail } from "../store/user.ts";
import { confirmation, confirmed, makeConfirmed } from "./confirm.ts";
import { commitIn } from "./edit.ts";
import { email } from "./email.ts";
import { linkOf, linkToken, mailedShape, mailLink, noLink, notify } from "./mail_link.ts";
import { type Call, type Operation, personOperation, publicOperation, type UserCall } from "./operation.ts";
import { type Reply, reply } from "./reply.ts";

const tag = "People";
const changeBody = z.strictObject({ ...confirmation, email });
const tokenBody = z.strictObject({ token: linkToken });

/** The address that a person signs in with: shown to be theirs, and changed. */
export const emailOperations: readonly Operation[] = [
  personOperation(
    {
      id: "ask_email_confirmation",
      method: "post",
      path: "/v1/email/confirmation",
      tag,
      summary: "Mail the link that confirms your e-mail address; it replaces an earlier one",
      answers: { 200: mailedShape },
    },
    ask,
  ),
  publicOperation(
    {
      id: "confirm_email",
      method: "post",
      path: "/v1/email/confirm",
      tag,
      summary:
        "Confirm the e-mail address that a link was mailed to; where it is a new one, it takes the old one's place",
      body: tokenBody,
      answers: { 200: z.strictObject({ email: z.string() }) },
    },
    confirm,
  ),
  personOperation(
    {
      id: "change_email",
      method: "post",
      path: "/v1/email",
      tag,
      summary: "Sign in with another e-mail address, once the link that is mailed there confirms it",
      body: changeBody,
      answers: { 202: null },
    },
    change,
  ),
];

async function ask(call: UserCall<unknown, unknown>): Promise<Reply | Fault> {
  const { deps, user } = call;
  if (user.email === null) return noEmail;
  if (user.emailVerified) return fault("conflict", "Your e-mail address is confirmed already.");
  const over = await ration("confirmation_mail", `user ${user.id}`, deps);
  if (over) return over;
  const mailed = await mailLink(call, "signed_up", { user: user.id, email: user.email });
  return isFault(mailed) ? mailed : reply(200, mailed);
}

const noEmail = fault(
  "conflict",
  "You come in through your team's identity provider and have no address here.",
);

async function change(call: UserCall<z.output<typeof changeBody>, unknown>): Promise<Reply | Fault> {
  const { deps, user, body } = call;
  if (isFault(deps.mail)) return deps.mail;
  if (body.email === user.email) return sameEmail;
  const shown = await confirmed(call);
  if (isFault(shown)) return shown;
  const over = await ration("confirmation_mail", `user ${user.id}`, deps);
  if (over) return over;
  const refused = shown.length === 0 ? null : await makeConfirmed(deps.db, [...shown]);
  if (refused) return refused;
  deps.behind(writeTo(call, body.email));
  return reply(202);
}

const sameEmail = fault("invalid", "The request has mistakes; `errors` says where.", [
  { pointer: "/email", message: "is your address already" },
]);

/** Behind the answer, so that nobody learns from it whether somebody else has the address. */
async function writeTo(call: UserCall<unknown, unknown>, to: string): Promise<void> {
  if (await findUserByEmail(call.deps.db, to)) {
    notify(call, {
      to,
      subject: "You have an account with this address",
      text: `Somebody wanted to use this address for another account at ${call.deps.origin}. It is yours and stays yours; you need not do anything.\n`,
    });
    return;
  }
  await mailLink(call, "new_email", { user: call.user.id, email: to });
}

async function confirm(call: Call<z.output<typeof tokenBody>, unknown>): Promise<Reply | Fault> {
  const { deps, nowMs } = call;
  const link = await linkOf(call, call.body.token, "confirm_email");
  if (isFault(link)) return link;
  const before = await findUser(deps.db, link.user);
  if (!before) return noLink;
  const moves = before.email !== link.email;
  // Policies read a member's address, so the gates of their teams are told of another.
  const teams = moves ? await listMemberships(deps.db, link.user, null, fromStart, 200) : [];
  const changes = [
    ...useMailLink(deps.db, link.hash, link.user),
    setVerifiedEmail(deps.db, link.user, link.email, nowMs),
  ];
  try {
    await commitIn(
      { ...call, user: { id: link.user } },
      teams.map(({ team }) => team.id),
      { of: "member", member: link.user },
      changes,
      // Without the addresses: the log's chain could never forget them.
      { action: "member.email_changed", subject: link.user, detail: {} },
    );
  } catch (error) {
    if (isLinkUsed(error) || isTaken(error)) return noLink;
    throw error;
  }
  if (moves) notify(call, movedAway(before.email, deps.origin));
  return reply(200, { email: link.email });
}

const movedAway = (to: string, origin: string) => ({
  to,
  subject: "Your e-mail address was changed",
  text: `Your account at ${origin} is signed in to with another e-mail address from now on.\n\nIf that was not you, tell the admins of your teams: somebody had your password.\n`,
});
