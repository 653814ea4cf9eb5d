import { oneCall, takenSince } from "../../src/limit/series.ts";
import type { Charge } from "../../src/limit/take.ts";
import { World } from "./limit_world.ts";

type Limit = Pick<Charge, "series" | "shared" | "windowMs" | "unit" | "max">;
const micros = (units: number) => BigInt(units) * oneCall;
const limits: readonly Limit[] = [
  { series: "own", shared: false, windowMs: 1_000, unit: null, max: micros(6) },
  { series: "own", shared: false, windowMs: 20_000, unit: null, max: micros(60) },
  { series: "own", shared: false, windowMs: 90_000_000, unit: "day", max: micros(200) },
  { series: "pool", shared: true, windowMs: 2_000, unit: null, max: micros(16) },
  { series: "pool", shared: true, windowMs: 60_000, unit: null, max: micros(220) },
  { series: "pool", shared: true, windowMs: 60_000, unit: "minute", max: micros(180) },
  { series: "sum", shared: true, windowMs: 30_000, unit: null, max: 90_500_000n },
  { series: "sum", shared: true, windowMs: 90_000_000, unit: "day", max: 700_250_000n },
  // These lease.
  { series: "wide", shared: true, windowMs: 100_000, unit: null, max: micros(220) },
  { series: "wide", shared: true, windowMs: 130_000, unit: null, max: micros(260) },
  { series: "wide", shared: true, windowMs: 3_600_000, unit: "hour", max: micros(480) },
  { series: "spend", shared: true, windowMs: 120_000, unit: null, max: 360_500_000n },
  { series: "spend", shared: true, windowMs: 90_000_000, unit: "day", max: 800_250_000n },
];

function chargesOf(random: () => number): Charge[] {
  const named = [...(random() < 0.5 ? ["own", "pool", "sum"] : []), "wide", "spend"].filter(
    () => random() < 0.6,
  );
  // Some fall under every limit of a counter, others under some.
  const some = random() < 0.1;
  const sum = BigInt(Math.floor(random() * 3_000_000));
  return limits
    .filter(({ series }) => named.includes(series) && !(some && random() < 0.5))
    .map((limit) => ({
      ...limit,
      counter: limit.series,
      rule: "",
      amount: sums.has(limit.series) ? sum : oneCall,
      perCall: !sums.has(limit.series),
      shadow: false,
      text: "",
    }));
}

const sums = new Set(["sum", "spend"]);

/** Bursts and pauses, edits, deaths of gates and counters, over some minutes around a local midnight. */
function schedule(world: World, callers: number): void {
  const { random } = world;
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  let atMs = 0;
  let busy = pick(world.gates);
  for (let i = 0; i < callers; i++) {
    if (random() < 0.7) atMs += Math.floor(random() * 60);
    if (random() < 0.012) {
      atMs += Math.floor(random() * 15_000);
      busy = pick(world.gates);
    }
    const gate = random() < 0.8 ? busy : pick(world.gates);
    world.after(atMs, () => void gate?.admit(chargesOf(random)));
    if (world.mishap(0.01)) world.after(atMs, () => pick(world.gates)?.restart());
    if (world.mishap(0.01)) world.after(atMs, () => pick([...world.counters.values()])?.restart());
    if (random() < 0.005) world.after(atMs, () => world.edit(random() < 0.5 ? 1n : 2n));
    if (random() < 0.005) world.after(atMs, () => pick(world.gates)?.editAlone());
  }
}

/** Lives one world through to its end; `oracle.violations` says what was not as promised. */
export async function live(seed: number, callers: number): Promise<World> {
  const world = new World(seed, 4);
  schedule(world, callers);
  await world.run();
  for (const { series, counter } of world.counters.values()) {
    if (counter.oldestHoldMs !== null)
      world.oracle.violations.push(`${series}: a reservation without an end`);
  }
  const books = [
    ...world.gates.flatMap((gate) => gate.ownSeries),
    ...[...world.counters.values()].map(({ series, counter }) => [series, counter.state().series] as const),
  ];
  for (const [series, marks] of books) {
    const [held, owed] = [takenSince(marks, 0), world.oracle.total(series)];
    if (held !== owed) world.oracle.violations.push(`${series}: holds ${held}, was given ${owed}`);
  }
  return world;
}
