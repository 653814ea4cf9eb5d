import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { attempt } from "../identity/attempt.ts";
import { base32, newTotpSecret, otpauthUri } from "../identity/totp.ts";
import { deleteStrandedRecoveryCodes } from "../store/recovery_code.ts";
import { beginTotp, deleteTotp, findTotp } from "../store/totp.ts";
import { sealTotpSecret } from "../upstream/totp_secret.ts";
import { confirmation, confirmed, makeConfirmed } from "./confirm.ts";
import { firstFactor, newCodesShape, tellOf } from "./factor_change.ts";
import { type Operation, personOperation, type UserCall } from "./operation.ts";
import { type Reply, reply } from "./reply.ts";
import { spend, totpUse } from "./second_factor.ts";

const path = "/v1/me/totp";
const tag = "Second factor";
const confirmBody = z.strictObject(confirmation);
const codeBody = z.strictObject({ code: z.string().check(z.maxLength(20)) });

/** The authenticator app: set up, confirmed by a first code, removed. */
export const totpOperations: readonly Operation[] = [
  personOperation(
    {
      id: "begin_totp",
      method: "post",
      path,
      tag,
      summary: "Begin to set up an authenticator app (RFC 6238); it counts once a code of it confirms it",
      body: confirmBody,
      answers: {
        201: z.strictObject({
          secret: z.string().check(z.describe("In base 32. Shown this once.")),
          otpauth_uri: z.string().check(z.describe("What the app's QR code holds.")),
        }),
      },
    },
    begin,
  ),
  personOperation(
    {
      id: "confirm_totp",
      method: "post",
      path: `${path}/confirm`,
      tag,
      summary: "Confirm the app by a code: from now on signing in by password asks for one",
      body: codeBody,
      answers: { 200: newCodesShape },
    },
    confirm,
  ),
  personOperation(
    {
      id: "remove_totp",
      method: "delete",
      path,
      tag,
      summary: "Remove the authenticator app",
      body: confirmBody,
      answers: { 204: null },
    },
    remove,
  ),
];

type Confirmed = UserCall<z.output<typeof confirmBody>, unknown>;

async function begin(call: Confirmed): Promise<Reply | Fault> {
  const { deps, user, nowMs } = call;
  if ((await findTotp(deps.db, user.id))?.confirmedAt != null) return isSetUp;
  const shown = await confirmed(call);
  if (isFault(shown)) return shown;
  const secret = newTotpSecret(deps.random);
  const sealed = await sealTotpSecret(deps.masterKeys, user.id, secret, deps.random);
  const refused = await makeConfirmed(deps.db, [...shown, beginTotp(deps.db, user.id, sealed, nowMs)]);
  if (refused) return refused;
  const issuer = new URL(deps.origin).host;
  const uri = otpauthUri(secret, issuer, user.email ?? user.id);
  return reply(201, { secret: base32(secret), otpauth_uri: uri });
}

async function confirm(call: UserCall<z.output<typeof codeBody>, unknown>): Promise<Reply | Fault> {
  const { deps, user, body } = call;
  const totp = await findTotp(deps.db, user.id);
  if (!totp) return fault("conflict", "No authenticator app is being set up: begin with POST /v1/me/totp.");
  if (totp.confirmedAt !== null) return isSetUp;
  const tried = await attempt("second_factor", user.id, { ...deps, address: null });
  if (isFault(tried)) return tried;
  const use = await totpUse(call, user.id, totp, body.code);
  if (!use) return wrongCode;
  await tried.succeeded();
  const { statements, codes } = await firstFactor(call);
  if (await spend(deps.db, [use, ...statements])) return wrongCode;
  tellOf(call, "totp_added");
  return reply(200, { recovery_codes: codes });
}

async function remove(call: Confirmed): Promise<Reply | Fault> {
  const { deps, user } = call;
  if (!(await findTotp(deps.db, user.id))) return fault("not_found", "There is no authenticator app.");
  const shown = await confirmed(call);
  if (isFault(shown)) return shown;
  const refused = await makeConfirmed(deps.db, [
    ...shown,
    deleteTotp(deps.db, user.id),
    deleteStrandedRecoveryCodes(deps.db, user.id),
  ]);
  if (refused) return refused;
  tellOf(call, "totp_removed");
  return reply(204);
}

const isSetUp = fault("conflict", "An authenticator app is set up already: remove it first.");
const wrongCode = fault("forbidden", "This is not the code that the app shows now.", [
  { pointer: "/code", message: "wrong, or too old: check the clock of the device" },
]);
