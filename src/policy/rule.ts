import type { Json } from "../json/value.ts";
import type { Group } from "./condition.ts";
import type { HideTable, KeyTable, Kind } from "./key.ts";
import type { Outcome } from "./operator.ts";
import type { Path, Step } from "./path.ts";
import type { Template } from "./template.ts";
import type { Work } from "./work.ts";

/** What `all_tools` and every rule can ask of a call. Ids lack the layer's and a nested call's prefix. */
export interface Checks {
  readonly require: readonly Group[];
  readonly denyIf: readonly Group[];
  readonly approveIf: readonly Group[];
  readonly limits: readonly Limit[];
}

export interface Limit {
  readonly id: string;
  readonly counter: string;
  /** As written: a name, or seconds. */
  readonly window: string | number;
  readonly windowMs: number;
  readonly algorithm: "sliding" | "calendar";
  readonly max: number;
  /** The same in millionths, exactly. */
  readonly maxMicros: bigint;
  readonly scope: Scope;
  readonly incrementFrom: Path | null;
  /** `10 per minute`, for the agent's message. */
  readonly text: string;
}
export type Scope = "grant" | "member" | "server" | "team";

/** How an approval is had (policy.md §6); times in seconds. */
export interface ApprovalTerms {
  readonly approvers: "approver" | "admin";
  readonly expires: number;
  readonly quorum: number;
  readonly hold: number;
}

/** Where a tool carries further calls (policy.md §7). */
export interface Nested {
  readonly id: string;
  /** The array itself, without the closing `[*]`. */
  readonly each: Path;
  readonly tool: readonly Step[];
  readonly arguments: readonly Step[];
  readonly template: Template;
  /** Equal for two layers that unfold the same calls in the same way. */
  readonly sameAs: string;
}

export interface Rule extends Checks {
  /** `/tools/create_charge`. */
  readonly id: string;
  readonly key: string;
  readonly mode: "enforce" | "shadow" | null;
  readonly action: "allow" | "deny" | "approve";
  readonly reason: string | null;
  readonly approve: ApprovalTerms;
  readonly arguments: ((args: Json, work: Work) => Outcome) | null;
  readonly nested: Nested | null;
  readonly record: "keys" | "values" | null;
  readonly redact: readonly string[];
}

/** A document, compiled once and ready to evaluate. */
export interface Policy {
  /** The document in its long form: short forms expanded, all else as written. */
  readonly document: Json;
  readonly default: "allow" | "deny";
  readonly shadow: boolean;
  readonly record: "keys" | "values" | null;
  readonly hide: readonly string[];
  readonly hidden: Readonly<Record<Kind, HideTable>>;
  readonly allTools: Checks;
  readonly rules: Readonly<Record<Kind, readonly Rule[]>>;
  readonly ruleFor: Readonly<Record<Kind, KeyTable<Rule>>>;
  readonly methods: ReadonlyMap<string, "allow" | "deny">;
  readonly requests: Readonly<Record<ServerRequest, "allow" | "deny">>;
}
export const serverRequests = ["sampling", "elicitation", "roots"] as const;
export type ServerRequest = (typeof serverRequests)[number];
