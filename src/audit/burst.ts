import type { GrantId } from "../id.ts";
import type { Entry } from "./entry.ts";

/** A grant was refused more often than an agent is by mistake: so many times, in the minute before `atMs`. */
export interface Burst {
  readonly grant: GrantId;
  readonly refusals: number;
  readonly atMs: number;
}

const refusalsMin = 20;
const withinMs = 60_000;
const quietMs = 3_600_000;

/**
 * Finds bursts among a log's entries as they come. They are counted in memory alone: a log that wakes anew hears of a
 * burst that goes on a minute later, and the record itself lacks nothing.
 */
export class Bursts {
  /** When each grant was refused, the last 20 times, oldest first. */
  readonly #refused = new Map<GrantId, number[]>();
  readonly #toldMs = new Map<GrantId, number>();

  /** The burst that this entry completes, or null; of one grant there is at most one an hour. */
  hear(entry: Entry): Burst | null {
    if (entry.kind !== "decision" || !isRefusal(entry.verdict)) return null;
    const { gate: grant, atMs } = entry;
    const times = [...(this.#refused.get(grant) ?? []), atMs].slice(-refusalsMin);
    this.#refused.set(grant, times);
    const [first = atMs] = times;
    if (times.length < refusalsMin || atMs - first > withinMs) return null;
    if (atMs - (this.#toldMs.get(grant) ?? Number.NEGATIVE_INFINITY) < quietMs) return null;
    this.#toldMs.set(grant, atMs);
    return { grant, refusals: times.length, atMs };
  }
}

// A call that waits for a person was not refused: the inbox tells of it.
const isRefusal = (verdict: string): boolean => verdict !== "allowed" && verdict !== "approval_required";
