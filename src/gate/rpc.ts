import type { Approval, Decided, State, Vote } from "../approval/approval.ts";
import type { ControlEntry, LogRow, OutcomeEntry } from "../audit/entry.ts";
import type { ApprovalId, DecisionId, FamilyId, GrantId, ServerId, TeamId } from "../id.ts";
import type { Notice } from "../limit/reservation.ts";
import type { Refusal } from "../mcp/refuse.ts";
import type { ListRules } from "../policy/list.ts";
import type { RefusedRequests } from "../policy/method.ts";
import type { Route, Snapshot } from "./snapshot.ts";

/** Who asks, taken from a verified token and the URL; the gate checks that all of it still stands. */
export interface Caller {
  readonly grant: GrantId;
  readonly team: TeamId;
  readonly bearer: Bearer;
  readonly teamSlug: string;
  readonly serverSlug: string;
}

/** What the caller showed, by what the gate must know of it to let it stand. */
export type Bearer =
  /** A grant token: its `jti` is one of the grant's. */
  | { readonly kind: "token"; readonly jti: string }
  /** An OAuth access token: the sign-in that it comes from has not ended. */
  | { readonly kind: "access"; readonly family: FamilyId }
  /** A token of the team's own issuer: the grant is that subject's, and says what these claims say, or newer ones. */
  | {
      readonly kind: "subject";
      readonly issuer: string;
      readonly sub: string;
      /** When it was issued, in seconds. */
      readonly iat: number;
      /** What its claims come to by that revision of the team's identity (`identity/mapping.ts`). */
      readonly fingerprint: string;
      readonly revision: number;
    };

/** Why a caller does not stand; `mapping`: the subject's grant does not say yet what its claims say. */
export type Gone = "token" | "route" | "mapping";

/** A message that names something, as decoded from the body. All of its targets must be allowed, or none is. */
export interface Ask {
  readonly method: string;
  readonly targets: readonly Target[];
  /** The source text of `params.arguments`, already read strictly once; absent where the message has none. */
  readonly argumentsText?: string;
  /** All other parameters that can change what the server does, in their source text; absent where there are none. */
  readonly othersText?: string;
  readonly clientName?: string;
  readonly requestId: string;
  /** The round that the message proves to continue; absent where it is a call of its own. */
  readonly continues?: Continued;
}

/** A decision whose call was answered with a question, and when: the Worker has checked that this caller was given it. */
export interface Continued {
  readonly seq: number;
  readonly atMs: number;
}

export interface Target {
  readonly kind: "tool" | "resource" | "prompt";
  readonly name: string;
}

/** Everything the Worker must do for an Allow, and only an Allow carries an upstream. */
export type Admission =
  | {
      readonly effect: "allow";
      readonly epoch: number;
      readonly decision: DecisionId;
      readonly upstream: Upstream;
      readonly limits: readonly LimitState[];
    }
  | {
      readonly effect: "deny";
      readonly decision: DecisionId;
      readonly refusal: Refusal;
      readonly limits: readonly LimitState[];
      /** What the call waits for, where a person's approval is all that it lacks. */
      readonly waitsFor: WaitsFor | null;
    }
  | { readonly effect: "gone"; readonly because: Gone }
  /** Too many decisions wait for the log: nothing more can be recorded, so nothing more is let through. */
  | { readonly effect: "full" };

/** A pending approval, as the Worker needs to know it. */
export interface WaitsFor {
  readonly id: ApprovalId;
  readonly expiresAtMs: number;
  /** For how many seconds a rule would have the call held open. */
  readonly hold: number;
}

/** The call that waits for a person: its parameters in their source text. */
export interface HeldCall {
  readonly arguments: string | null;
  readonly others: string | null;
}

/** One limit on calls as it stands after this one, for the `RateLimit` headers; `resetMs` until the first of it comes back. */
export interface LimitState {
  readonly counter: string;
  readonly max: number;
  readonly windowMs: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** How much of one limit is used up; amounts in millionths. */
export interface LimitUsage {
  readonly rule: string;
  /** The slug of the one server that it counts; null where it spans them. */
  readonly server: string | null;
  readonly counter: string;
  readonly scope: "grant" | "member" | "server" | "team";
  /** As the policy writes it: a name, or seconds. */
  readonly window: string | number;
  readonly shadow: boolean;
  readonly max: bigint;
  readonly used: bigint;
  readonly remaining: bigint;
  /** When some of what was used comes back; null where nothing was. */
  readonly resetsAtMs: number | null;
}

export interface Upstream {
  readonly serverId: ServerId;
  readonly url: string;
  readonly credential: Route["credential"];
  readonly refusedRequests: RefusedRequests;
}

/** What a message that names nothing gets: the way to the upstream and the filter for its lists. */
export type View =
  | {
      readonly effect: "view";
      readonly epoch: number;
      readonly upstream: Upstream;
      readonly refused: Refusal | null;
      readonly listed: Listed;
      readonly unpinned: boolean;
    }
  | { readonly effect: "gone"; readonly because: Gone };

/**
 * Which names a list may show. `tools` maps a name to the accepted definition's hash; `others` are the hashes of the
 * definitions that the last look saw too and a list may not show. Any other definition is one that no look has seen.
 */
export interface Listed {
  readonly tools: ReadonlyMap<string, string>;
  readonly others: readonly string[];
  readonly resources: readonly ListRules[];
  readonly prompts: readonly ListRules[];
}

/** How a permitted call ended, told by the Worker once its stream is over. */
export interface Outcome {
  readonly seq: number;
  readonly end: OutcomeEntry["end"];
  readonly status: number | null;
  readonly bytes: number;
  readonly ms: number;
}

/** Whether an open stream may go on: `gone` closes it, `changed` means that its list filter is out of date. */
export type Standing = "stands" | "changed" | "gone";

/** The methods of a GrantGate that others call, as an RPC stub offers them. */
export interface GateStub {
  admit(caller: Caller, ask: Ask): Promise<Admission>;
  view(caller: Caller, method: string | null): Promise<View>;
  settle(outcomes: readonly Outcome[]): Promise<void>;
  stands(caller: Caller, epoch: number): Promise<Standing>;
  apply(snapshot: Snapshot): Promise<{ epoch: number }>;
  forget(): Promise<void>;
  find(seq: number): Promise<LogRow | null>;
  usage(grant: GrantId): Promise<readonly LimitUsage[]>;
  resolve(ids: readonly string[]): Promise<readonly Notice[]>;
  approval(seq: number): Promise<{ readonly approval: Approval; readonly held: HeldCall | null } | null>;
  approvalState(seq: number): Promise<State | null>;
  decide(
    seq: number,
    word: "approve" | "refuse",
    vote: Omit<Vote, "atMs">,
    event: ControlEntry,
  ): Promise<Decided | null>;
}
