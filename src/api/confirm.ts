import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { attempt } from "../identity/attempt.ts";
import { checkPassword, passwordCharsMax } from "../identity/password.ts";
import type { Db } from "../store/database.ts";
import { findUserByEmail } from "../store/user.ts";
import type { UserCall } from "./operation.ts";
import { factorProof, proveFactor, secondFactorOf, spend, wrongFactor } from "./second_factor.ts";

/** What a person shows again before they change what they sign in with: a session left open must not be enough. */
export const confirmation = {
  password: z.string().check(z.maxLength(passwordCharsMax)),
  second_factor: z
    .optional(factorProof)
    .check(z.describe("Where you have one: answer POST /v1/me/second-factors/challenge.")),
};

interface Confirmation {
  readonly password: string;
  readonly second_factor?: z.output<typeof factorProof> | undefined;
}

/** The statements that use up what was shown, where it suffices; they belong into the batch of the change. */
export async function confirmed(
  call: UserCall<Confirmation, unknown>,
): Promise<readonly D1PreparedStatement[] | Fault> {
  const { deps, user, body } = call;
  const tried = await attempt("password", user.email ?? user.id, { ...deps, address: call.address });
  if (isFault(tried)) return tried;
  const stored = user.email === null ? null : await findUserByEmail(deps.db, user.email);
  if (!(await checkPassword(body.password, stored?.password ?? null))) return wrongPassword;
  await tried.succeeded();
  if (body.second_factor === undefined) return (await secondFactorOf(call, user.id)) ? needsFactor : [];
  const proved = await proveFactor(call, "confirmation", body.second_factor);
  if (isFault(proved)) return withinSession(proved);
  return proved.user === user.id ? proved.statements : withinSession(wrongFactor);
}

/** Makes a confirmed change, in one batch with what uses up what was shown. */
export async function makeConfirmed(
  db: Db,
  statements: readonly D1PreparedStatement[],
): Promise<Fault | null> {
  const refused = await spend(db, statements);
  return refused && withinSession(refused);
}

/** The session stands, whatever was shown besides: 401 would tell clients to sign in again. */
const withinSession = (refused: Fault): Fault =>
  refused.fault === "unauthenticated"
    ? fault("forbidden", refused.detail, [{ pointer: "/second_factor", message: "does not prove it" }])
    : refused;

const wrongPassword = fault("forbidden", "The password is wrong.", [
  { pointer: "/password", message: "not your password" },
]);
const needsFactor = fault(
  "forbidden",
  "Your second factor is needed too: ask POST /v1/me/second-factors/challenge, and send what answers it as `second_factor`.",
  [{ pointer: "/second_factor", message: "missing" }],
);
