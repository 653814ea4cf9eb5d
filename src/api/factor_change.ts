import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { hashRecoveryCode, newRecoveryCodes } from "../identity/recovery_code.ts";
import { listPasskeys } from "../store/passkey.ts";
import { countRecoveryCodes, replaceRecoveryCodes } from "../store/recovery_code.ts";
import { deleteOtherSessions } from "../store/session.ts";
import { findTotp } from "../store/totp.ts";
import { confirmation, confirmed, makeConfirmed } from "./confirm.ts";
import { notify } from "./mail_link.ts";
import { type Operation, personOperation, type UserCall } from "./operation.ts";
import { passkeyShape, showPasskey } from "./passkey_view.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { secondFactorOf, secondFactorShape } from "./second_factor.ts";

export const newCodesShape = z.strictObject({
  recovery_codes: z
    .nullable(z.array(z.string()))
    .check(
      z.describe("Each works once in the place of a second factor. Shown this once; null: you have some."),
    ),
});
const confirmBody = z.strictObject(confirmation);
const tag = "Second factor";

/** What a person has set up beside their password, and the codes for when all of it is lost. */
export const factorChangeOperations: readonly Operation[] = [
  personOperation(
    {
      id: "get_second_factors",
      method: "get",
      path: "/v1/me/second-factors",
      tag,
      summary: "What you have set up beside your password",
      answers: {
        200: z.strictObject({
          totp: z.nullable(z.strictObject({ confirmed_at: z.iso.datetime() })),
          passkeys: z.array(passkeyShape),
          recovery_codes_left: z.int(),
        }),
      },
    },
    async ({ deps, user }) => {
      const [totp, passkeys, left] = await Promise.all([
        findTotp(deps.db, user.id),
        listPasskeys(deps.db, user.id),
        countRecoveryCodes(deps.db, user.id),
      ]);
      const app = totp?.confirmedAt == null ? null : { confirmed_at: timestamp(totp.confirmedAt) };
      return reply(200, { totp: app, passkeys: passkeys.map(showPasskey), recovery_codes_left: left });
    },
  ),
  personOperation(
    {
      id: "challenge_second_factor",
      method: "post",
      path: "/v1/me/second-factors/challenge",
      tag,
      summary: "What to answer before you change what you sign in with",
      answers: { 200: secondFactorShape },
    },
    async (call) => {
      const challenge = await secondFactorOf(call, call.user.id, "confirmation");
      return challenge ? reply(200, challenge) : fault("conflict", "You have no second factor.");
    },
  ),
  personOperation(
    {
      id: "renew_recovery_codes",
      method: "post",
      path: "/v1/me/recovery-codes",
      tag,
      summary: "New recovery codes; the old ones end",
      body: confirmBody,
      answers: { 200: newCodesShape },
    },
    renew,
  ),
];

async function renew(call: UserCall<z.output<typeof confirmBody>, unknown>): Promise<Reply | Fault> {
  const shown = await confirmed(call);
  if (isFault(shown)) return shown;
  if (shown.length === 0)
    return fault("conflict", "You have no second factor that codes could stand in for.");
  const { codes, statements } = newCodes(call);
  const refused = await makeConfirmed(call.deps.db, [...shown, ...statements]);
  if (refused) return refused;
  tellOf(call, "codes_renewed");
  return reply(200, { recovery_codes: codes });
}

type Whose = Pick<UserCall<unknown, unknown>, "deps" | "user" | "session">;

function newCodes({ deps, user }: Whose) {
  const codes = newRecoveryCodes(deps.random);
  return { codes, statements: replaceRecoveryCodes(deps.db, user.id, codes.map(hashRecoveryCode)) };
}

/**
 * What goes with a new factor: recovery codes, where there are none yet, and the end of the person's other sessions, which
 * began without it.
 */
export async function firstFactor(
  call: Whose,
): Promise<{ readonly statements: readonly D1PreparedStatement[]; readonly codes: string[] | null }> {
  const { deps, user, session } = call;
  const ended = deleteOtherSessions(deps.db, user.id, session.jti);
  if ((await countRecoveryCodes(deps.db, user.id)) > 0) return { statements: [ended], codes: null };
  const { codes, statements } = newCodes(call);
  return { statements: [ended, ...statements], codes };
}

const changes = {
  totp_added: "An authenticator app was set up for your account.",
  totp_removed: "The authenticator app of your account was removed.",
  passkey_added: "A passkey was added to your account.",
  passkey_removed: "A passkey of your account was removed.",
  codes_renewed: "New recovery codes were made for your account; the old ones have ended.",
} as const;

/** Tells a person by mail how their signing in has changed: who did it may have been somebody else. */
export function tellOf({ deps, user }: Pick<Whose, "deps" | "user">, change: keyof typeof changes): void {
  if (user.email === null) return;
  const was = `It was done at ${deps.origin}, by somebody signed in as you who knew your password.`;
  const not = `If it was not you, set a new password at ${deps.origin}/forgot-password and look at ${deps.origin}/second-factor`;
  const text = `${changes[change]}\n\n${was}\n\n${not}\n`;
  notify({ deps }, { to: user.email, subject: "How you sign in has changed", text });
}
