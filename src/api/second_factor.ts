import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { UserId } from "../id.ts";
import { attempt } from "../identity/attempt.ts";
import { type Challenge, mintChallenge, type Purpose, readChallenge } from "../identity/challenge.ts";
import { ceremonies, expectedOf, isOf, requestOptions } from "../identity/passkey.ts";
import { hashRecoveryCode } from "../identity/recovery_code.ts";
import { stepOf } from "../identity/totp.ts";
import type { Db } from "../store/database.ts";
import { findPasskey, listPasskeys, usePasskey } from "../store/passkey.ts";
import { countRecoveryCodes, hasRecoveryCode, useRecoveryCode } from "../store/recovery_code.ts";
import { isSpent, spendChallenge } from "../store/spent_challenge.ts";
import { findTotp, type Totp, useTotpStep } from "../store/totp.ts";
import { openTotpSecret } from "../upstream/totp_secret.ts";
import type { Call } from "./operation.ts";
import { assertionBody, assertionOf, requestOptionsShape } from "./passkey_shape.ts";

/** What a sign-in, or a change of what one signs in with, still lacks when the password was right. */
export const secondFactorShape = z
  .strictObject({
    challenge: z.string().check(z.describe("Names this request for five minutes; it opens nothing.")),
    methods: z.array(z.enum(["totp", "passkey", "recovery_code"])),
    passkey_options: z
      .optional(requestOptionsShape)
      .check(z.describe("For PublicKeyCredential.parseRequestOptionsFromJSON.")),
  })
  .register(z.globalRegistry, { id: "SecondFactor" });

/** The answer to it: the challenge, and what one of the methods gave. */
export const factorProof = z
  .strictObject({
    challenge: z.string().check(z.maxLength(2048)),
    code: z
      .optional(z.string().check(z.maxLength(60)))
      .check(z.describe("Six digits of the authenticator app, or a recovery code.")),
    passkey: z.optional(assertionBody),
  })
  .check(
    z.refine(({ code, passkey }) => (code === undefined) !== (passkey === undefined), "give code or passkey"),
  );

/** A sign-in is completed, or a change of what one signs in with is confirmed. */
type FactorPurpose = Extract<Purpose, "second_factor" | "confirmation">;
type Asking = Pick<Call<unknown, unknown>, "deps" | "nowMs">;

/** The challenge of a person who has set up a second factor; null for everybody else. */
export async function secondFactorOf(
  { deps, nowMs }: Asking,
  user: UserId,
  purpose: FactorPurpose = "second_factor",
): Promise<z.output<typeof secondFactorShape> | null> {
  const [totp, passkeys, recoveryCodes] = await Promise.all([
    findTotp(deps.db, user),
    listPasskeys(deps.db, user),
    countRecoveryCodes(deps.db, user),
  ]);
  const app = totp?.confirmedAt != null;
  if (!app && passkeys.length === 0) return null;
  const { challenge, token } = await mintChallenge(purpose, user, { ...deps, nowMs });
  const options = requestOptions(expectedOf(deps.origin, challenge), passkeys);
  return {
    challenge: token,
    methods: [
      ...(app ? (["totp"] as const) : []),
      ...(passkeys.length > 0 ? (["passkey"] as const) : []),
      ...(recoveryCodes > 0 ? (["recovery_code"] as const) : []),
    ],
    ...(passkeys.length > 0 ? { passkey_options: options } : {}),
  };
}

/** A second factor that was shown. It counts once its statements have run, and they run once (`isSpent`). */
export interface Proved {
  readonly user: UserId;
  readonly statements: readonly D1PreparedStatement[];
}

/** Checks what was shown for a challenge. Guesses at codes are counted by the person whom the challenge names. */
export async function proveFactor(
  call: Asking,
  purpose: FactorPurpose,
  given: z.output<typeof factorProof>,
): Promise<Proved | Fault> {
  const { deps, nowMs } = call;
  const challenge = await readChallenge(purpose, given.challenge, { ...deps, nowMs });
  const user = challenge?.user;
  if (!challenge || !user) return overChallenge;
  const shown = given.passkey
    ? await provePasskey(call, challenge, user, given.passkey)
    : await proveCode(call, user, given.code ?? "");
  if (isFault(shown)) return shown;
  return { user, statements: [...spendChallenge(deps.db, challenge, nowMs), ...shown] };
}

async function proveCode(call: Asking, user: UserId, code: string): Promise<D1PreparedStatement[] | Fault> {
  const { deps } = call;
  // One budget for everybody: whoever is asked for a code knows the password, and may have many addresses.
  const tried = await attempt("second_factor", user, { ...deps, address: null });
  if (isFault(tried)) return tried;
  // No recovery code is as short.
  const use = await (/^[\d ]{1,12}$/.test(code) ? appUse(call, user, code) : recoveryUse(call, user, code));
  if (!use) return wrongFactor;
  await tried.succeeded();
  return [use];
}

async function recoveryUse({ deps: { db }, nowMs }: Asking, user: UserId, code: string) {
  const hash = hashRecoveryCode(code);
  return (await hasRecoveryCode(db, user, hash)) ? useRecoveryCode(db, user, hash, nowMs) : null;
}

async function appUse(call: Asking, user: UserId, code: string) {
  const totp = await findTotp(call.deps.db, user);
  return totp?.confirmedAt == null ? null : totpUse(call, user, totp, code);
}

/** The use of an app's code; null where it is not one of these moments. */
export async function totpUse(
  { deps, nowMs }: Asking,
  user: UserId,
  totp: Totp,
  code: string,
): Promise<D1PreparedStatement | null> {
  const secret = await openTotpSecret(deps.masterKeys, user, totp.secret);
  if (!secret) throw new Error("an authenticator's secret does not open: MASTER_KEYS lacks what sealed it");
  const step = stepOf(secret, code, nowMs);
  return step === null ? null : useTotpStep(deps.db, user, step, nowMs);
}

async function provePasskey(
  { deps, nowMs }: Asking,
  challenge: Challenge,
  user: UserId,
  given: z.output<typeof assertionBody>,
): Promise<D1PreparedStatement[] | Fault> {
  const response = assertionOf(given);
  const known = await findPasskey(deps.db, given.id);
  if (!known || known.user !== user || !isOf(response, user)) return wrongFactor;
  const { asserted } = await ceremonies();
  const found = await asserted(response, known, expectedOf(deps.origin, challenge));
  return found ? [usePasskey(deps.db, known.id, found.counter, nowMs)] : wrongFactor;
}

/** Runs a change together with what uses up its proof, in one transaction: of two that show the same, one is done. */
export async function spend(db: Db, statements: readonly D1PreparedStatement[]): Promise<Fault | null> {
  if (statements.length === 0) return null;
  try {
    await db.batch([...statements]);
    return null;
  } catch (error) {
    if (isSpent(error)) return wrongFactor;
    throw error;
  }
}

export const wrongFactor = fault(
  "unauthenticated",
  "This does not prove it: it may be wrong, too old, or used before. Wait for the next code, or use another method.",
);
const overChallenge = fault(
  "unauthenticated",
  "The challenge is over: it lasts five minutes and is answered once. Ask for a new one.",
);
