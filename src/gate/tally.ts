import type { Verdict } from "../audit/entry.ts";
import type { DecisionId } from "../id.ts";
import type { OpenPoint, Replayed } from "./replay.ts";

/** Decisions that a draft changes in one way. */
export interface Change {
  /** The rule that refuses now; where nothing does any more, the one that did. */
  readonly rule: string;
  readonly from: Verdict;
  readonly to: Verdict;
  readonly count: number;
  readonly examples: readonly DecisionId[];
}

export interface Tally {
  readonly replayed: number;
  readonly changed: number;
  readonly byRule: readonly Change[];
  /** What kept decisions from being replayed; one that hangs on two things counts for both. */
  readonly notReplayed: readonly (OpenPoint & { readonly count: number })[];
}

const examplesMax = 5;

/** Sums a replay up, the most frequent first. A decision whose outcome stays the same is unchanged, whatever its rule. */
export function tally(replayed: readonly Replayed[]): Tally {
  const changes = replayed.flatMap(changeOf);
  const points = replayed.flatMap(({ outcome }) => ("open" in outcome ? outcome.open : []));
  return {
    replayed: replayed.filter(({ outcome }) => !("open" in outcome)).length,
    changed: changes.length,
    byRule: grouped(changes, ({ rule, from, to }) => JSON.stringify([rule, from, to])).map(together),
    notReplayed: grouped(points, ({ rule, reason }) => JSON.stringify([rule, reason])).map((same) => ({
      ...same[0],
      count: same.length,
    })),
  };
}

type One = Omit<Change, "count" | "examples"> & { readonly id: DecisionId };

function changeOf({ row, outcome }: Replayed): One[] {
  const { verdict: from, rule } = row.decision;
  if ("open" in outcome || outcome.verdict === from) return [];
  return [
    { rule: outcome.verdict === "allowed" ? rule : outcome.rule, from, to: outcome.verdict, id: row.id },
  ];
}

const together = (same: Group<One>): Change => {
  const { id: _, ...change } = same[0];
  return { ...change, count: same.length, examples: same.slice(-examplesMax).map(({ id }) => id) };
};

type Group<T> = readonly [T, ...T[]];

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): Group<T>[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
}
