import type { Scenario } from "./calls.ts";
import type { Round } from "./load.ts";
import { median } from "./median.ts";

/** What every run measures; peers have the names that npm gives them. */
export const names = {
  direct: "direct",
  bare: "bare worker",
  durable: "minimal durable worker",
  gateway: "gateway",
  unlimited: "gateway, no limit",
};

/** What a process held before any call, and after the same calls as every other; and what a small call took of it. */
export interface Footprint {
  readonly idleMiB: number;
  readonly loadedMiB: number;
  readonly cpuMsACall: number;
}

type Measure = (round: Round) => number;

export const perSecond: Measure = (round) => round.perSecond;
export const p50: Measure = (round) => round.p50;
export const p99: Measure = (round) => round.p99;
export const firstEvent: Measure = (round) => round.firstEventP50 ?? Number.NaN;

/** Every round of a run. Two subjects are compared round by round, as each round measured them one after the other. */
export class Results {
  readonly footprints = new Map<string, Footprint>();
  readonly #rounds = new Map<Scenario, Map<string, Round[]>>();

  add(scenario: Scenario, name: string, round: Round): void {
    const byName = this.#rounds.get(scenario) ?? new Map<string, Round[]>();
    this.#rounds.set(scenario, byName.set(name, [...(byName.get(name) ?? []), round]));
  }

  of(scenario: Scenario, name: string, measure: Measure): number {
    return median(this.#of(scenario, name).map(measure));
  }

  /** The one as a share of the other. */
  share(scenario: Scenario, name: string, other: string, measure: Measure): number {
    return this.#compare(scenario, name, other, measure, (one, beside) => one / beside);
  }

  /** The one less the other. */
  difference(scenario: Scenario, name: string, other: string, measure: Measure): number {
    return this.#compare(scenario, name, other, measure, (one, beside) => one - beside);
  }

  #compare(
    scenario: Scenario,
    name: string,
    other: string,
    measure: Measure,
    how: (one: number, beside: number) => number,
  ): number {
    const others = this.#of(scenario, other).map(measure);
    return median(this.#of(scenario, name).map((round, i) => how(measure(round), others[i] ?? Number.NaN)));
  }

  #of(scenario: Scenario, name: string): readonly Round[] {
    return this.#rounds.get(scenario)?.get(name) ?? [];
  }
}
