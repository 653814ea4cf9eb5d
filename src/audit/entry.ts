import type { DecisionId, EventId, GrantId, PolicyId, ServerId, UserId } from "../id.ts";

/** How a judged message fared, as people filter by it. `allowed` says it was let through, not how it ended. */
export type Verdict = "allowed" | "denied" | "limited" | "approval_required" | "unknown";

/**
 * Arguments that a policy had kept: canonical JSON without what it redacts. The chain holds only their salted hash, so
 * that they can be withheld from a reader, or erased, and the record still verifies. `salt` is 32 bytes in hex.
 */
export interface KeptValues {
  readonly salt: string;
  readonly text: string;
}

/** The decision row: committed before the request leaves (security.md §1.1). Times are ms since the epoch. */
export interface DecisionEntry {
  readonly kind: "decision";
  readonly gate: GrantId;
  readonly seq: number;
  readonly atMs: number;
  readonly requestId: string;
  readonly epoch: number;
  /** Whom the grant acts for. */
  readonly member: UserId | null;
  readonly server: { readonly id: ServerId; readonly slug: string };
  readonly method: string;
  readonly target: { readonly kind: "tool" | "resource" | "prompt"; readonly name: string };
  readonly verdict: Verdict;
  readonly rule: string;
  readonly reason: string;
  /** What a rule in shadow mode, or a condition that could not be evaluated, had to say. */
  readonly notes: readonly string[];
  readonly policy: { readonly id: PolicyId; readonly name: string; readonly revision: number } | null;
  readonly client: string | null;
  readonly argumentKeys: readonly string[];
  /** HMAC under a key of the team: a plain hash of short arguments could be guessed. */
  readonly argumentHash: string | null;
  readonly values: KeptValues | null;
  /** The `seq` of the round that this one continues: the call was counted there, so this row counts nothing. */
  readonly continues?: number;
  /** How it ended, where that was known when its gate shipped it; else that is an entry of its own (docs/adr/0011). */
  readonly outcome?: Ending;
}

/** How an allowed message ended; at most one per decision. */
export interface OutcomeEntry extends Ending {
  readonly kind: "outcome";
  readonly gate: GrantId;
  readonly seq: number;
}

/** When and how a message ended, and what its answer was. */
export interface Ending {
  readonly atMs: number;
  readonly end: "answered" | "client_gone" | "upstream_failed" | "too_large" | "not_sent" | "unknown";
  readonly status: number | null;
  readonly bytes: number;
  readonly ms: number;
}

/** A write to the control plane: who did what to which thing. Never a secret, never a document's content. */
export interface ControlEntry {
  readonly kind: "control";
  /** By which a repeat is known. */
  readonly id: EventId;
  readonly atMs: number;
  readonly requestId: string;
  /** The user's id, or `system`. */
  readonly actor: string;
  /** `policy.saved`, `grant.revoked`, … */
  readonly action: string;
  /** The id of what was changed. */
  readonly subject: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

export type Entry = DecisionEntry | OutcomeEntry | ControlEntry;

/**
 * What a gate ships: decisions in the order of their numbers and in the texts that it keeps, each with how it ended (JSON of
 * an `Ending`) or null where that is still open; and other entries, such as the ends of what was shipped open.
 */
export interface Shipment {
  readonly calls: readonly (readonly [decision: string, outcome: string | null])[];
  readonly others: readonly (OutcomeEntry | ControlEntry)[];
}

/** A decision with its outcome, if it has one yet: a line of the list. `n` is its place in the team's log. */
export interface LogRow {
  readonly n: number | null;
  readonly id: DecisionId;
  readonly decision: DecisionEntry;
  readonly outcome: OutcomeEntry | null;
}

/** An entry of any kind at its place in the log. */
export interface Placed {
  readonly n: number;
  readonly entry: Entry;
}

/** What the list may be narrowed by; times are ms, `before` is a place in the log (exclusive). */
export interface LogQuery {
  readonly grant?: GrantId;
  readonly server?: ServerId;
  readonly name?: string;
  readonly verdict?: Verdict;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly before?: number;
  readonly limit: number;
}

export interface LogPage {
  readonly items: readonly LogRow[];
  /** The `before` of the next page, or null at the end. A page may be short, even empty, and yet not be the last. */
  readonly next: number | null;
}

/** Events of the control plane, newest first. */
export interface EventPage {
  readonly items: readonly { readonly n: number; readonly event: ControlEntry }[];
  readonly next: number | null;
}
