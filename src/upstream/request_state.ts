import type { ApprovalId, Random } from "../id.ts";
import { derivedKey, type MasterKeys, openBytes, sealBytes, versionOf } from "./aead.ts";
import type { SessionOwner } from "./session.ts";

/** What a client carries for us while its user is at a page of ours (MCP 2026-07-28, multi-round-trip requests). */
export interface RequestState {
  /** null: its user is signing in to the server. */
  readonly approval: ApprovalId | null;
  /** The source text of what the call carried from its server's last round; null where it is the first, absent where an earlier version sealed. */
  readonly carried?: string | null;
}

const purpose = "request state";
// By it a state of ours is told from an upstream's, which goes through untouched.
const mark = "portcullis.";

/** Whether a `requestState` says that it is ours; only opening it tells whether that is true. */
export const isOurs = (text: string): boolean => text.startsWith(mark);

/** Seals a state to the grant and server that it is for. */
export async function sealState(
  master: MasterKeys,
  owner: SessionOwner,
  state: RequestState,
  random: Random,
): Promise<string> {
  const key = await derivedKey(master, master.current, purpose);
  if (!key) throw new Error("the current master key is not among the master keys");
  const payload = new TextEncoder().encode(JSON.stringify(state));
  return mark + (await sealBytes(key, master.current, aadOf(owner), payload, random));
}

/** The state that was sealed for that owner, or null for anything else. It permits nothing, so it need not run out. */
export async function openState(
  master: MasterKeys,
  owner: SessionOwner,
  text: string,
): Promise<RequestState | null> {
  const sealed = isOurs(text) ? text.slice(mark.length) : "";
  const key = await derivedKey(master, versionOf(sealed) ?? 0, purpose);
  const payload = key && (await openBytes(key, aadOf(owner), sealed));
  // Authenticated: only `sealState` can have written it.
  return payload ? (JSON.parse(new TextDecoder().decode(payload)) as RequestState) : null;
}

const aadOf = ({ team, grant, server }: SessionOwner): string[] => ["request state", team, grant, server];
