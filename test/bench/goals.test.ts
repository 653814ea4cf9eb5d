import { expect, test } from "vitest";
import { small } from "../../scripts/bench/calls.ts";
import { goalTable } from "../../scripts/bench/goals.ts";
import { names, Results } from "../../scripts/bench/results.ts";

const round = (perSecond: number) => ({ perSecond, p50: 1_000 / perSecond, p99: 5, firstEventP50: null });

/** A run of one round a scenario: the gateway's rate is given for each number of clients, the others have 1,000. */
function run(gateway: readonly number[], peer?: number): Results {
  const results = new Results();
  small.forEach((scenario, i) => {
    for (const name of [names.bare, names.durable]) results.add(scenario, name, round(1_000));
    results.add(scenario, names.gateway, round(gateway[i] ?? Number.NaN));
    if (peer) results.add(scenario, "peer", round(peer));
  });
  return results;
}

const lineOf = (table: string, goal: string) => table.split("\n").find((line) => line.includes(goal));

test("a goal over several client counts is judged by its worst", () => {
  const table = goalTable(run([900, 400, 800]), []);
  expect(lineOf(table, "minimal durable worker, at 1 /")).toBe(
    "| calls/s, × the minimal durable worker, at 1 / 16 / 64 clients | ≥ 0.8 | 0.90 / 0.40 / 0.80 | no | 50 % |",
  );
});

test("a goal that is exactly reached is met", () => {
  const table = goalTable(run([800, 800, 800]), []);
  expect(lineOf(table, "minimal durable worker, at 1 /")).toContain("| yes | – |");
});

test("without a peer no goal beside one is met or missed", () => {
  const table = goalTable(run([900, 900, 900]), []);
  expect(lineOf(table, "the fastest npm peer, at 16")).toBe(
    "| calls/s, × the fastest npm peer, at 16 clients | ≥ 1.2 | not measured | – | – |",
  );
});

test("the peer beside which the gateway looks worst is the one that counts", () => {
  const results = run([1_000, 1_000, 1_000], 500);
  for (const scenario of small) results.add(scenario, "faster", round(2_000));
  const table = goalTable(results, ["peer", "faster"]);
  expect(lineOf(table, "the fastest npm peer, at 16")).toContain("| ≥ 1.2 | 0.50 | no | 58 % |");
});

test("two ways are compared within a round, so that a slow round slows both", () => {
  const results = new Results();
  const [scenario] = small;
  if (!scenario) throw new Error("there is no scenario");
  for (const speed of [1, 0.1, 0.5]) {
    results.add(scenario, names.durable, round(1_000 * speed));
    results.add(scenario, names.gateway, round(700 * speed));
  }
  const share = results.share(scenario, names.gateway, names.durable, (one) => one.perSecond);
  expect(share).toBeCloseTo(0.7);
});
