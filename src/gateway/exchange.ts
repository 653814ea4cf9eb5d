import type { Fault } from "../fault.ts";
import type { Watch } from "../gate/deadline.ts";
import type { Caller, GateStub, Upstream } from "../gate/rpc.ts";
import type { GrantId, Random } from "../id.ts";
import type { KeySet } from "../identity/keys.ts";
import type { Refusals } from "../identity/refusals.ts";
import type { VerifiedTokens } from "../identity/verified.ts";
import type { CredentialHeaders } from "../upstream/credential.ts";
import type { FetchDeps } from "../upstream/fetch.ts";
import type { Fare, Traffic } from "../upstream/traffic.ts";
import type { Issued, Verified } from "./authenticate.ts";
import type { RequestStates } from "./request_state.ts";
import type { Session, Sessions } from "./session.ts";
import type { Settlements } from "./settlement.ts";
import type { AskedGate } from "./subject_gate.ts";

/** What the way in needs from outside itself; `worker/parts.ts` fills it in. */
export interface GatewayDeps {
  /** PUBLIC_ORIGIN: the issuer of every token and the only Origin a browser may call from. */
  readonly origin: string;
  readonly keys: KeySet;
  readonly verified: VerifiedTokens<Verified>;
  /** Loaded with the first token that is none of ours. */
  readonly issued: Issued;
  readonly gate: (grant: GrantId) => GateStub;
  readonly settlements: Settlements;
  readonly sessions: Sessions;
  readonly refusals: Pick<Refusals, "unknown" | "grant" | "ask">;
  readonly states: RequestStates;
  readonly forward: FetchDeps;
  /**
   * The headers that sign in to an upstream, opened from the vault or from an account; a fault where there are none.
   * `refused` are those that it has just refused: others are given, or none.
   */
  readonly credential: (
    caller: Caller,
    upstream: Upstream,
    refused: CredentialHeaders | null,
  ) => Promise<CredentialHeaders | Fault>;
  /** Notes the scope that an upstream's account lacks. */
  readonly wantScope: (upstream: Upstream, scope: string) => Promise<void>;
  /** Looks at a server's tools: pins them where nobody has yet, and else holds back what has changed. */
  readonly look: (caller: Caller, upstream: Upstream) => Promise<void>;
  /** The same, soon: behind the request, and once however many ask. */
  readonly lookSoon: (caller: Caller, upstream: Upstream) => Promise<void>;
  readonly traffic: Traffic;
  /** Writes down how a server fares, for people to see. */
  readonly noteFare: (caller: Caller, upstream: Upstream, fare: Fare) => Promise<void>;
  readonly now: () => number;
  readonly random: Random;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** One request on its way: what is known of it, and what it may use. */
export interface Exchange {
  readonly request: Request;
  readonly requestId: string;
  readonly startedMs: number;
  readonly caller: Caller;
  readonly gate: AskedGate;
  readonly session: Session | null;
  /** The client's user has been at a page of ours because of this call already. */
  readonly resumed?: boolean;
  readonly deps: GatewayDeps;
  /** For what is awaited on the way to the answer, one thing after another. */
  readonly watch: Watch;
}
