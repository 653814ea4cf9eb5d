import type { GrantId, ServerId, TeamId } from "../id.ts";
import type { MasterKeys } from "./aead.ts";
import { bindHandle, openHandle } from "./handle.ts";

/** A round of a call that its server answered with a question, as the client carries it to the next (MCP 2026-07-28). */
export interface Round {
  readonly server: ServerId;
  /** The decision that let the round go; 0 where none did, so that nothing can be continued. */
  readonly seq: number;
  readonly atMs: number;
  /** What is called, and with which arguments, as a hash. */
  readonly call: string;
  /** What the server wants carried; null where it wants nothing. */
  readonly state: string | null;
}

/** Through whom the round went. */
export interface RoundOwner {
  readonly team: TeamId;
  readonly grant: GrantId;
}

type Written = [server: ServerId, seq: number, atMs: number, call: string, state: string | null];

/** The `requestState` that the client gets: all of it in the open, behind a tag. */
export function bindRound(
  master: MasterKeys,
  { team, grant }: RoundOwner,
  { server, seq, atMs, call, state }: Round,
): string {
  const written: Written = [server, seq, atMs, call, state];
  return bindHandle(master, { team, grant, server: null }, "requestState", JSON.stringify(written));
}

/** The round behind a client's `requestState`, or null where this owner was not given it. */
export function openRound(master: MasterKeys, { team, grant }: RoundOwner, text: string): Round | null {
  const written = openHandle(master, { team, grant, server: null }, "requestState", text);
  if (written === null) return null;
  // Authenticated: only `bindRound` can have written it.
  const [server, seq, atMs, call, state] = JSON.parse(written) as Written;
  return { server, seq, atMs, call, state };
}
