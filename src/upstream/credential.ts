import { type Fault, fault, isFault } from "../fault.ts";
import type { Sealed } from "../gate/snapshot.ts";
import type { Random, ServerId, TeamId } from "../id.ts";
import type { MasterKeys } from "./aead.ts";
import { open, seal } from "./vault.ts";

/** Header names and values that sign in to an upstream. Secrets: never logged, never answered. */
export type CredentialHeaders = Readonly<Record<string, string>>;

const field = "headers";

/** Seals the headers that sign in to a server, under its team's data key. */
export const sealCredential = (
  master: MasterKeys,
  wrappedKey: Sealed,
  team: TeamId,
  server: ServerId,
  headers: CredentialHeaders,
  random: Random,
): Promise<Sealed> => seal(master, wrappedKey, { team, server, field }, JSON.stringify(headers), random);

/** The headers that `sealCredential` sealed, or `misconfigured`. */
export async function openCredential(
  master: MasterKeys,
  wrappedKey: Sealed,
  team: TeamId,
  server: ServerId,
  sealed: Sealed,
): Promise<CredentialHeaders | Fault> {
  const text = await open(master, wrappedKey, { team, server, field }, sealed);
  if (isFault(text)) return text;
  const headers: unknown = JSON.parse(text);
  return isHeaders(headers) ? headers : unreadable;
}

/** The answer to a credential that is none. */
export const unreadable = fault(
  "misconfigured",
  "The server's stored credential cannot be read. Give it again.",
);

/** Whether these are headers that can be sent. */
export const isHeaders = (value: unknown): value is CredentialHeaders =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((one) => typeof one === "string");
