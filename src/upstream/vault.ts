import { base64url } from "jose";
import { type Fault, fault } from "../fault.ts";
import type { Sealed } from "../gate/snapshot.ts";
import type { Random, ServerId, TeamId, UserId } from "../id.ts";
import { importKey, keyBytes, type MasterKeys, openBytes, sealBytes, versionOf } from "./aead.ts";

/** What a sealed value is: it opens nowhere else. */
export interface Where {
  readonly team: TeamId;
  readonly server: ServerId;
  readonly field: string;
  /** Whose it is, where it is not the team's. */
  readonly member?: UserId | null;
}

// A team has one data key; rotating the master keys rewraps it and leaves what it sealed as it is.
const dataKeyVersion = 1;

const malformed = fault(
  "misconfigured",
  'MASTER_KEYS must be "<version>:<32 bytes in base64url>", several with commas between, versions from 1 up and different.',
);

/** Reads the secret `MASTER_KEYS`, such as `1:AAEC…,2:f3K9…`: the highest version seals, all of them open. */
export function parseMasterKeys(text: string): MasterKeys | Fault {
  const keys = new Map<number, Uint8Array<ArrayBuffer>>();
  for (const part of text.split(",")) {
    const [, version, encoded] = /^\s*([1-9][0-9]{0,8}):([A-Za-z0-9_-]{43})\s*$/.exec(part) ?? [];
    if (version === undefined || encoded === undefined || keys.has(Number(version))) return malformed;
    keys.set(Number(version), new Uint8Array(base64url.decode(encoded)));
  }
  return { current: Math.max(...keys.keys()), keys };
}

/** A new data key for a team, wrapped by the current master key. */
export const newDataKey = (master: MasterKeys, team: TeamId, random: Random): Promise<Sealed> =>
  wrap(master, team, new Uint8Array(random(keyBytes)), random);

/** Seals a secret of a server under its team's data key. Throws where that key does not open: the operator lost a master key. */
export async function seal(
  master: MasterKeys,
  wrappedKey: Sealed,
  where: Where,
  plaintext: string,
  random: Random,
): Promise<Sealed> {
  const key = await unwrap(master, where.team, wrappedKey);
  if (!key) throw new Error("a team's data key does not open: MASTER_KEYS lacks the version that wrapped it");
  return sealBytes(
    await importKey(key),
    dataKeyVersion,
    aadOf(where),
    new TextEncoder().encode(plaintext),
    random,
  );
}

/** The secret in clear, for the one request that needs it. `misconfigured` where keys, place or record do not fit. */
export async function open(
  master: MasterKeys,
  wrappedKey: Sealed,
  where: Where,
  sealed: Sealed,
): Promise<string | Fault> {
  const key = await unwrap(master, where.team, wrappedKey);
  const plaintext = key && (await openBytes(await importKey(key), aadOf(where), sealed));
  return plaintext ? new TextDecoder().decode(plaintext) : lost;
}

const lost = fault("misconfigured", "The server's stored credential cannot be opened. Give it again.");

/** The same data key under the current master key; what it sealed stays valid. `misconfigured` where it does not open. */
export async function rewrap(
  master: MasterKeys,
  wrappedKey: Sealed,
  team: TeamId,
  random: Random,
): Promise<Sealed | Fault> {
  const key = await unwrap(master, team, wrappedKey);
  if (!key) return fault("misconfigured", "MASTER_KEYS lacks the version that wrapped a team's data key.");
  return versionOf(wrappedKey) === master.current ? wrappedKey : wrap(master, team, key, random);
}

const aadOf = ({ team, server, field, member }: Where): string[] => [
  "value",
  team,
  server,
  field,
  ...(member ? [member] : []),
];
const wrapAad = (team: TeamId): string[] => ["data key", team];

async function wrap(
  { current, keys }: MasterKeys,
  team: TeamId,
  key: Uint8Array<ArrayBuffer>,
  random: Random,
): Promise<Sealed> {
  const bytes = keys.get(current);
  if (!bytes) throw new Error("the current master key is not among the master keys");
  return sealBytes(await importKey(bytes), current, wrapAad(team), key, random);
}

async function unwrap(
  { keys }: MasterKeys,
  team: TeamId,
  wrappedKey: Sealed,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const bytes = keys.get(versionOf(wrappedKey) ?? 0);
  return bytes ? openBytes(await importKey(bytes), wrapAad(team), wrappedKey) : null;
}
