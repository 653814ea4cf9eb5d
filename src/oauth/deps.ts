import type { ControlEntry } from "../audit/entry.ts";
import type { PushDeps } from "../gate/push.ts";
import type { Random, TeamId } from "../id.ts";
import type { KeySet } from "../identity/keys.ts";
import type { TeamIssuers } from "../identity/team_issuers.ts";
import type { ThrottleStub } from "../identity/throttle.ts";
import type { FetchDeps } from "../upstream/fetch.ts";
import type { ClientDocuments } from "./client_document.ts";

/** What the authorization server needs from outside; `worker/parts.ts` fills it in. */
export interface OAuthDeps extends PushDeps {
  readonly keys: KeySet;
  /** PUBLIC_ORIGIN: the issuer, and the start of every URL. No slash at its end. */
  readonly origin: string;
  /** Hands events that are stored already to the team's log. */
  readonly tell: (team: TeamId, events: readonly ControlEntry[]) => Promise<void>;
  readonly fetch: FetchDeps;
  readonly documents: ClientDocuments;
  /** Whose grant an assertion of a team's own issuer speaks of. */
  readonly assertion: TeamIssuers["assertion"];
  readonly throttle: (subject: string) => ThrottleStub;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: Random;
}

/** One request to the authorization server. */
export interface OAuthCall {
  readonly deps: OAuthDeps;
  readonly requestId: string;
  readonly nowMs: number;
  /** The network that it comes from; null on loopback. */
  readonly address: string | null;
}
