import { type Fault, fault, isFault } from "../fault.ts";
import type { Bearer } from "../gate/rpc.ts";
import type { GrantId, TeamId } from "../id.ts";
import { resourceOf, verifyAccessToken } from "../identity/access_token.ts";
import { verifyGrantToken } from "../identity/grant_token.ts";
import type { KeySet } from "../identity/keys.ts";
import type { VerifiedTokens } from "../identity/verified.ts";
import { type Surface, surfaceOf } from "./receive.ts";
import type { AskedGate } from "./subject_gate.ts";

/** Whom a verified token speaks for, and at which of the grant's servers. */
export interface Verified {
  readonly grant: GrantId;
  readonly team: TeamId;
  readonly bearer: Bearer;
  /** The URL of the one gateway that it is for; null where it is for all of the grant's. */
  readonly audience: string | null;
  readonly expiresAtMs: number;
  /** How its gate is asked, where that is not at once. */
  readonly through?: (gate: AskedGate) => AskedGate;
}

/** Whom a token speaks for that is none of ours, at a gateway of that team: its own issuer may have signed it. */
export type Issued = (token: string, at: Surface) => Promise<Verified | Fault>;

/** What it takes to check a token: our own keys, our own origin as the issuer, and what this isolate verified lately. */
export interface TokenChecks {
  readonly keys: KeySet;
  readonly origin: string;
  readonly verified: VerifiedTokens<Verified>;
  readonly issued: Issued;
  readonly nowMs: number;
}

// RFC 6750 §2.1. Far beyond our own tokens' size, and as long as those of a team's issuer may be.
const bearerPattern = /^Bearer +([A-Za-z0-9._~+/-]{1,16384}=*)$/i;

/** One answer for no token, a bad one and a revoked one. */
export const unauthenticated: Fault = fault(
  "unauthenticated",
  "Send the grant's token as `Authorization: Bearer …`. It may be missing, damaged, expired, rotated or revoked.",
);

/** Who the request speaks for. A signature that holds says nothing of standing: that is asked of the gate. */
export async function authenticate(
  { headers, url }: Pick<Request, "headers" | "url">,
  checks: TokenChecks,
): Promise<Verified | Fault> {
  const token = bearerPattern.exec(headers.get("Authorization") ?? "")?.[1];
  if (!token) return unauthenticated;
  const { keys, verified, nowMs } = checks;
  const known = verified.get(keys.version, token, nowMs);
  if (known) return known;
  const found = (await grantToken(token, checks)) ?? (await accessToken(token, checks));
  if (!found) return fromIssuer(token, url, checks.issued);
  verified.set(keys.version, token, found, nowMs);
  return found;
}

// A compact JWS (RFC 7515 §7.1); what has not its shape costs nothing more.
const signed = /^[\w-]+\.[\w-]+\.[\w-]+$/;

async function fromIssuer(token: string, url: string, issued: Issued): Promise<Verified | Fault> {
  const surface = surfaceOf(new URL(url).pathname);
  return isFault(surface) || !signed.test(token) ? unauthenticated : issued(token, surface);
}

/** Whether a token may be shown there: one that was given out for a gateway is refused at every other (RFC 8707 §2). */
export const isFor = ({ audience }: Verified, origin: string, { teamSlug, serverSlug }: Surface): boolean =>
  audience === null || audience === resourceOf(origin, teamSlug, serverSlug);

async function grantToken(token: string, { keys, origin, nowMs }: TokenChecks): Promise<Verified | null> {
  const found = await verifyGrantToken(token, keys, origin, nowMs);
  if (!found) return null;
  const { grant, team, jti, expiresAtMs } = found;
  return { grant, team, bearer: { kind: "token", jti }, audience: null, expiresAtMs };
}

async function accessToken(token: string, { keys, origin, nowMs }: TokenChecks): Promise<Verified | null> {
  const found = await verifyAccessToken(token, keys, origin, nowMs);
  if (!found) return null;
  const { grant, team, family, audience, expiresAtMs } = found;
  return { grant, team, bearer: { kind: "access", family }, audience, expiresAtMs };
}
