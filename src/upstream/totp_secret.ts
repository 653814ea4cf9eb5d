import type { Random, UserId } from "../id.ts";
import { derivedKey, type MasterKeys, openBytes, sealBytes, versionOf } from "./aead.ts";

const purpose = "totp secret";

/** Seals the secret of a person's authenticator app to that person. */
export async function sealTotpSecret(
  master: MasterKeys,
  user: UserId,
  secret: Uint8Array,
  random: Random,
): Promise<string> {
  const key = await derivedKey(master, master.current, purpose);
  if (!key) throw new Error("the current master key is not among the master keys");
  return sealBytes(key, master.current, [purpose, user], secret, random);
}

/** The secret in clear, or null where keys, person or record do not fit. */
export async function openTotpSecret(
  master: MasterKeys,
  user: UserId,
  sealed: string,
): Promise<Uint8Array | null> {
  const key = await derivedKey(master, versionOf(sealed) ?? 0, purpose);
  return key && openBytes(key, [purpose, user], sealed);
}
