import type { DecisionEntry } from "../audit/entry.ts";
import type { Kind } from "./key.ts";

/** What the log knows of how one thing of a server was used. */
export interface Use {
  readonly kind: Kind;
  readonly name: string;
  /** Which methods named it in calls that were let through. */
  readonly methods: ReadonlySet<string>;
  /** When calls were let through, oldest first. */
  readonly allowedAtMs: readonly number[];
  /** Calls that a rule knew and held up: a limit, or the need for a person. */
  readonly held: number;
  /** Top-level argument keys that were given. */
  readonly argumentKeys: ReadonlySet<string>;
}

/** The uses in some decisions, oldest first; what was denied is not used. The most used come first. */
export function usesOf(decisions: readonly DecisionEntry[]): Use[] {
  const used = decisions.filter(({ verdict }) => verdict !== "denied" && verdict !== "unknown");
  const byTarget = Map.groupBy(used, ({ target }) => JSON.stringify([target.kind, target.name]));
  return byTarget
    .values()
    .flatMap((same) => useOf(same) ?? [])
    .toArray()
    .sort((a, b) => b.allowedAtMs.length - a.allowedAtMs.length);
}

function useOf(same: readonly DecisionEntry[]): Use[] {
  const [first] = same;
  if (!first) return [];
  const allowed = same.filter(({ verdict }) => verdict === "allowed");
  return [
    {
      ...first.target,
      methods: new Set(allowed.map(({ method }) => method)),
      allowedAtMs: allowed.map(({ atMs }) => atMs),
      held: same.length - allowed.length,
      argumentKeys: new Set(same.flatMap(({ argumentKeys }) => argumentKeys)),
    },
  ];
}

/** The most times within one window anywhere, both of its ends included, as limits count. */
export function peak(timesMs: readonly number[], windowMs: number): number {
  let most = 0;
  let start = 0;
  for (const [end, time] of timesMs.entries()) {
    while (time - (timesMs[start] ?? time) > windowMs) start++;
    most = Math.max(most, end - start + 1);
  }
  return most;
}

const roundSteps = [1, 2, 3, 5, 10, 15, 20, 30, 50, 75];

/** Half as much again, up to a number that people would write: 1, 2, 3, 5, 10, 15, 20, 30, 50, 75, 100, 150 … */
export function withHeadroom(count: number): number {
  const wanted = Math.ceil(count * 1.5);
  for (let unit = 1; ; unit *= 10) {
    const found = roundSteps.find((step) => step * unit >= wanted);
    if (found !== undefined) return found * unit;
  }
}
