import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import { base64url } from "jose";
import type { Asserted, Assertion, Expected, Known, Registered, Registration } from "./passkey.ts";

/*
 * The ceremonies of Web Authentication, level 3 (§7.1, §7.2). A module of its own, because its library is as large as
 * the rest of the control plane: nobody but src/identity/passkey.ts imports it, and only where a passkey is shown.
 */

/** What a new passkey is, where the ceremony holds; null for everything else. */
export async function registered(response: Registration, expected: Expected): Promise<Registered | null> {
  if (isFramed(response.response.clientDataJSON)) return null;
  const found = await orNull(
    verifyRegistrationResponse({ response, ...expectedOf(expected), requireUserVerification: true }),
  );
  if (!found?.verified) return null;
  const { credential } = found.registrationInfo;
  return {
    credential: credential.id,
    publicKey: base64url.encode(credential.publicKey),
    counter: credential.counter,
  };
}

/** How often the passkey has been used, where it signed this challenge and its person was verified; null for everything else. */
export async function asserted(
  response: Assertion,
  known: Known,
  expected: Expected,
): Promise<Asserted | null> {
  if (isFramed(response.response.clientDataJSON)) return null;
  const credential = {
    id: known.credential,
    publicKey: new Uint8Array(base64url.decode(known.publicKey)),
    counter: known.counter,
  };
  const found = await orNull(
    verifyAuthenticationResponse({
      response,
      credential,
      ...expectedOf(expected),
      requireUserVerification: true,
    }),
  );
  return found?.verified ? { counter: found.authenticationInfo.newCounter } : null;
}

const expectedOf = ({ origin, host, jti }: Expected) => ({
  expectedChallenge: base64url.encode(jti),
  expectedOrigin: origin,
  expectedRPID: host,
});

/** Whether a page within another's asked: none of ours is ever shown in a frame. The library asks for that page's name alone. */
function isFramed(clientDataJSON: string): boolean {
  try {
    const data: { crossOrigin?: unknown } = JSON.parse(
      new TextDecoder().decode(base64url.decode(clientDataJSON)),
    );
    return data.crossOrigin !== undefined && data.crossOrigin !== false;
  } catch {
    return true;
  }
}

// The library throws where anything is not as it must be, and whatever it throws, nothing was proved.
const orNull = <T>(found: Promise<T>): Promise<T | null> => found.catch(() => null);
