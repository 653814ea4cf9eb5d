import { readJson } from "../../src/json/read.ts";
import type { JsonObject } from "../../src/json/value.ts";
import { readPolicy } from "../../src/policy/document.ts";
import { evaluate, type Question } from "../../src/policy/evaluate.ts";
import { type Bomb, bombs } from "./bomb-list.ts";
import { publish } from "./page.ts";

// What the dearest calls cost that anybody could think of. Run by `npm run bench:bombs`; with `--write` the figures go to
// docs/benchmarks.md. Ends with 1 where a decision takes longer than is promised.

const [small, half, large] = [1_024, 32_768, 65_536];
const promised = { p99Ms: 5, worstMs: 100, ratio: 2.5 };
// Below this the clock and the collector say more than the bomb.
const measurableMs = 2;

function argumentsOf(bomb: Bomb, size: number): JsonObject {
  const read = readJson(bomb.args(size));
  if (!read.ok || !(read.value instanceof Map)) throw new Error(`${bomb.name}: the arguments do not read`);
  return read.value;
}

function asking(bomb: Bomb): (size: number) => Question {
  const read = readPolicy(bomb.document);
  if (!read.ok) throw new Error(`${bomb.name}: ${JSON.stringify(read.errors[0])}`);
  return (size) => ({
    call: { method: "tools/call", kind: "tool", name: bomb.tool, arguments: argumentsOf(bomb, size) },
    team: null,
    server: read.policy,
    frozen: "off",
    tools: new Map([[bomb.tool, { category: "Write", risk: "high" }]]),
    context: {
      server: { name: "b".repeat(64) },
      grant: { label: "bench", tags: [] },
      member: null,
      client: null,
      now: { hour: 12, weekday: 3, date: "2026-01-07" },
    },
  });
}

/** How long each of some decisions took, in milliseconds. */
function measure(question: Question, count: number): number[] {
  return Array.from({ length: count }, () => {
    const startMs = performance.now();
    evaluate(question);
    return performance.now() - startMs;
  });
}

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;

interface Row {
  readonly name: string;
  readonly smallMs: readonly number[];
  readonly halfMs: number;
  readonly largeMs: number;
}

function run(bomb: Bomb): Row {
  const ask = asking(bomb);
  measure(ask(small), 5);
  return {
    name: bomb.name,
    smallMs: measure(ask(small), 20),
    halfMs: median(measure(ask(half), 5)),
    largeMs: median(measure(ask(large), 5)),
  };
}

const rows = bombs.map(run);
const all = rows.flatMap(({ smallMs }) => smallMs).toSorted((a, b) => a - b);
const p99Ms = all[Math.floor(all.length * 0.99)] ?? Number.NaN;
const dearest = rows.toSorted((a, b) => b.largeMs - a.largeMs);
const worstMs = dearest[0]?.largeMs ?? Number.NaN;
const ratios = rows
  .filter(({ halfMs }) => halfMs >= measurableMs)
  .map(({ name, halfMs, largeMs }) => ({ name, ratio: largeMs / halfMs }))
  .toSorted((a, b) => b.ratio - a.ratio);
const steepest = ratios[0]?.ratio ?? 1;

const ms = (value: number): string => value.toFixed(2);
const cell = (name: string): string => `\`${name.replaceAll("|", "\\|")}\``;
publish(
  "Bombs",
  `${rows.length} policies and calls that are made to be dear (scripts/bench/bomb-list.ts): patterns that backtrack elsewhere, globs of stars,
schemas that double, calls inside calls, thousands of conditions on thousands of elements. \`npm run bench:bombs\`, on one thread of
Node ${process.versions.node}.

| | measured | promised |
|---|--:|--:|
| p99 of a decision on 1 KiB of arguments | ${ms(p99Ms)} ms | ${promised.p99Ms} ms |
| the dearest decision on 64 KiB | ${ms(worstMs)} ms | ${promised.worstMs} ms |
| the steepest growth from 32 to 64 KiB | ${steepest.toFixed(2)} × | ${promised.ratio} × |

| the dearest | 1 KiB | 32 KiB | 64 KiB, in ms |
|---|--:|--:|--:|
${dearest
  .slice(0, 10)
  .map((row) => `| ${cell(row.name)} | ${ms(median(row.smallMs))} | ${ms(row.halfMs)} | ${ms(row.largeMs)} |`)
  .join("\n")}`,
);
if (p99Ms > promised.p99Ms || worstMs > promised.worstMs || steepest > promised.ratio) process.exitCode = 1;
