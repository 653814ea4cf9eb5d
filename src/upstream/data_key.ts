import { createDecipheriv, hkdfSync } from "node:crypto";
import { base64url } from "jose";
import type { Sealed } from "../gate/snapshot.ts";
import type { TeamId } from "../id.ts";
import { type MasterKeys, versionOf } from "./aead.ts";

const tagBytes = 16;

/**
 * The key under which a team's argument hashes are made, derived (RFC 5869) from its data key, so that equal arguments have
 * equal hashes whatever becomes of the master keys. Without a promise, for the gate's one turn. Throws where the data key
 * does not open.
 */
export function argumentKey(master: MasterKeys, team: TeamId, wrappedKey: Sealed): Uint8Array {
  const info = `portcullis argument hash ${team}`;
  return new Uint8Array(hkdfSync("sha256", unwrapped(master, team, wrappedKey), new Uint8Array(), info, 32));
}

/** What `vault.ts` has wrapped, opened at once. */
function unwrapped(master: MasterKeys, team: TeamId, wrappedKey: Sealed): Uint8Array {
  const version = versionOf(wrappedKey) ?? 0;
  const key = master.keys.get(version);
  const [, iv = "", box = ""] = wrappedKey.split(".");
  if (!key) throw new Error("a team's data key does not open: MASTER_KEYS lacks the version that wrapped it");
  const bytes = base64url.decode(box);
  const decipher = createDecipheriv("aes-256-gcm", key, base64url.decode(iv), { authTagLength: tagBytes });
  decipher.setAAD(new TextEncoder().encode(JSON.stringify([version, "data key", team])));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]);
}
