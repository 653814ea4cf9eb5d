/** One test at its full size: the code of the everyday suite, or a script of its own, run longer. */
export interface Deep {
  readonly id: string;
  readonly what: string;
  /** How many, where nothing says otherwise. */
  readonly size: number;
  readonly run: (size: number, seed: number) => Command;
}

/** What Node is given. */
export interface Command {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A script that takes its size as an argument, and its seed as `<name>_SEED`. */
const script =
  (name: string, file: string, ...more: readonly string[]): Deep["run"] =>
  (size, seed) => ({ args: [file, String(size), ...more], env: { [`${name}_SEED`]: String(seed) } });

const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", "runtime", "--silent=passed-only"];

/** Tests of the suite that read `<name>_RUNS` and `<name>_SEED` (test/support/size.ts). */
const suite =
  (name: string, ...files: readonly string[]): Deep["run"] =>
  (size, seed) => ({
    args: [...vitest, ...files],
    env: { [`${name}_RUNS`]: String(size), [`${name}_SEED`]: String(seed) },
  });

/** What is run on demand because it takes hours. The numbers are those of the test programme. */
export const programme: readonly Deep[] = [
  {
    id: "T1",
    what: "decisions by the engine and by the oracle",
    size: 10_000_000,
    run: script("ORACLE", "test/oracle/deep.ts"),
  },
  {
    id: "T2",
    what: "mutated policy documents",
    size: 500_000,
    run: suite("DOCUMENT", "test/policy/fuzz.test.ts"),
  },
  {
    id: "T3",
    what: "worlds of 10,000 callers",
    size: 500,
    run: script("LIMIT", "test/gate/limit_deep.ts", "10000"),
  },
  { id: "T4", what: "kills under load", size: 500, run: script("CRASH", "test/crash/deep.ts") },
  { id: "T6", what: "malformed frames", size: 1_000_000, run: suite("FRAME", "test/mcp/property.test.ts") },
  {
    id: "T7",
    what: "addresses put together at random, which must be refused",
    size: 1_000_000,
    run: suite("SSRF", "test/ssrf/ssrf.test.ts"),
  },
  {
    id: "T8",
    what: "tokens with some of their bits flipped",
    size: 100_000,
    run: suite("TOKEN", "test/token/token.test.ts"),
  },
  {
    id: "T10",
    what: "bombs of up to 64 KiB",
    size: 10_000,
    run: script("BOMB", "test/policy/bomb_deep.ts"),
  },
  {
    id: "T11",
    what: "rounds of every fault that a server can have",
    size: 500,
    run: script("STREAM", "test/stream/deep.ts"),
  },
  {
    id: "T12",
    what: "pairs of dependencies that break together",
    size: 5_000,
    run: suite("FAULT", "test/fault/pairs.test.ts"),
  },
  {
    id: "T13",
    what: "rounds of 50 approvals, each replayed 50 times at once",
    size: 400,
    run: suite("APPROVAL", "test/gate/approval_race.test.ts"),
  },
  {
    id: "T14",
    what: "tamperings with the log",
    size: 100_000,
    run: suite("TAMPER", "test/audit/tamper.test.ts"),
  },
  {
    id: "T16",
    what: "generated requests for each operation",
    size: 500,
    run: suite("REQUEST", "test/api/generated.test.ts"),
  },
  {
    id: "T17",
    what: "run that plants 200 secrets",
    size: 1,
    run: () => ({ args: [...vitest, "test/api/secret.test.ts", "test/api/issued_secret.test.ts"], env: {} }),
  },
];
