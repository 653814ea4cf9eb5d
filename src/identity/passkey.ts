import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "@simplewebauthn/server";
import { base64url } from "jose";
import type { UserId } from "../id.ts";
import type { Challenge } from "./challenge.ts";

/** What a browser's `credential.toJSON()` gives after `create` and after `get` (WebAuthn L3 §5.1). */
export type Registration = RegistrationResponseJSON;
export type Assertion = AuthenticationResponseJSON;

/** What a ceremony must have been about. `host` is the relying party: PUBLIC_ORIGIN's, so no other site's passkeys do. */
export interface Expected {
  readonly origin: string;
  readonly host: string;
  readonly jti: string;
}

/** A new passkey. Credential and COSE key are in base64url. */
export interface Registered {
  readonly credential: string;
  readonly publicKey: string;
  readonly counter: number;
}

/** What is kept of a passkey and proved against. */
export type Known = Registered;

/** How often its authenticator says that it was used: always more, or 0 where it does not count. */
export interface Asserted {
  readonly counter: number;
}

/** What a challenge of this gateway must have been answered with. `origin` is PUBLIC_ORIGIN. */
export const expectedOf = (origin: string, { jti }: Challenge): Expected => ({
  origin,
  host: new URL(origin).hostname,
  jti,
});

/** Whether browsers make passkeys for this address: a relying party is a name, never an IP address (WebAuthn L3 §5.1.2). */
export const isNamed = (origin: string): boolean => !/^[\d.]+$|^\[/.test(new URL(origin).hostname);

/** Loads what reads and proves WebAuthn's messages; the first passkey of an isolate waits for it. */
export const ceremonies = () => import("./webauthn.ts");

/** Which of a person's passkeys may answer, and over what the browser reaches them. */
export interface Allowed {
  readonly credential: string;
  readonly transports: readonly string[];
}

const timeoutMs = 300_000;
// COSE's numbers for Ed25519, P-256 and RSA: what authenticators speak today.
const algorithms = [-8, -7, -257];
const described = ({ credential, transports }: Allowed) => ({
  type: "public-key",
  id: credential,
  transports: [...transports],
});

/** For `PublicKeyCredential.parseCreationOptionsFromJSON`: a passkey that signs in alone, with its person verified. */
export function creationOptions(
  { host, jti }: Expected,
  user: { readonly id: UserId; readonly email: string },
  has: readonly Allowed[],
) {
  return {
    rp: { id: host, name: `Portcullis at ${host}` },
    user: { id: base64url.encode(user.id), name: user.email, displayName: user.email },
    challenge: base64url.encode(jti),
    pubKeyCredParams: algorithms.map((alg) => ({ type: "public-key", alg })),
    timeout: timeoutMs,
    excludeCredentials: has.map(described),
    authenticatorSelection: {
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    },
    attestation: "none",
  };
}

/** For `PublicKeyCredential.parseRequestOptionsFromJSON`; nobody allowed by name is whoever has a passkey. */
export const requestOptions = ({ host, jti }: Expected, allowed: readonly Allowed[]) => ({
  rpId: host,
  challenge: base64url.encode(jti),
  timeout: timeoutMs,
  allowCredentials: allowed.map(described),
  userVerification: "required",
});

/** Whether an assertion that names a person names this one; where they are asked by name it may be absent. */
export const isOf = ({ response: { userHandle } }: Assertion, user: UserId): boolean =>
  userHandle === undefined || userHandle === base64url.encode(user);
