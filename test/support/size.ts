/** How much a seeded test does, and from which seed on. */
export interface Size {
  readonly runs: number;
  readonly seed: number;
  /** So long for the usual size, and as much longer as there is more to do. */
  readonly within: (ms: number) => number;
}

const { env } = import.meta as { env?: Record<string, string | undefined> };

/** `usual` runs from a new seed, unless `<NAME>_RUNS` and `<NAME>_SEED` say otherwise, as `npm run test:deep` does. */
export function sizeOf(name: string, usual: number): Size {
  const runs = Number(env?.[`${name}_RUNS`] ?? usual);
  const seed = Number(env?.[`${name}_SEED`] ?? Date.now() % 1_000_000_000);
  return { runs, seed, within: (ms) => ms * Math.max(1, runs / usual) };
}
