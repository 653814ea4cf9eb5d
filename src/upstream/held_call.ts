import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { base64url } from "jose";
import type { Random, TeamId } from "../id.ts";
import type { MasterKeys } from "./aead.ts";

const ivBytes = 12;
const tagBytes = 16;
const record = /^([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;

/**
 * Seals what waits for a person, as `aead.ts` does and in the same form, but without a promise: the gate must not let go of
 * its turn between judging a call and writing it down. The key is the team's own (RFC 5869); `id` binds the record.
 */
export function sealHeld(
  master: MasterKeys,
  team: TeamId,
  id: string,
  plaintext: string,
  random: Random,
): string {
  const key = teamKey(master, master.current, team);
  if (!key) throw new Error("the current master key is not among the master keys");
  const iv = random(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(aadOf(master.current, team, id));
  const box = [cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()];
  return `${master.current}.${base64url.encode(iv)}.${base64url.encode(Buffer.concat(box))}`;
}

/** What was sealed under that team and id, or null for anything else. */
export function openHeld(master: MasterKeys, team: TeamId, id: string, sealed: string): string | null {
  const [, version, iv, box] = record.exec(sealed) ?? [];
  if (version === undefined || iv === undefined || box === undefined) return null;
  const key = teamKey(master, Number(version), team);
  if (!key) return null;
  const bytes = base64url.decode(box);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, base64url.decode(iv), { authTagLength: tagBytes });
    decipher.setAAD(aadOf(Number(version), team, id));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]).toString("utf8");
  } catch {
    return null;
  }
}

const aadOf = (version: number, team: TeamId, id: string): Uint8Array =>
  new TextEncoder().encode(JSON.stringify([version, "held call", team, id]));

function teamKey({ keys }: MasterKeys, version: number, team: TeamId): Uint8Array | null {
  const bytes = keys.get(version);
  return bytes
    ? new Uint8Array(hkdfSync("sha256", bytes, new Uint8Array(), `portcullis held call ${team}`, 32))
    : null;
}
