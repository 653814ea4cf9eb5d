// The long run, on demand: `node test/policy/bomb_deep.ts 10000` (bombs), with BOMB_SEED to replay one. Half of them are
// those of the list at sizes of their own, half are random patterns over long texts of letters that they tell apart.
import * as fc from "fast-check";
import { bombs } from "../../scripts/bench/bomb-list.ts";
import { readPolicy } from "../../src/policy/document.ts";
import { argumentsOf, judge, onPay } from "./judge.ts";
import { pattern, text } from "./random-pattern.ts";

const [wanted = 10_000] = process.argv.slice(2).map(Number);
const seed = Number(process.env["BOMB_SEED"] ?? Date.now() % 1_000_000_000);
const [small, large] = [1_024, 65_536];
const promised = { p99Ms: 5, worstMs: 100 };

interface Lit {
  readonly name: string;
  readonly document: string;
  readonly tool: string;
  readonly args: (size: number) => string;
}

const listed = fc.nat(bombs.length - 1).map((at) => bombs[at] as Lit);
const patterned = fc
  .tuple(pattern, text)
  .filter(([regex, unit]) => unit !== "" && readPolicy(documentOf(regex)).ok)
  .map(
    ([regex, unit]): Lit => ({
      name: `${regex} on ${JSON.stringify(unit)}…`,
      document: documentOf(regex),
      tool: "pay",
      args: (size) => JSON.stringify({ text: unit.repeat(Math.ceil(size / Buffer.byteLength(unit))) }),
    }),
  );
const drawn = fc.tuple(fc.oneof(listed, patterned), fc.integer({ min: small, max: large }));

function documentOf(regex: string): string {
  const condition = { path: "args.text", op: "regex", value: regex };
  return JSON.stringify(onPay({ deny_if: [{ conditions: [condition] }] }));
}

/** What this thread has computed, in ms: a machine that is busy with others takes longer by the clock, and computes no more. */
function spentMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** What a decision takes: the least of three, since the first of them compiles. */
function timed({ document, tool, args }: Lit, size: number): { ms: number; broken: boolean } {
  const tools = new Map([[tool, { category: "Write", risk: "high" }]]);
  const call = { arguments: argumentsOf(args(size)) };
  const read = readPolicy(document);
  if (!read.ok) throw new Error(`a bomb that is no policy: ${document}`);
  let [ms, broken] = [Number.POSITIVE_INFINITY, false];
  for (let i = 0; i < 3; i++) {
    const startMs = spentMs();
    const { rule } = judge(null, { server: read.policy, name: tool, tools, call });
    ms = Math.min(ms, spentMs() - startMs);
    broken ||= rule === "(error)";
  }
  return { ms, broken };
}

console.log(`BOMB_SEED=${seed}`);
const shortMs: number[] = [];
let [worstMs, worst, broken] = [0, "", 0];
for (const [bomb, size] of fc.sample(drawn, { numRuns: wanted, seed })) {
  const [short, long] = [timed(bomb, small), timed(bomb, size)];
  shortMs.push(short.ms);
  if (short.broken || long.broken) {
    broken++;
    console.log(`cannot be judged: ${bomb.name} at ${size}`);
  }
  if (long.ms > worstMs) [worstMs, worst] = [long.ms, `${bomb.name} at ${size}`];
}
const p99Ms = shortMs.toSorted((a, b) => a - b)[Math.floor(shortMs.length * 0.99)] ?? Number.NaN;
console.log(
  `BOMBS ${wanted}: ${broken} broke, p99 at 1 KiB ${p99Ms.toFixed(2)} ms, worst ${worstMs.toFixed(1)} ms (${worst})`,
);
process.exitCode = broken === 0 && p99Ms <= promised.p99Ms && worstMs <= promised.worstMs ? 0 : 1;
