import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { type Deep, programme } from "./deep/programme.ts";
import { root } from "./start/wrangler.ts";

const usage = `npm run test:deep -- [T1 T14 …] [--scale 0.01] [--seed N]

${programme.map(({ id, size, what }) => `  ${id.padEnd(4)}${size.toLocaleString("en")} ${what}`).join("\n")}`;

function chosen(): { tests: readonly Deep[]; scale: number; seed: number | null } {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { scale: { type: "string", default: "1" }, seed: { type: "string" } },
  });
  const names = positionals.map((name) => name.toUpperCase());
  const tests = programme.filter(({ id }) => names.length === 0 || names.includes(id));
  const [scale, seed] = [Number(values.scale), values.seed === undefined ? null : Number(values.seed)];
  const known = names.every((name) => programme.some(({ id }) => id === name));
  if (!known || !(scale > 0) || Number.isNaN(seed)) throw new Error(usage);
  return { tests, scale, seed };
}

/** Runs one test to its end; its own output passes through. */
function passes(test: Deep, size: number, seed: number): boolean {
  const { args, env } = test.run(size, seed);
  const startMs = Date.now();
  console.log(`\n${test.id}: ${size.toLocaleString("en")} ${test.what}, seed ${seed}`);
  const done = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  const passed = done.status === 0;
  const seconds = Math.round((Date.now() - startMs) / 1000);
  console.log(`${test.id} ${passed ? "passed" : "FAILED"}: size=${size} seed=${seed} seconds=${seconds}`);
  return passed;
}

try {
  const { tests, scale, seed } = chosen();
  const results = tests.map((test) =>
    passes(test, Math.max(1, Math.round(test.size * scale)), seed ?? Date.now() % 1_000_000_000),
  );
  const passed = results.filter(Boolean).length;
  console.log(`\nDEEP ${passed} passed, ${results.length - passed} failed`);
  process.exitCode = passed === results.length ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
