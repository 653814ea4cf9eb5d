import { createHash } from "node:crypto";

/** Whether a PKCE verifier belongs to its challenge (RFC 7636 §4.6, S256). */
export const fitsChallenge = (verifier: string, challenge: string): boolean =>
  /^[A-Za-z0-9._~-]{43,128}$/.test(verifier) &&
  createHash("sha256").update(verifier).digest("base64url") === challenge;
