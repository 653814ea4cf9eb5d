import type { Random } from "../id.ts";
import { derivedKey, type MasterKeys, openBytes, sealBytes, versionOf } from "./aead.ts";

/** Somebody on their way to their team's identity provider and back: their browser keeps it, sealed. */
export interface SsoAttempt {
  readonly team: string;
  /** The revision of the team's identity that they set out by. */
  readonly revision: number;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The path of ours that they wanted. */
  readonly next: string;
  readonly expiresAtMs: number;
}

const purpose = "sso attempt";

export async function sealAttempt(master: MasterKeys, attempt: SsoAttempt, random: Random): Promise<string> {
  const key = await derivedKey(master, master.current, purpose);
  if (!key) throw new Error("the current master key is not among the master keys");
  return sealBytes(key, master.current, [purpose], new TextEncoder().encode(JSON.stringify(attempt)), random);
}

/** What was sealed, or null for anything else; the caller looks at the time. */
export async function openAttempt(master: MasterKeys, sealed: string): Promise<SsoAttempt | null> {
  const key = await derivedKey(master, versionOf(sealed) ?? 0, purpose);
  const text = key && (await openBytes(key, [purpose], sealed));
  return text && (JSON.parse(new TextDecoder().decode(text)) as SsoAttempt);
}
