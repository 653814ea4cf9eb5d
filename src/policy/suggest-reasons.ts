import type { JsonObject } from "../json/value.ts";
import type { Kind } from "./key.ts";
import type { Policy, Rule } from "./rule.ts";
import { peak, type Use } from "./use.ts";

export interface Evidence {
  readonly kind: Kind;
  readonly name: string;
  readonly calls: number;
  readonly peakPerMinute: number;
  readonly peakPerHour: number;
  readonly why: string;
}

/** What use does not tell; `name` null is about the whole. */
export interface Gap {
  readonly name: string | null;
  readonly reason: string;
}

/** Where the uses were seen. */
export interface UsedServer {
  readonly slug: string;
  /** What is attached there now; null for none. */
  readonly current: Policy | null;
  /** The tools with an accepted definition. */
  readonly pinned: ReadonlySet<string>;
}

/** What a use becomes in the document. */
export interface Permitted {
  readonly use: Use;
  readonly key: string;
  readonly rule: JsonObject;
  /** The current rule that `rule` keeps, where there is one. */
  readonly from: Rule | null;
  readonly evidence: Evidence;
}

/** A use that the document cannot permit. */
export type LeftOut = { readonly use: Use; readonly why: string };

/** One limit of a suggestion. */
export interface Rate {
  readonly counter: string;
  readonly window: string;
  readonly max: number;
  readonly scope: "grant";
}

/** What was seen of a use, and what follows from it. */
export function evidenceOf(
  { kind, name, allowedAtMs, held }: Use,
  rates: readonly Rate[],
  from: Rule | null,
): Evidence {
  const [peakPerMinute, peakPerHour] = [peak(allowedAtMs, 60_000), peak(allowedAtMs, 3_600_000)];
  const calls = allowedAtMs.length;
  const said = [
    calls > 0 &&
      `allowed ${times(calls)}, at most ${peakPerMinute} in a minute and ${peakPerHour} in an hour`,
    held > 0 && `held up ${times(held)} by a limit or for a person`,
    rates.length > 0 && `limited to ${rates.map(({ max, window }) => `${max} per ${window}`).join(" and ")}`,
    from && `keeps what ${from.id} asks of it now`,
  ];
  const why = `${said.filter((part) => typeof part === "string").join("; ")}.`;
  return { kind, name, calls, peakPerMinute, peakPerHour, why };
}

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

/** What is not known of the whole. */
export function wholeGaps({ current }: UsedServer): Gap[] {
  const reasons = [
    !current && "No policy is attached here now, so there are no conditions to keep.",
    current?.shadow && "The policy attached here is in shadow mode: none of what it would ask is kept.",
    current && current.methods.size > 0 && "Messages that name nothing leave no decision: `methods` is kept.",
  ];
  return reasons.flatMap((reason) => (typeof reason === "string" ? [{ name: null, reason }] : []));
}

/** Why a use is not in the document, or what is not known of one that is. */
export function gapsOf(one: Permitted | LeftOut): Gap[] {
  if ("why" in one) return [{ name: one.use.name, reason: `It was used and is left out: ${one.why}.` }];
  const { use, key, from } = one;
  const { name, argumentKeys, methods } = use;
  const reasons = [
    argumentKeys.size > 0 &&
      `The values of ${[...argumentKeys].join(", ")} are not stored: no limits on them can be learned.`,
    from && readsArguments(from) && `Whether past calls meet what ${from.id} asks of values is not known.`,
    /[*?]/.test(key) && "Its name reads as a pattern, so its key may match other names too.",
    methods.has("subscriptions/listen") && "Other resources of the same subscription are not stored.",
  ];
  return reasons.flatMap((reason) => (typeof reason === "string" ? [{ name, reason }] : []));
}

const readsArguments = ({ require, denyIf, approveIf, limits, arguments: schema, nested }: Rule): boolean =>
  [...require, ...denyIf, ...approveIf].some(({ conditions }) =>
    conditions.some(({ path }) => path.root === "args"),
  ) ||
  limits.some(({ incrementFrom }) => incrementFrom !== null) ||
  schema !== null ||
  nested !== null;
