import type { JsonObject } from "../json/value.ts";
import type { Kind } from "./key.ts";
import type { Policy, Scope } from "./rule.ts";

/** A message that names something. For `resource` the name is the URI. */
export interface Call {
  readonly method: string;
  readonly kind: Kind;
  readonly name: string;
  readonly arguments: JsonObject | undefined;
}

/** What is known of a pinned tool; `""` where it is not. */
export interface ToolFacts {
  readonly category: string;
  readonly risk: string;
}

/** Who calls and when. `now` is in the team's zone: hour 0–23, weekday 1 (Monday) to 7, date YYYY-MM-DD. */
export interface Context {
  readonly server: { readonly name: string };
  readonly grant: { readonly label: string; readonly tags: readonly string[] };
  readonly member: { readonly email: string | null; readonly role: string } | null;
  readonly client: { readonly name: string } | null;
  readonly now: { readonly hour: number; readonly weekday: number; readonly date: string };
}

export interface Question {
  readonly call: Call;
  /** null = the team has no policy of its own. */
  readonly team: Policy | null;
  /** null = none is attached: `(no policy)`. */
  readonly server: Policy | null;
  readonly frozen: "off" | "writes" | "all";
  /** The server's accepted pins; a tool that is not here is unknown. */
  readonly tools: ReadonlyMap<string, ToolFacts>;
  /** Names that are known but wait for a person's acceptance. */
  readonly quarantined?: ReadonlySet<string>;
  readonly context: Context;
}

export type Layer = "team" | "server";
export type Effect = "allow" | "deny" | "approve";

/** One reason why the call may not simply pass. A shadow one is only recorded. */
export interface Refusal {
  readonly effect: "deny" | "approve";
  /** null where no policy is the reason: frozen, unknown, a malformed URI, an error. */
  readonly layer: Layer | null;
  readonly rule: string;
  readonly reason: string;
  readonly shadow: boolean;
  /** The caller must not be told apart from one who names a thing that does not exist. */
  readonly unknown: boolean;
  /** It hangs on what was not kept of a recorded call: one value, or all the calls inside it. */
  readonly unread?: "value" | "calls";
}

/** What must be done before a permitted call may go on, in the order of evaluation (architecture.md §1). */
export type Obligation =
  | {
      readonly type: "count";
      readonly rule: string;
      readonly layer: Layer;
      readonly shadow: boolean;
      readonly counter: string;
      readonly windowMs: number;
      readonly algorithm: "sliding" | "calendar";
      /** As written: a name, or seconds. */
      readonly window: string | number;
      readonly max: number;
      /** The same in millionths, exactly. */
      readonly maxMicros: bigint;
      readonly scope: Scope;
      /** The argument that it sums up; null where it counts calls. */
      readonly incrementFrom: string | null;
      /** What the whole call adds to the counter, in millionths; alike for all limits on one counter and scope. */
      readonly amount: bigint;
      readonly tool: string;
      /** `10 per minute`. */
      readonly text: string;
    }
  | {
      readonly type: "approve";
      readonly rule: string;
      readonly reason: string;
      readonly approvers: "approver" | "admin";
      readonly expires: number;
      readonly quorum: number;
      readonly hold: number;
    }
  | { readonly type: "record"; readonly values: boolean; readonly redact: readonly string[] };

export interface Verdict {
  readonly effect: Effect;
  readonly rule: string;
  readonly reason: string;
}

export interface Decision extends Verdict {
  /** The thing was hidden, quarantined or unknown: answer as for a name that does not exist. */
  readonly unknown: boolean;
  readonly layers: readonly (Verdict & { readonly layer: Layer })[];
  readonly obligations: readonly Obligation[];
  /** Everything that could not be evaluated, shadow rules included. */
  readonly errors: readonly string[];
  /** Every refusal in the order of evaluation, for explanations. */
  readonly refusals: readonly Refusal[];
  /** What would have been decided if shadow rules enforced; null where that is no different. */
  readonly shadow: Verdict | null;
}
