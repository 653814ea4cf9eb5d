import * as z from "zod/mini";
import type { Assertion, Registration } from "../identity/passkey.ts";

const part = z.string().check(z.maxLength(16_384), z.regex(/^[A-Za-z0-9_-]*$/, "not base64url"));
const outer = { id: part, rawId: part, type: z.literal("public-key") };

/** What `credential.toJSON()` gives after `navigator.credentials.create` (WebAuthn L3 §5.1); more may be there. */
export const registrationBody = z.object({
  ...outer,
  response: z.object({
    clientDataJSON: part,
    attestationObject: part,
    transports: z._default(z.array(z.string().check(z.maxLength(32))).check(z.maxLength(10)), []),
  }),
});

/** The same after `navigator.credentials.get`. */
export const assertionBody = z.object({
  ...outer,
  response: z.object({
    clientDataJSON: part,
    authenticatorData: part,
    signature: part,
    userHandle: z.nullish(part),
  }),
});

/** As the ceremony reads it. */
export const registrationOf = (given: z.output<typeof registrationBody>): Registration => ({
  ...given,
  clientExtensionResults: {},
});

export const assertionOf = ({ response, ...given }: z.output<typeof assertionBody>): Assertion => {
  const { userHandle, ...rest } = response;
  // Browsers say null where the authenticator names nobody.
  const named = userHandle == null ? {} : { userHandle };
  return { ...given, response: { ...rest, ...named }, clientExtensionResults: {} };
};

const credentials = z.array(
  z.strictObject({ type: z.string(), id: z.string(), transports: z.array(z.string()) }),
);

/** For `PublicKeyCredential.parseRequestOptionsFromJSON`. */
export const requestOptionsShape = z.strictObject({
  rpId: z.string(),
  challenge: z.string(),
  timeout: z.int(),
  allowCredentials: credentials,
  userVerification: z.string(),
});

/** For `PublicKeyCredential.parseCreationOptionsFromJSON`. */
export const creationOptionsShape = z.strictObject({
  rp: z.strictObject({ id: z.string(), name: z.string() }),
  user: z.strictObject({ id: z.string(), name: z.string(), displayName: z.string() }),
  challenge: z.string(),
  pubKeyCredParams: z.array(z.strictObject({ type: z.string(), alg: z.int() })),
  timeout: z.int(),
  excludeCredentials: credentials,
  authenticatorSelection: z.strictObject({
    residentKey: z.string(),
    requireResidentKey: z.boolean(),
    userVerification: z.string(),
  }),
  attestation: z.string(),
});
