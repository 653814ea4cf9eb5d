import type { GrantId, TeamId } from "../id.ts";
import type { Calendar } from "../limit/calendar.ts";
import { wallClock } from "../limit/zone.ts";
import { inTime } from "./deadline.ts";
import { keepSnapshot } from "./keep.ts";
import type { Snapshot } from "./snapshot.ts";
import { type Compiled, compile } from "./standing.ts";

/** What it takes to keep a snapshot in force. */
export interface InForceDeps {
  /** The grant's snapshot from D1's primary, or null where there is no such grant. */
  readonly load: (grant: GrantId) => Promise<Snapshot | null>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The gate that it is kept for: its own time, its calendar, and what hears of every snapshot that comes into force. */
export interface Place {
  readonly ctx: DurableObjectState;
  readonly calendar: Calendar;
  readonly nowMs: () => number;
  readonly adopted: (compiled: Compiled) => void;
}

const rereadMs = 300_000;
// Sooner than its callers give up, so that the next one asks D1 anew.
const loadDeadlineMs = 8_000;

/** The snapshot that a gate judges by, which only a higher epoch replaces. */
export class InForce {
  readonly #place: Place;
  readonly #deps: InForceDeps;
  #compiled: Compiled | null;
  #loading: Promise<void> | null = null;
  #rereadAtMs: number;

  /** `kept` is the snapshot that outlived the restart, if there was one. */
  constructor(place: Place, deps: InForceDeps, kept: Snapshot | null) {
    this.#place = place;
    this.#deps = deps;
    this.#compiled = kept && compile(kept);
    // Spread, so that gates that wake together do not all read D1 together.
    this.#rereadAtMs = place.nowMs() + rereadMs * deps.random();
  }

  /** Null in a gate that never had a snapshot. */
  get compiled(): Compiled | null {
    return this.#compiled;
  }

  get team(): TeamId | null {
    return this.#compiled?.snapshot.team.id ?? null;
  }

  /** What is in force, loaded if there is nothing yet; null where there is no such grant. */
  async ready(grant: GrantId): Promise<Compiled | null> {
    if (!this.#compiled) {
      this.#loading ??= this.#reread(grant).finally(() => {
        this.#loading = null;
      });
      await this.#loading;
    } else if (this.#place.nowMs() >= this.#rereadAtMs) {
      // Behind the answer: a D1 that is down stops edits, not calls.
      this.#planReread();
      const reread = this.#reread(grant).catch((error) => console.error("a gate cannot re-read", error));
      this.#place.ctx.waitUntil(reread);
    }
    return this.#compiled;
  }

  async #reread(grant: GrantId): Promise<void> {
    const snapshot = await inTime(this.#deps.load(grant), loadDeadlineMs);
    if (snapshot) this.adopt(snapshot);
  }

  #planReread(): void {
    this.#rereadAtMs = this.#place.nowMs() + rereadMs * (0.8 + 0.4 * this.#deps.random());
  }

  /**
   * Takes a snapshot if it is newer than what is in force, and answers with the epoch in force: or with the one after it,
   * where the snapshot is of that very epoch and says something else. Then D1 was restored from a back-up and has given
   * the number again, and must be raised past it.
   */
  adopt(snapshot: Snapshot): number {
    const now = this.#compiled?.snapshot;
    if (now && now.grant.id !== snapshot.grant.id) throw new Error("a snapshot of another grant");
    if (now && snapshot.epoch <= now.epoch) return reused(now, snapshot) ? now.epoch + 1 : now.epoch;
    const { ctx, calendar, nowMs, adopted } = this.#place;
    // Read before it is kept: a gate that wakes to a snapshot which it cannot read would never judge again.
    const compiled = readable(snapshot);
    calendar.turnTo(snapshot.team.zone, nowMs());
    keepSnapshot(ctx.storage, { snapshot, zones: calendar.zones });
    this.#compiled = compiled;
    adopted(compiled);
    this.#planReread();
    return snapshot.epoch;
  }
}

const reused = (now: Snapshot, snapshot: Snapshot): boolean =>
  snapshot.epoch === now.epoch && JSON.stringify(snapshot) !== JSON.stringify(now);

/** The snapshot, ready to decide by. Throws for one without an epoch, or in a zone that there is not. */
function readable(snapshot: Snapshot): Compiled {
  if (!Number.isSafeInteger(snapshot.epoch)) throw new Error("a snapshot without an epoch");
  wallClock(snapshot.team.zone);
  return compile(snapshot);
}
