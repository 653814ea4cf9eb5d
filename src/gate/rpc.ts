import type { Finding } from "../fault.ts";
import type { DecisionId, ServerId, TeamId } from "../id.ts";
import type { ListRules } from "../policy/list.ts";
import type { Route } from "./snapshot.ts";

/** Who asks, taken from a verified token and the URL; the gate checks that all of it still stands. */
export interface Caller {
  readonly team: TeamId;
  readonly jti: string;
  readonly teamSlug: string;
  readonly serverSlug: string;
}

/** A message that names something, as decoded from the body. */
export interface Ask {
  readonly method: string;
  readonly kind: "tool" | "resource" | "prompt";
  readonly name: string;
  /** The source text of `params.arguments`, already read strictly once; absent where the message has none. */
  readonly argumentsText?: string;
  readonly clientName?: string;
  readonly requestId: string;
}

/** Everything the Worker must do for an Allow, and only an Allow carries an upstream. */
export type Admission =
  | { readonly effect: "allow"; readonly decision: DecisionId; readonly upstream: Upstream; readonly limits: LimitState[] }
  | { readonly effect: "deny"; readonly decision: DecisionId; readonly refusal: Refusal; readonly limits: LimitState[] }
  | { readonly effect: "gone"; readonly because: "token" | "route" };

export interface Refusal {
  readonly outcome: "denied" | "limited" | "approval_required" | "unknown";
  readonly rule: string;
  readonly reason: string;
  readonly retryAfterMs: number | null;
}

/** One limit as it stands after this call, for the `RateLimit` headers. */
export interface LimitState {
  readonly counter: string;
  readonly max: number;
  readonly windowMs: number;
  readonly remaining: number;
  readonly resetMs: number;
}

export interface Upstream {
  readonly serverId: ServerId;
  readonly url: string;
  readonly credential: Route["credential"];
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
  | { readonly effect: "gone"; readonly because: "token" | "route" };

/** Which names a list may show. `tools` maps a name to the accepted definition's hash. */
export interface Listed {
  readonly tools: ReadonlyMap<string, string>;
  readonly resources: readonly ListRules[];
  readonly prompts: readonly ListRules[];
}

/** How a permitted call ended, told by the Worker once its stream is over. */
export interface Outcome {
  readonly decision: DecisionId;
  readonly end: "answered" | "client_gone" | "upstream_failed" | "too_large" | "not_sent";
  readonly status: number | null;
  readonly bytes: number;
  readonly ms: number;
}

export interface Applied {
  readonly epoch: number;
  readonly findings?: readonly Finding[];
}
