import type { DecisionEntry, Ending, Verdict } from "./entry.ts";

/** What charts are drawn by. A tool's key is `<server id>/<name>`; all others are the thing's id. */
export const dimensions = ["tool", "grant", "member", "server"] as const;
export type Dimension = (typeof dimensions)[number];

/** Upper bounds, in ms, of the latency histogram's buckets; one more bucket holds what took longer. */
export const latencyBounds = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const;

/** Counts of one key in one span of time. */
export interface Tally extends Record<Verdict, number> {
  /** Allowed calls that ended in another way than an answer below 400, or that nobody waited for. */
  errors: number;
  /** Of answers, as sent to clients. */
  bytes: number;
  /** How many calls ended within each of `latencyBounds`. */
  latency: number[];
}

export const emptyTally = (): Tally => ({
  allowed: 0,
  denied: 0,
  limited: 0,
  approval_required: 0,
  unknown: 0,
  errors: 0,
  bytes: 0,
  latency: new Array(latencyBounds.length + 1).fill(0),
});

/** The keys under which a decision is counted. What an agent made up is counted as one, so that it cannot flood a chart. */
export function keysOf(decision: DecisionEntry): [Dimension, string][] {
  const { server, target, verdict, gate, member } = decision;
  const name = target.kind === "tool" && verdict !== "unknown" ? target.name : `(${otherName(decision)})`;
  const keys: [Dimension, string][] = [
    ["tool", `${server.id}/${name}`],
    ["grant", gate],
    ["server", server.id],
  ];
  if (member !== null) keys.push(["member", member]);
  return keys;
}

const otherName = ({ verdict, target }: DecisionEntry): string =>
  verdict === "unknown" ? "unknown" : target.kind;

/** Counts how a call ended. */
export function addEnding(tally: Tally, { end, status, bytes, ms }: Ending): void {
  if ((end !== "answered" && end !== "client_gone") || (status ?? 0) >= 400) tally.errors++;
  tally.bytes += bytes;
  const bucket = latencyBounds.findIndex((bound) => ms <= bound);
  const index = bucket < 0 ? latencyBounds.length : bucket;
  tally.latency[index] = (tally.latency[index] ?? 0) + 1;
}

/** Adds `more` to `tally`. */
export function addTally(tally: Tally, more: Tally): void {
  for (const key of Object.keys(more) as (keyof Tally)[]) {
    if (key !== "latency") tally[key] += more[key];
  }
  tally.latency = tally.latency.map((count, index) => count + (more.latency[index] ?? 0));
}
