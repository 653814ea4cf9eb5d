import type { Random, TeamId } from "../id.ts";
import { derivedKey, type MasterKeys, openBytes, sealBytes, versionOf } from "./aead.ts";

const purpose = "identity client secret";

/** What a client secret is: of that team, at that issuer, and of that client. It opens for nothing else. */
export interface ClientAt {
  readonly team: TeamId;
  readonly issuer: string;
  readonly clientId: string;
}

const aadOf = ({ team, issuer, clientId }: ClientAt): string[] => [purpose, team, issuer, clientId];

/** Seals what proves to a team's identity provider that it is us. */
export async function sealClientSecret(
  master: MasterKeys,
  at: ClientAt,
  secret: string,
  random: Random,
): Promise<string> {
  const key = await derivedKey(master, master.current, purpose);
  if (!key) throw new Error("the current master key is not among the master keys");
  return sealBytes(key, master.current, aadOf(at), new TextEncoder().encode(secret), random);
}

/** The secret in clear, or null where keys, place or record do not fit. */
export async function openClientSecret(
  master: MasterKeys,
  at: ClientAt,
  sealed: string,
): Promise<string | null> {
  const key = await derivedKey(master, versionOf(sealed) ?? 0, purpose);
  const secret = key && (await openBytes(key, aadOf(at), sealed));
  return secret && new TextDecoder().decode(secret);
}
