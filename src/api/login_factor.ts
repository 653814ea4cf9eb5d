import * as z from "zod/mini";
import { type Fault, isFault } from "../fault.ts";
import { mintChallenge, readChallenge } from "../identity/challenge.ts";
import { ceremonies, expectedOf, isNamed, isOf, requestOptions } from "../identity/passkey.ts";
import { findPasskey, usePasskey } from "../store/passkey.ts";
import { spendChallenge } from "../store/spent_challenge.ts";
import { type Call, type Operation, publicOperation } from "./operation.ts";
import { nameless } from "./passkey.ts";
import { assertionBody, assertionOf, requestOptionsShape } from "./passkey_shape.ts";
import { type Reply, reply } from "./reply.ts";
import { factorProof, proveFactor, wrongFactor } from "./second_factor.ts";
import { openSession, signedInShape } from "./session.ts";

const tag = "People";
const passkeyBody = z.strictObject({
  challenge: z.string().check(z.maxLength(2048)),
  passkey: assertionBody,
});

/** The ends of a sign-in: a second factor behind the password, or a passkey alone. */
export const loginFactorOperations: readonly Operation[] = [
  publicOperation(
    {
      id: "login_second_factor",
      method: "post",
      path: "/v1/login/second-factor",
      tag,
      summary: "Complete a sign-in by the second factor that POST /v1/login has asked for",
      body: factorProof,
      answers: { 200: z.strictObject(signedInShape) },
    },
    async (call) => {
      const proved = await proveFactor(call, "second_factor", call.body);
      return isFault(proved) ? proved : openSession(call, proved.user, "password", proved.statements);
    },
  ),
  publicOperation(
    {
      id: "login_passkey_options",
      method: "post",
      path: "/v1/login/passkey/options",
      tag,
      summary: "What a browser needs to sign somebody in by a passkey alone",
      answers: { 200: z.strictObject({ challenge: z.string(), options: requestOptionsShape }) },
    },
    async ({ deps, nowMs }) => {
      if (!isNamed(deps.origin)) return nameless;
      const { challenge, token } = await mintChallenge("passkey_sign_in", null, { ...deps, nowMs });
      const options = requestOptions(expectedOf(deps.origin, challenge), []);
      return reply(200, { challenge: token, options });
    },
  ),
  publicOperation(
    {
      id: "login_passkey",
      method: "post",
      path: "/v1/login/passkey",
      tag,
      summary: "Sign in by a passkey alone, which proves its person too: no second factor is asked for",
      body: passkeyBody,
      answers: { 200: z.strictObject(signedInShape) },
    },
    byPasskey,
  ),
];

async function byPasskey(call: Call<z.output<typeof passkeyBody>, unknown>): Promise<Reply | Fault> {
  const { deps, nowMs, body } = call;
  const challenge = await readChallenge("passkey_sign_in", body.challenge, { ...deps, nowMs });
  const known = challenge && (await findPasskey(deps.db, body.passkey.id));
  if (!known) return wrongFactor;
  const response = assertionOf(body.passkey);
  // Nobody was asked by name, so the authenticator must name its person (WebAuthn L3 §7.2 step 6).
  if (response.response.userHandle === undefined || !isOf(response, known.user)) return wrongFactor;
  const { asserted } = await ceremonies();
  const found = await asserted(response, known, expectedOf(deps.origin, challenge));
  if (!found) return wrongFactor;
  const use = usePasskey(deps.db, known.id, found.counter, nowMs);
  return openSession(call, known.user, "passkey", [...spendChallenge(deps.db, challenge, nowMs), use]);
}
