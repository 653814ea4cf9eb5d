import type { GrantId, Random, ServerId, TeamId } from "../id.ts";
import { derivedKey, type MasterKeys, openBytes, sealBytes, versionOf } from "./aead.ts";

/** Whose session it is: it opens for no other grant, server or team. */
export interface SessionOwner {
  readonly team: TeamId;
  readonly grant: GrantId;
  /** The server's slug: what a request names before anything has been looked up. */
  readonly server: string;
}

/** An upstream's session, with what its `initialize` said that later messages need. */
export interface OpenedSession {
  /** The upstream's own `Mcp-Session-Id`. */
  readonly id: string;
  /** A slug can be given to another server later; its id cannot. */
  readonly server: ServerId;
  readonly expiresAtMs: number;
  readonly clientName?: string;
  /** The revision that the client asked for. */
  readonly revision?: string;
  /** Names of the client's capabilities, such as `elicitation.url`. */
  readonly capabilities?: readonly string[];
}

const purpose = "upstream session";
// A header line that every server and proxy takes.
const sealedCharsMax = 8_000;

/** The text that the client gets as its `Mcp-Session-Id`: `A-Za-z0-9_-.` only. Needs no storage, so it survives restarts. */
export async function sealSession(
  master: MasterKeys,
  owner: SessionOwner,
  session: OpenedSession,
  random: Random,
): Promise<string> {
  const key = await derivedKey(master, master.current, purpose);
  if (!key) throw new Error("the current master key is not among the master keys");
  const payload = new TextEncoder().encode(JSON.stringify(session));
  return sealBytes(key, master.current, aadOf(owner), payload, random);
}

/** The session behind a client's `Mcp-Session-Id`, or null where it is not this owner's, or over: the answer is then 404. */
export async function openSession(
  master: MasterKeys,
  owner: SessionOwner,
  sealed: string,
  nowMs: number,
): Promise<OpenedSession | null> {
  const version = versionOf(sealed);
  const key =
    sealed.length > sealedCharsMax || version === null ? null : await derivedKey(master, version, purpose);
  const payload = key && (await openBytes(key, aadOf(owner), sealed));
  if (!payload) return null;
  // Authenticated: only `sealSession` can have written it.
  const session: OpenedSession = JSON.parse(new TextDecoder().decode(payload));
  return nowMs < session.expiresAtMs ? session : null;
}

const aadOf = ({ team, grant, server }: SessionOwner): string[] => ["session", team, grant, server];
