import { expect, it } from "vitest";
import { killing } from "../crash/run.ts";

const kills = 20;
// The choices of a run are repeated with the CRASH_SEED that it prints; what the kills meet is not.
const seed = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000_000);

it(`${kills} times \`kill -9\` under load: every call seen has one earlier Allow, and no count steps back`, async () => {
  const report = await killing(kills, seed);
  console.log(`CRASH_SEED=${seed}`, JSON.stringify(report));
  expect(report.broken).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(kills);
  // A run in which nothing was cut off, limited or lost proves nothing.
  expect(report.seen).toBeGreaterThan(100);
  expect(report.cutOff).toBeGreaterThan(kills);
  expect(report.limited).toBeGreaterThan(20);
  expect(report.unknownEnds).toBeGreaterThan(0);
});
