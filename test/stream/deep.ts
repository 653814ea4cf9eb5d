// The long run, on demand: `node test/stream/deep.ts 500` (seeds), with STREAM_SEED to repeat one's choices.
import { Streams } from "./run.ts";
import { scripts } from "./scripts.ts";

const seeds = Number(process.argv[2] ?? 500);
const first = Number(process.env["STREAM_SEED"] ?? Date.now() % 1_000_000_000);
console.log(`STREAM_SEED=${first}`);
const streams = await Streams.start(scripts);
let broken = 0;
for (let seed = first; seed < first + seeds; seed++) {
  for (const one of await streams.play(seed)) {
    broken++;
    console.log(`STREAM_SEED=${seed} ${one}`);
  }
}
await streams.stop();
console.log(`${seeds * scripts.length} faults, ${broken} broken`);
process.exit(broken === 0 ? 0 : 1);
