import { expect, test, vi } from "vitest";
import { live } from "./limit_run.ts";

const seeds = 50;
const callers = 2_000;
// A world that fails is lived again with the LIMIT_SEED that it prints.
const { env } = import.meta as { env?: Record<string, string | undefined> };
const firstSeed = Number(env?.["LIMIT_SEED"] ?? Date.now() % 1_000_000_000);

test(`${seeds} worlds of ${callers} callers: never over, never 1 % late, all or nothing, whatever dies or is lost`, async () => {
  // Lost messages are part of the plan.
  const heard = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const seen = new Map<string, number>();
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const { oracle } = await live(seed, callers);
    expect(oracle.violations, `LIMIT_SEED=${seed}`).toEqual([]);
    for (const [key, count] of Object.entries(oracle.seen)) seen.set(key, (seen.get(key) ?? 0) + count);
  }
  heard.mockRestore();
  console.log(`LIMIT_SEED=${firstSeed}`, JSON.stringify(Object.fromEntries(seen)));
  // A world in which nothing goes wrong proves nothing.
  for (const [what, count] of seen) expect(count, what).toBeGreaterThan(seeds);
}, 300_000);
