import { expect, it } from "vitest";
import { Run } from "./run.ts";

const decisions = 200_000;
const policiesMax = 4000;

it("the engine and an independent evaluator agree on 200,000 decisions of random policies", () => {
  const { env } = import.meta as { env?: Record<string, string | undefined> };
  const run = new Run(Number(env?.["ORACLE_SEED"] ?? Date.now() % 1_000_000_000));
  console.log(`ORACLE_SEED=${run.seed}`);
  // The rarest orders of two stages depend on a few policies, so a run that lacks one goes on for a while.
  const enough = (): boolean => run.decisions >= decisions && run.missed().length === 0;
  for (let index = 0; index < policiesMax && !enough(); index++) run.policy(index);
  expect(run.report()).toBe("");
  expect(run.missed()).toEqual([]);
  expect(run.decisions).toBeGreaterThanOrEqual(decisions);
}, 300_000);
