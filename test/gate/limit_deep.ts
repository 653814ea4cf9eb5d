// The long run, on demand: `node test/gate/limit_deep.ts 500 10000` (worlds, callers), with LIMIT_SEED to replay one.
import { live } from "./limit_run.ts";

const [worlds = 500, callers = 10_000] = process.argv.slice(2).map(Number);
const first = Number(process.env["LIMIT_SEED"] ?? Date.now() % 1_000_000_000);
// Lost messages are part of the plan.
console.error = () => undefined;

let failed = 0;
const seen = new Map<string, number>();
for (let seed = first; seed < first + worlds; seed++) {
  const { oracle } = await live(seed, callers);
  const { violations } = oracle;
  for (const [what, count] of Object.entries(oracle.seen)) seen.set(what, (seen.get(what) ?? 0) + count);
  if (violations.length === 0) continue;
  failed++;
  console.log(`LIMIT_SEED=${seed}`, violations.slice(0, 5));
}
console.log(`${worlds} worlds of ${callers} callers from LIMIT_SEED=${first}: ${failed} failed`);
console.log(JSON.stringify(Object.fromEntries(seen)));
process.exitCode = failed === 0 ? 0 : 1;
