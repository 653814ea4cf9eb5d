// The long comparison, on demand: `node test/oracle/deep.ts 10000000` (decisions), with ORACLE_SEED to replay a run.
import { Run } from "./run.ts";

const wanted = Number(process.argv[2] ?? 10_000_000);
const run = new Run(Number(process.env["ORACLE_SEED"] ?? Date.now() % 1_000_000_000));
const started = Date.now();
const shares = 20;

console.log(`ORACLE_SEED=${run.seed}`);
let shown = 0;
for (let index = 0; run.decisions < wanted; index++) {
  run.policy(index);
  if (run.decisions < ((shown + 1) * wanted) / shares) continue;
  shown++;
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${run.decisions} decisions, ${run.disagreements} disagreements, ${seconds} s`);
}

const missed = run.missed();
if (run.disagreements > 0) console.log(run.report());
if (missed.length > 0) console.log(`never exercised: ${missed.join("; ")}`);
console.log(
  `ORACLE decisions=${run.decisions} disagreements=${run.disagreements} missed=${missed.length} seed=${run.seed}`,
);
process.exitCode = run.disagreements === 0 && missed.length === 0 ? 0 : 1;
