import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { mintChallenge, readChallenge } from "../identity/challenge.ts";
import { ceremonies, creationOptions, expectedOf, isNamed } from "../identity/passkey.ts";
import { isTaken } from "../store/database.ts";
import {
  deletePasskey,
  insertPasskey,
  listPasskeys,
  type Passkey,
  passkeysMax,
  renamePasskey,
} from "../store/passkey.ts";
import { deleteStrandedRecoveryCodes } from "../store/recovery_code.ts";
import { isSpent, spendChallenge } from "../store/spent_challenge.ts";
import { confirmation, confirmed, makeConfirmed } from "./confirm.ts";
import { firstFactor, newCodesShape, tellOf } from "./factor_change.ts";
import { nothingHere, type Operation, personOperation, type UserCall } from "./operation.ts";
import { creationOptionsShape, registrationBody, registrationOf } from "./passkey_shape.ts";
import { passkeyName, passkeyShape, showPasskey } from "./passkey_view.ts";
import { type Reply, reply } from "./reply.ts";

const all = "/v1/me/passkeys";
const one = `${all}/{passkey}`;
const tag = "Second factor";
const confirmBody = z.strictObject(confirmation);
const createBody = z.strictObject({
  challenge: z.string().check(z.maxLength(2048)),
  name: passkeyName,
  passkey: registrationBody,
});
const renameBody = z.strictObject({ name: passkeyName });

/** Passkeys (WebAuthn): each signs its person in alone, and serves as a second factor. */
export const passkeyOperations: readonly Operation[] = [
  personOperation(
    {
      id: "passkey_options",
      method: "post",
      path: `${all}/options`,
      tag,
      summary: "Begin to add a passkey: what the browser needs to make one",
      body: confirmBody,
      answers: { 200: z.strictObject({ challenge: z.string(), options: creationOptionsShape }) },
    },
    options,
  ),
  personOperation(
    {
      id: "create_passkey",
      method: "post",
      path: all,
      tag,
      summary:
        "Add the passkey that the browser has made: from now on signing in by password asks for a second factor",
      body: createBody,
      answers: { 201: z.extend(passkeyShape, newCodesShape.shape) },
    },
    create,
  ),
  personOperation(
    {
      id: "rename_passkey",
      method: "patch",
      path: one,
      tag,
      summary: "Give a passkey another name",
      body: renameBody,
      answers: { 200: passkeyShape },
    },
    rename,
  ),
  personOperation(
    {
      id: "delete_passkey",
      method: "delete",
      path: one,
      tag,
      summary: "Remove a passkey: it opens nothing any more",
      body: confirmBody,
      answers: { 204: null },
    },
    remove,
  ),
];

type Confirmed = UserCall<z.output<typeof confirmBody>, unknown>;

async function options(call: Confirmed): Promise<Reply | Fault> {
  const { deps, user, nowMs } = call;
  if (!isNamed(deps.origin)) return nameless;
  const has = await listPasskeys(deps.db, user.id);
  if (has.length >= passkeysMax) return tooMany;
  const shown = await confirmed(call);
  if (isFault(shown)) return shown;
  const { challenge, token } = await mintChallenge("passkey_registration", user.id, { ...deps, nowMs });
  const refused = await makeConfirmed(deps.db, shown);
  if (refused) return refused;
  const named = { id: user.id, email: user.email ?? user.id };
  return reply(200, {
    challenge: token,
    options: creationOptions(expectedOf(deps.origin, challenge), named, has),
  });
}

async function create(call: UserCall<z.output<typeof createBody>, unknown>): Promise<Reply | Fault> {
  const { deps, user, nowMs, body } = call;
  const challenge = await readChallenge("passkey_registration", body.challenge, { ...deps, nowMs });
  if (challenge?.user !== user.id) return notMade;
  const { registered } = await ceremonies();
  const made = await registered(registrationOf(body.passkey), expectedOf(deps.origin, challenge));
  if (!made) return notMade;
  const passkey: Passkey = {
    id: newId("psk", deps.random),
    user: user.id,
    ...made,
    transports: body.passkey.response.transports,
    name: body.name,
    createdAt: nowMs,
    usedAt: null,
  };
  const { statements, codes } = await firstFactor(call);
  const spent = spendChallenge(deps.db, challenge, nowMs);
  try {
    await deps.db.batch([...spent, insertPasskey(deps.db, passkey), ...statements]);
  } catch (error) {
    if (isSpent(error))
      return (await listPasskeys(deps.db, user.id)).length >= passkeysMax ? tooMany : notMade;
    if (isTaken(error)) return fault("conflict", "This passkey is known here already.");
    throw error;
  }
  tellOf(call, "passkey_added");
  return reply(201, { ...showPasskey(passkey), recovery_codes: codes });
}

async function rename(call: UserCall<z.output<typeof renameBody>, unknown>): Promise<Reply | Fault> {
  const { deps, user, body } = call;
  const id = call.params["passkey"] ?? "";
  if ((await renamePasskey(deps.db, user.id, id, body.name)) === 0) return nothingHere;
  const passkey = await passkeyOf(call);
  return passkey ? reply(200, showPasskey(passkey)) : nothingHere;
}

async function remove(call: Confirmed): Promise<Reply | Fault> {
  const { deps, user } = call;
  const passkey = await passkeyOf(call);
  if (!passkey) return nothingHere;
  const shown = await confirmed(call);
  if (isFault(shown)) return shown;
  const changes = [
    deletePasskey(deps.db, user.id, passkey.id),
    deleteStrandedRecoveryCodes(deps.db, user.id),
  ];
  const refused = await makeConfirmed(deps.db, [...shown, ...changes]);
  if (refused) return refused;
  tellOf(call, "passkey_removed");
  return reply(204);
}

async function passkeyOf({ deps, user, params }: UserCall<unknown, unknown>): Promise<Passkey | undefined> {
  return (await listPasskeys(deps.db, user.id)).find(({ id }) => id === params["passkey"]);
}

export const nameless = fault(
  "misconfigured",
  "Browsers make no passkeys for an IP address, which this gateway is reached at. On this machine start it with `npm start -- --host localhost`.",
);
const tooMany = fault("over_quota", `A person may have ${passkeysMax} passkeys. Remove one first.`);
const notMade = fault(
  "invalid",
  "This is no new passkey for this gateway: ask for new options, and send what the browser made of them within five minutes.",
);
