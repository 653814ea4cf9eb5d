import { scrypt, timingSafeEqual } from "node:crypto";
import type { Random } from "../id.ts";

// OWASP's smallest scrypt that fits an isolate's memory (16 MiB a hash); about 0.2 s.
const cost = { N: 2 ** 14, r: 8, p: 5 };
const saltBytes = 16;
const hashBytes = 32;

export const passwordCharsMin = 12;
export const passwordCharsMax = 256;

// Of no password: checked where there is no user, so that the time of an answer does not tell.
const nobody = `scrypt$14$8$5$${"A".repeat(22)}$${"A".repeat(43)}`;

/** What is stored of a password: `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>`, base64url without padding. */
export async function hashPassword(password: string, random: Random): Promise<string> {
  const salt = Buffer.from(random(saltBytes));
  const hash = await derive(password, salt);
  return `scrypt$${Math.log2(cost.N)}$${cost.r}$${cost.p}$${salt.toString("base64url")}$${hash.toString("base64url")}`;
}

/** Whether the password is the stored one. `null` (no such user) costs the same work and is always false. */
export async function checkPassword(password: string, stored: string | null): Promise<boolean> {
  const [scheme, logN, r, p, salt = "", hash = ""] = (stored ?? nobody).split("$");
  if (scheme !== "scrypt" || logN !== "14" || r !== "8" || p !== "5")
    throw new Error("unknown password scheme");
  const derived = await derive(password, Buffer.from(salt, "base64url"));
  const expected = Buffer.from(hash, "base64url");
  const equal = derived.length === expected.length && timingSafeEqual(derived, expected);
  return equal && stored !== null;
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // NFKC, so that one password typed on two keyboards is one password.
    scrypt(password.normalize("NFKC"), salt, hashBytes, cost, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}
