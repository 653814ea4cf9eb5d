import { createHmac, timingSafeEqual } from "node:crypto";
import type { Random } from "../id.ts";

/** Codes of RFC 6238 as every authenticator app knows them: SHA-1, six digits, a new one each 30 seconds. */
const stepMs = 30_000;
const digits = 6;
// RFC 4226 §4, requirement R6: at least 128 bits, 160 recommended.
const secretBytes = 20;
// RFC 6238 §5.2: one step of delay and drift to either side.
const stepsAside = 1;

export const newTotpSecret = (random: Random): Uint8Array => random(secretBytes);

/** The code of a time step (RFC 4226 §5.3). */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const hash = createHmac("sha1", secret).update(counter).digest();
  const offset = (hash.at(-1) ?? 0) & 0xf;
  const number = (hash.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits;
  return String(number).padStart(digits, "0");
}

/** The time step, near `nowMs`, whose code this is; null for any other text. Spaces are passed over, as apps show them. */
export function stepOf(secret: Uint8Array, code: string, nowMs: number): number | null {
  const given = Buffer.from(code.replaceAll(" ", ""));
  if (given.length !== digits) return null;
  const now = Math.floor(nowMs / stepMs);
  let found: number | null = null;
  for (let step = now - stepsAside; step <= now + stepsAside; step++) {
    if (timingSafeEqual(given, Buffer.from(totpCode(secret, step)))) found = step;
  }
  return found;
}

const base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 4648 §6 without padding, which is what people type into an app. */
export function base32(bytes: Uint8Array): string {
  let [text, bits, held] = ["", 0, 0];
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += base32Alphabet[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + base32Alphabet[(held << (5 - bits)) & 31] : text;
}

/** What a QR code for authenticator apps holds. `issuer` is the gateway's host, `account` the e-mail address. */
export function otpauthUri(secret: Uint8Array, issuer: string, account: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}`;
}
