import { readJson } from "../../src/json/read.ts";
import type { JsonObject } from "../../src/json/value.ts";
import { readPolicy } from "../../src/policy/document.ts";
import { evaluate, type Question } from "../../src/policy/evaluate.ts";
import { publish } from "./page.ts";

// How long one decision takes, compiled once and judged many times, by what the document holds. Run by
// `npm run bench:policy`; with `--write` the table goes to docs/benchmarks.md. Compare rows of one run, not runs.

interface Row {
  readonly name: string;
  readonly microseconds: number;
}

const roundMs = 150;
const rounds = 5;

const condition = (index: number) => ({ path: `args.n${index}`, op: "lte", value: 1_000 });
const group = (count: number) => ({ conditions: Array.from({ length: count }, (_, i) => condition(i)) });
const limited = { limits: [{ counter: "called_rate", window: "minute", max: 10, scope: "grant" }] };

/** A document with `rules` tools, of which one is called; the others only stand beside it. */
const documentOf = (rules: number, called: object): string =>
  JSON.stringify({
    version: "1",
    default: "deny",
    tools: {
      ...Object.fromEntries(Array.from({ length: rules - 1 }, (_, i) => [`other_tool_${i}`, limited])),
      called,
    },
  });

const schema = {
  type: "object",
  required: ["n0", "text"],
  properties: { n0: { type: "integer", maximum: 1_000 }, text: { type: "string", maxLength: 200 } },
};
const pattern = { conditions: [{ path: "args.text", op: "regex", value: "^[a-z]+(?:[ -][a-z]+)*$" }] };

const cases: [name: string, document: string][] = [
  ["1 rule, a limit", documentOf(1, limited)],
  ["10 rules, a limit", documentOf(10, limited)],
  ["20 rules, a limit, 3 conditions (typical)", documentOf(20, { ...limited, require: [group(3)] })],
  ["100 rules, a limit", documentOf(100, limited)],
  ["1,000 rules, a limit", documentOf(1_000, limited)],
  ["1 rule, no limit", documentOf(1, {})],
  ["1 rule, 5 conditions", documentOf(1, { require: [group(5)] })],
  ["1 rule, 20 conditions", documentOf(1, { require: [group(20)] })],
  ["1,000 rules, 20 conditions", documentOf(1_000, { require: [group(20)] })],
  ["1 rule, a regex", documentOf(1, { require: [pattern] })],
  ["1 rule, an arguments schema", documentOf(1, { arguments: schema })],
];

function argumentsOf(): JsonObject {
  const plain = {
    text: "deploy the-new-build now",
    ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`n${i}`, i])),
  };
  const read = readJson(JSON.stringify(plain));
  if (!read.ok || !(read.value instanceof Map)) throw new Error("the arguments do not read");
  return read.value;
}

function questionOf(document: string): Question {
  const read = readPolicy(document);
  if (!read.ok) throw new Error(JSON.stringify(read.errors));
  return {
    call: { method: "tools/call", kind: "tool", name: "called", arguments: argumentsOf() },
    team: null,
    server: read.policy,
    frozen: "off",
    tools: new Map([["called", { category: "Execute", risk: "high" }]]),
    context: {
      server: { name: "bench" },
      grant: { label: "bench", tags: [] },
      member: null,
      client: null,
      now: { hour: 12, weekday: 3, date: "2026-01-07" },
    },
  };
}

/** The median round's time per decision. Every decision must be an allow: a bench of refusals would flatter. */
function measure(document: string): number {
  const question = questionOf(document);
  if (evaluate(question).effect !== "allow") throw new Error("the benchmark's call is not allowed");
  round(question);
  const times = Array.from({ length: rounds }, () => round(question)).sort((a, b) => a - b);
  return times[Math.floor(rounds / 2)] ?? Number.NaN;
}

function round(question: Question): number {
  const startMs = performance.now();
  let decisions = 0;
  do {
    for (let i = 0; i < 200; i++) evaluate(question);
    decisions += 200;
  } while (performance.now() - startMs < roundMs);
  return ((performance.now() - startMs) * 1_000) / decisions;
}

function table(rows: readonly Row[]): string {
  const base = rows[0]?.microseconds ?? 1;
  const lines = rows.map(({ name, microseconds }) => {
    const perSecond = Math.round(1_000_000 / microseconds).toLocaleString("en");
    return `| ${name} | ${microseconds.toFixed(2)} | ${perSecond} | ${(microseconds / base).toFixed(2)} |`;
  });
  return [
    "| document | µs a decision | decisions a second | ratio to the first row |",
    "|---|--:|--:|--:|",
    ...lines,
  ].join("\n");
}

const rows = cases.map(([name, document]): Row => ({ name, microseconds: measure(document) }));
publish(
  "Judging a call",
  `The document is compiled once; each row judges one call with 21 arguments many times, on one thread of Node ${process.versions.node}. The
call is always allowed, so that every stage runs to its end. \`npm run bench:policy\`.

${table(rows)}`,
);
