import { type Period, periodAt, type Unit } from "./period.ts";
import type { WallClock } from "./zone.ts";

/** A zone that the team has set its calendar to, and since when; milliseconds. */
export interface ZoneSince {
  readonly zone: string;
  readonly sinceMs: number;
}

const units: readonly Unit[] = ["second", "minute", "hour", "day", "week", "month"];
// The longest window is a month, so a zone left longer ago than this bounds nothing any more.
const forgottenMs = 70 * 86_400_000;

/**
 * A team's calendar windows, through changes of its zone. A window that runs when the zone is changed keeps its bounds;
 * the ones after are the new zone's. The first of those began before the old one ended and counts from its own beginning:
 * so a change of zone never makes room early.
 */
export class Calendar {
  readonly #wallClock: (zone: string) => WallClock;
  #zones: readonly ZoneSince[];
  readonly #known = new Map<Unit, Period>();

  constructor(wallClock: (zone: string) => WallClock, zones: readonly ZoneSince[]) {
    this.#wallClock = wallClock;
    this.#zones = zones;
  }

  /** What to keep, for the constructor to go on from. */
  get zones(): readonly ZoneSince[] {
    return this.#zones;
  }

  /** Goes over to another zone; true where that is a change, which must then be kept. */
  turnTo(zone: string, nowMs: number): boolean {
    const last = this.#zones.at(-1);
    if (last?.zone === zone) return false;
    const kept = this.#zones.filter((_, i) => (this.#zones[i + 1]?.sinceMs ?? nowMs) > nowMs - forgottenMs);
    this.#zones = [...kept, { zone, sinceMs: last ? nowMs : 0 }];
    this.#known.clear();
    return true;
  }

  /** The window of that unit that holds `nowMs`, which never lies before an earlier one's. */
  period(unit: Unit, nowMs: number): Period {
    const known = this.#known.get(unit);
    if (known && known.fromMs <= nowMs && nowMs < known.untilMs) return known;
    const period = this.#through(this.#zones.length - 1, unit, nowMs);
    this.#known.set(unit, period);
    return period;
  }

  /** Where the windows of every unit began that hold `nowMs`: what lies on different sides must be counted apart. */
  bounds(nowMs: number): number[] {
    return units.map((unit) => this.period(unit, nowMs).fromMs);
  }

  #through(last: number, unit: Unit, nowMs: number): Period {
    const span = this.#zones[last];
    if (!span) throw new Error("a calendar without a zone");
    if (last > 0) {
      const running = this.#through(last - 1, unit, span.sinceMs);
      if (nowMs < running.untilMs) return running;
    }
    return periodAt(unit, this.#wallClock(span.zone), nowMs);
  }
}
