import type { Entry, LogPage, LogQuery, LogRow } from "../audit/entry.ts";
import type { Fault } from "../fault.ts";
import type { GateStub } from "../gate/rpc.ts";
import type { Sealed } from "../gate/snapshot.ts";
import type { GrantId, Random, ServerId, TeamId } from "../id.ts";
import type { KeySet } from "../identity/keys.ts";
import type { Db } from "../store/database.ts";
import type { SeenTool } from "../store/tool.ts";

/** What a look at an upstream found; a Fault instead of it says that the guard refuses the URL. */
export type Look =
  | { readonly state: "ready"; readonly tools: readonly SeenTool[] }
  | {
      readonly state: "pending";
      readonly why: "unreachable" | "not_mcp" | "needs_sign_in";
      readonly detail: string;
    };

/** Header names and values that an upstream wants to be signed in with. Secrets: never logged, never answered. */
export type CredentialHeaders = Readonly<Record<string, string>>;

/** The credential vault, with the master keys already in it. */
export interface Vault {
  /** A new data key for a team, wrapped. */
  newDataKey(team: TeamId): Promise<Sealed>;
  seal(wrappedKey: Sealed, team: TeamId, server: ServerId, headers: CredentialHeaders): Promise<Sealed>;
  open(wrappedKey: Sealed, team: TeamId, server: ServerId, sealed: Sealed): Promise<CredentialHeaders>;
}

/** A team's log, as an RPC stub offers it. */
export interface LogStub {
  append(entries: readonly Entry[]): Promise<unknown>;
  list(query: LogQuery): Promise<LogPage>;
  find(gate: GrantId, seq: number): Promise<LogRow | null>;
}

/** All that the control plane needs from outside; the composition root fills it in. */
export interface ApiDeps {
  readonly db: Db;
  readonly gate: (grant: GrantId) => Pick<GateStub, "apply" | "find">;
  readonly log: (team: TeamId) => LogStub;
  readonly keys: KeySet;
  /** PUBLIC_ORIGIN: the issuer of tokens and the start of every URL that is shown. No slash at its end. */
  readonly origin: string;
  readonly vault: Vault;
  readonly look: (url: string, headers: CredentialHeaders) => Promise<Look | Fault>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: Random;
}
