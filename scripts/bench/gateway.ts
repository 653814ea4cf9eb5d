import { others, paused, type Scenario, small } from "./calls.ts";
import { loadFor, loadOf } from "./load.ts";
import { publish } from "./page.ts";
import { cpuMs, memoryMiB } from "./processes.ts";
import { machine, report } from "./report.ts";
import { type Footprint, Results } from "./results.ts";
import { type Subject, Subjects } from "./subjects.ts";

// What the way through the gateway costs, beside the same way without it: everything in one run, in turn, so that a
// machine that slows down slows all of them. About six minutes; BENCH_ROUNDS and BENCH_SECONDS make it more or less.
// Durable Objects write under TMPDIR: where that disk is slow or shared, TMPDIR=/dev/shm leaves it out.
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const smallMs = Number(process.env["BENCH_SECONDS"] ?? 1) * 1_000;
const otherMs = smallMs * 0.4;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** The same calls for everyone: they warm it up, and what it then holds can be compared. */
async function footprint({ target, pid }: Subject): Promise<Footprint> {
  const [, scenario] = small;
  if (!scenario) throw new Error("there is no scenario to compare by");
  const calls = 3_000;
  const idleMiB = memoryMiB(pid);
  await loadOf(target, scenario, 500);
  const beforeMs = cpuMs(pid);
  await loadOf(target, scenario, calls);
  // Ends are told and rows are shipped within two seconds (src/gate, src/gateway/settlement.ts).
  await new Promise((done) => setTimeout(done, 2_500));
  const cpuMsACall = (cpuMs(pid) - beforeMs) / calls;
  await loadOf(target, { ...scenario, answerBytes: 256_000 }, 200);
  return { idleMiB, loadedMiB: memoryMiB(pid), cpuMsACall };
}

/** One scenario for every subject in turn, from either end, so that none always comes after the same one. */
async function measure(scenario: Scenario, turn: number, ms: number): Promise<void> {
  for (const { name, target } of turn % 2 === 0 ? subjects.all : subjects.all.toReversed()) {
    results.add(scenario, name, await loadFor(target, scenario, ms));
  }
}

const subjects = new Subjects();
const results = new Results();
try {
  const described = machine();
  say("Building, installing and starting …");
  await subjects.start();
  for (const why of subjects.missing) say(`Without a peer: ${why}`);
  for (const subject of subjects.all) results.footprints.set(subject.name, await footprint(subject));
  for (let round = 0; round < rounds; round++) {
    say(`Round ${round + 1} of ${rounds} …`);
    for (const scenario of small) await measure(scenario, round, smallMs);
    // What no goal is about is measured every second time.
    if (round % 2 === 1) continue;
    for (const scenario of [...others, ...paused]) await measure(scenario, round / 2, otherMs);
  }
  const names = subjects.all.map(({ name }) => name);
  const { missing } = subjects;
  publish(
    "The way through the gateway",
    report(results, { subjects: names, missing, machine: described, rounds, smallMs, otherMs }),
  );
} finally {
  await subjects.stop();
}
