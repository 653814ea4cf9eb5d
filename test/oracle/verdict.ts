import { type Asked, ask, type Call, type Situation } from "./asked.ts";
import { decisive, type Refusal, refusals } from "./judge.ts";
import { type Counting, countings } from "./limit.ts";
import { carried } from "./nested.ts";

/** The oracle's answer; `reason` is how the text begins, and all of it where `exact`. */
export interface Verdict {
  readonly effect: "allow" | "deny" | "approve";
  readonly rule: string;
  readonly reason: string;
  readonly exact: boolean;
  /** What an allowed call adds, a sorted line for each limit. */
  readonly counts: string[];
}

/** Judges one call, and says everything that refused it. */
export function verdictOf(situation: Situation, call: Call): { verdict: Verdict; all: Refusal[] } {
  const asked = ask(situation, call);
  const all = refusals(asked);
  const found = decisive(all);
  if (found === undefined) {
    const counts = tally(counted(asked));
    return { verdict: { effect: "allow", rule: "", reason: "", exact: true, counts }, all };
  }
  const { effect, rule } = found;
  const reason = found.reason ?? { starts: plain(effect, rule), exact: true };
  return { verdict: { effect, rule, reason: reason.starts, exact: reason.exact, counts: [] }, all };
}

const plain = (effect: "deny" | "approve", rule: string): string =>
  effect === "deny" ? `Denied by rule ${rule}.` : `Approval required by rule ${rule}.`;

/** What each call, outer and inner, counts against. */
function counted(asked: Asked): Counting[][] {
  const pending = { depth: asked.depth + 1, templates: asked.facts.templates };
  const inner = carried(asked).flatMap(({ call }) =>
    call === null ? [] : counted(ask(asked.situation, call, pending)),
  );
  return [countings(asked), ...inner];
}

/** policy.md §5: a call adds to a counter once, and every limit that names it is tested with all that is added. */
function tally(calls: Counting[][]): string[] {
  const added = new Map<string, bigint>();
  for (const call of calls) {
    const once = new Map(call.map(({ series, millionths }) => [series, millionths ?? 0n]));
    for (const [series, amount] of once) added.set(series, (added.get(series) ?? 0n) + amount);
  }
  const tested = calls.flat().filter(({ millionths }) => millionths !== null);
  const lines = tested.map(({ rule, series, enforces }) =>
    countLine(rule, added.get(series) ?? 0n, !enforces),
  );
  return [...new Set(lines)].sort();
}

/** One limit and what is added to its counter; under which inner call it stands says nothing more. */
export function countLine(rule: string, millionths: bigint, shadow: boolean): string {
  return `${rule.replace(/^.*\/nested\/\d+\//, "/")}${shadow ? " (shadow)" : ""} +${millionths}`;
}
