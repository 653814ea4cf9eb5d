// The long run, on demand: `node test/crash/deep.ts 500` (kills), with CRASH_SEED to repeat one's choices.
import { killing } from "./run.ts";

const kills = Number(process.argv[2] ?? 500);
const seed = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000_000);
console.log(`CRASH_SEED=${seed}`);
const report = await killing(kills, seed);
console.log(JSON.stringify(report));
process.exitCode = report.broken.length === 0 ? 0 : 1;
