import { statfsSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem, type } from "node:os";
import { others, paused, type Scenario, small } from "./calls.ts";
import { goalTable } from "./goals.ts";
import { firstEvent, names, p50, p99, perSecond, type Results } from "./results.ts";
import { figure, row, rows } from "./table.ts";
import { runtimeVersion } from "./workerd.ts";

/** What a run had to work with. */
export interface Run {
  readonly subjects: readonly string[];
  readonly missing: readonly string[];
  readonly machine: string;
  readonly rounds: number;
  readonly smallMs: number;
  readonly otherMs: number;
}

// statfs(2): TMPFS_MAGIC.
const tmpfs = 0x01021994;

/** The machine, where Durable Objects write, and how busy it was before the run: a busy one measures its own work too. */
export function machine(): string {
  const gib = Math.round(totalmem() / 2 ** 30);
  const busy = (loadavg()[0] ?? 0).toFixed(1);
  const disk = statfsSync(tmpdir()).type === tmpfs ? "in memory" : "on its disk";
  return `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, ${gib} GiB, ${type()} ${release()}, Node ${process.version}, workerd ${runtimeVersion}, Durable Objects ${disk}; load average ${busy} before the run`;
}

/** The section of docs/benchmarks.md: what was measured and how, the goals, the figures. */
export function report(results: Results, run: Run): string {
  const peers = run.subjects.filter((name) => !Object.values(names).includes(name));
  return [
    intro(run),
    goalTable(results, peers),
    `A small call: 60 B of text in the arguments, 100 B in the answer, JSON. Medians of ${run.rounds} rounds of ${figure(run.smallMs)} ms.`,
    smallTable(results, run.subjects),
    `The other calls: calls a second. Medians of ${Math.ceil(run.rounds / 2)} rounds of ${figure(run.otherMs)} ms.`,
    otherTable(results, run.subjects, perSecond, 0),
    "The same calls: milliseconds at the median.",
    otherTable(results, run.subjects, p50, 2),
    "A stream of 10 kB that pauses for 50 ms after its first event: milliseconds at the median.",
    pausedTable(results, run.subjects),
    "Processes: MiB resident before the first call, and after the same calls for each (3,500 small ones, 200 with 256 kB); processor time that one small call takes, with what is done behind the answer.",
    footprintTable(results, run.subjects),
    limitsOfIt,
  ].join("\n\n");
}

const intro = ({ machine, missing }: Run): string =>
  [
    "Everything runs on loopback on one machine and in one run, in turn: straight to the upstream; a Worker that passes on",
    "what comes; a Worker that writes one row in a Durable Object before it passes a call on, and judges nothing; the gateway",
    "(JWT, strict decoding, a policy of 20 tools with three conditions and two limits each, the decision's row); the gateway",
    "on a rule without a limit; and what npm has. Workers run on workerd as `wrangler deploy` builds them. Client, upstream",
    `and proxies share the cores. ${machine}. \`npm run bench\`.`,
    ...missing.map((why) => `Without a peer: ${why}.`),
  ].join("\n");

const limitsOfIt = [
  "Ratios are medians of the ratios within a round. mcp-proxy and supergateway authenticate, judge and record nothing;",
  "`mcp-proxy` is its library in front of the upstream in one process, without its event store, and the other row is the two",
  "commands, of which the second drops progress events. MCPX is a container image and not in npm, so it is not here.",
].join("\n");

function smallTable(results: Results, subjects: readonly string[]): string {
  const lines = small.flatMap((scenario) =>
    subjects.map((name) =>
      row(
        `${clientsOf(scenario)}: ${name}`,
        figure(results.of(scenario, name, perSecond)),
        figure(results.of(scenario, name, p50), 2),
        figure(results.of(scenario, name, p99), 2),
        figure(results.share(scenario, name, names.bare, perSecond), 2),
        figure(results.share(scenario, name, names.durable, perSecond), 2),
      ),
    ),
  );
  return rows(["", "calls/s", "p50 ms", "p99 ms", "× bare", "× durable"], lines);
}

function otherTable(
  results: Results,
  subjects: readonly string[],
  measure: typeof p50,
  digits: number,
): string {
  const lines = others.map((scenario) =>
    row(
      `${callOf(scenario)}, ${clientsOf(scenario)}`,
      ...subjects.map((name) => figure(results.of(scenario, name, measure), digits)),
      figure(results.share(scenario, names.gateway, names.bare, measure), 2),
      figure(results.share(scenario, names.gateway, names.durable, measure), 2),
    ),
  );
  return rows(["", ...subjects, "gateway × bare", "gateway × durable"], lines);
}

function pausedTable(results: Results, subjects: readonly string[]): string {
  const lines = subjects.map((name) =>
    row(
      name,
      ...paused.flatMap((scenario) => [
        figure(results.of(scenario, name, firstEvent), 2),
        figure(results.of(scenario, name, p50), 2),
      ]),
    ),
  );
  const heads = paused.flatMap((scenario) => [`first event, ${clientsOf(scenario)}`, "whole"]);
  return rows(["", ...heads], lines);
}

function footprintTable(results: Results, subjects: readonly string[]): string {
  const bare = results.footprints.get(names.bare)?.loadedMiB ?? Number.NaN;
  const lines = subjects.map((name) => {
    const {
      idleMiB = Number.NaN,
      loadedMiB = Number.NaN,
      cpuMsACall = Number.NaN,
    } = results.footprints.get(name) ?? {};
    return row(
      name === names.direct ? "the upstream itself" : name,
      figure(idleMiB),
      figure(loadedMiB),
      figure(loadedMiB / bare, 2),
      figure(cpuMsACall, 3),
    );
  });
  return rows(["", "idle MiB", "after MiB", "× bare", "CPU ms a call"], lines);
}

const clientsOf = ({ clients }: Scenario): string => `${clients} client${clients === 1 ? "" : "s"}`;

function callOf({ stream, argumentBytes, answerBytes }: Scenario): string {
  if (argumentBytes > 1_000) return `JSON, ${size(argumentBytes)} of arguments`;
  return `${stream ? "SSE" : "JSON"}, ${size(answerBytes)}`;
}

const size = (bytes: number): string => (bytes < 1_000 ? `${bytes} B` : `${bytes / 1_000} kB`);
