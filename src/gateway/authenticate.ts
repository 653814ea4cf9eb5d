import { type Fault, fault } from "../fault.ts";
import { type GrantBearer, verifyGrantToken } from "../identity/grant_token.ts";
import type { KeySet } from "../identity/keys.ts";
import type { VerifiedTokens } from "../identity/verified.ts";

/** What it takes to check a token: our own keys, our own origin as the issuer, and what this isolate verified lately. */
export interface TokenChecks {
  readonly keys: KeySet;
  readonly origin: string;
  readonly verified: VerifiedTokens;
  readonly nowMs: number;
}

// RFC 6750 §2.1. Far beyond our own tokens' size; a longer one is not ours.
const bearerPattern = /^Bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

/** One answer for no token, a bad one and a revoked one. */
export const unauthenticated: Fault = fault(
  "unauthenticated",
  "Send the grant's token as `Authorization: Bearer …`. It may be missing, damaged, expired, rotated or revoked.",
);

/** Who the request speaks for. A signature that holds says nothing of standing: that is asked of the gate. */
export async function authenticate(headers: Headers, checks: TokenChecks): Promise<GrantBearer | Fault> {
  const token = bearerPattern.exec(headers.get("Authorization") ?? "")?.[1];
  if (!token) return unauthenticated;
  const { keys, origin, verified, nowMs } = checks;
  const known = verified.get(keys.version, token, nowMs);
  if (known) return known;
  const bearer = await verifyGrantToken(token, keys, origin, nowMs);
  if (!bearer) return unauthenticated;
  verified.set(keys.version, token, bearer, nowMs);
  return bearer;
}
