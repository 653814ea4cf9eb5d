import { statSync } from "node:fs";
import { decisionId } from "../../src/id.ts";
import { quantiles } from "./median.ts";
import { type Person, repeated, timed } from "./scale_client.ts";
import type { Known } from "./scale_fill.ts";
import { type Goal, goalTable } from "./scale_goals.ts";
import { signIn } from "./scale_teams.ts";
import type { World } from "./scale_world.ts";
import { figure } from "./table.ts";
import type { Fill } from "./workers/scale.ts";

const rowsMin = Number(process.env["BENCH_ROWS"] ?? 1_000_000);
const callsTogether = 10_000;
const gates = 100;
const days = 30;
const dayMs = 86_400_000;
const verifyGoalS = 60;
const turnsMax = 100;

/** A log of a million rows, grown by its own `append`: what its readers wait for, and how long it takes to verify all of it. */
export async function measureLog(world: World, known: Known): Promise<string> {
  const startMs = Date.now() - days * dayMs;
  const everyMs = (days * dayMs) / (rowsMin / 2);
  let head = 0;
  let calls = 0;
  const fillMs = await timed(async () => {
    for (; head < rowsMin; calls += callsTogether) {
      const given: Fill = {
        team: known.team,
        grants: known.grants.slice(0, gates),
        member: known.user,
        server: known.server,
        first: calls,
        calls: callsTogether,
        startMs,
        everyMs,
      };
      const filled = await fetch(`${world.url}/bench/log`, { method: "POST", body: JSON.stringify(given) });
      head = ((await filled.json()) as { n: number }).n;
    }
  });
  const person = await signIn(world, known);
  await untilSealed(person, known, head);
  const bytes = Math.max(...world.objects("TeamLog").map((file) => statSync(file).size));
  return [
    `${figure(head)} entries of ${figure(calls)} calls by ${gates} grants in ${days} days, appended ${figure(head / (fillMs / 1_000))} a second: ${figure(bytes / 2 ** 20)} MiB, ${figure(bytes / calls)} bytes a call with its end.`,
    goalTable(await queriesOf(person, known, startMs, head)),
    goalTable(await verifyingOf(world, person, known, head)),
  ].join("\n\n");
}

/** The log seals itself behind what is appended; what is open for too long would be a problem to `verify`. */
async function untilSealed(person: Person, { slug }: Known, head: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { items } = await person.ask(
      "GET",
      `/v1/teams/${slug}/log/checkpoints?limit=1&cursor=${head - 2_000}`,
    );
    if (items.length > 0) return;
    await new Promise((done) => setTimeout(done, 500));
  }
  throw new Error("the log does not seal what it has");
}

async function queriesOf(
  person: Person,
  { slug, grants }: Known,
  startMs: number,
  head: number,
): Promise<Goal[]> {
  const log = `/v1/teams/${slug}/log`;
  const at = (day: number): string => new Date(startMs + day * dayMs).toISOString();
  const [grant] = grants;
  if (!grant) throw new Error("the team has no grants");
  const queries: [string, string][] = [
    ["the newest 50", "limit=50"],
    ["50 in the middle", `limit=50&cursor=${Math.floor(head / 2)}`],
    ["the newest 50 of a grant", `limit=50&grant=${grant}`],
    ["the newest 50 that were limited", "limit=50&outcome=limited"],
    ["50 of one tool", "limit=50&tool=tool_7"],
    ["a tool that hardly anybody calls: one page's look", "limit=50&tool=rare"],
    ["50 of an hour two weeks ago", `limit=50&from=${at(15)}&to=${at(15 + 1 / 24)}`],
    [
      "that were denied, in an hour two weeks ago",
      `limit=50&outcome=denied&from=${at(15)}&to=${at(15 + 1 / 24)}`,
    ],
  ];
  const goals: Goal[] = [];
  const add = async (name: string, path: string): Promise<void> => {
    const { p50 } = await repeated(20, () => person.ask("GET", path));
    goals.push({ name, unit: "ms", most: null, value: p50 });
  };
  for (const [name, query] of queries) await add(name, `${log}?${query}`);
  await add("one decision", `${log}/${decisionId(grant, 2)}`);
  await add("charts: 30 days by tool", `/v1/teams/${slug}/stats?by=tool&step=day&from=${at(0)}`);
  return goals;
}

async function verifyingOf(
  world: World,
  person: Person,
  { slug, team }: Known,
  head: number,
): Promise<Goal[]> {
  let looked = 0;
  const wholeMs = await timed(async () => {
    for (let cursor: string | null = ""; cursor !== null; ) {
      const query: string = cursor === "" ? "" : `?cursor=${cursor}`;
      const range = await person.ask("GET", `/v1/teams/${slug}/log/verify${query}`);
      if (!range.ok) throw new Error(`the log does not verify: ${JSON.stringify(range.problem)}`);
      looked += range.to - range.from + 1;
      cursor = range.next_cursor;
    }
  });
  if (looked < head) throw new Error(`only ${looked} entries of ${head} were looked at`);
  const turns: number[] = [];
  for (let i = 0; i < turnsMax; i++) {
    const from = 1 + Math.floor((head / turnsMax) * i);
    const asked = (): Promise<unknown> =>
      fetch(`${world.url}/bench/verify?team=${team}&from=${from}`).then((one) => one.json());
    turns.push(await timed(asked));
  }
  return [
    { name: "verify all of it, signatures too", unit: "s", most: verifyGoalS, value: wholeMs / 1_000 },
    {
      name: "one turn of the log in that, the median",
      unit: "ms",
      most: null,
      value: quantiles(turns)(0.5),
    },
    { name: "one turn of the log in that, the longest", unit: "ms", most: null, value: Math.max(...turns) },
  ];
}
