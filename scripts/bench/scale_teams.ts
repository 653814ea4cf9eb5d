import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { hashPassword } from "../../src/identity/password.ts";
import { Person, repeated, timed } from "./scale_client.ts";
import { fillDatabase, type Known, perTeam } from "./scale_fill.ts";
import { type Goal, goalTable } from "./scale_goals.ts";
import { World } from "./scale_world.ts";
import { documents } from "./snapshot.ts";
import { figure, row, rows } from "./table.ts";

const teams = Number(process.env["BENCH_TEAMS"] ?? 100_000);
const fewTeams = 10;
const grants = 1_000;
const password = "correct horse battery";
// workerd lets go of an object that nobody asked for ten seconds.
const asleepMs = 15_000;
const pushGoalMs = 2_000;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** The reads that are compared, each with its milliseconds at the median. */
type Reads = ReadonlyMap<string, number>;

/** A Worker over a database of so many teams, and who signs in there. */
export async function worldOf(
  dir: string,
  size: number,
): Promise<{ world: World; known: Known; fillMs: number }> {
  const world = await World.build(dir);
  await world.start();
  await world.stop();
  const stored = await hashPassword(password, randomBytes);
  let known: Known | null = null;
  const fillMs = await timed(async () => {
    known = fillDatabase(world.database, size, grants, stored);
  });
  if (!known) throw new Error("nothing was filled");
  await world.start();
  return { world, known, fillMs };
}

export const signIn = ({ url }: World, { email }: Known): Promise<Person> =>
  Person.signIn(url, email, password);

/** What the control plane takes at that size, beside one of ten teams; and an edit that concerns 1,000 grants. */
export async function measureTeams(dir: string, world: World, known: Known): Promise<string> {
  const few = await worldOf(join(dir, "few"), fewTeams);
  const small = await readsOf(few.world, few.known);
  await few.world.stop();
  const large = await readsOf(world, known);
  say("Pushing …");
  const pushes = await pushesOf(world, known);
  const gib = statSync(world.database).size / 2 ** 30;
  return [
    `${figure(teams)} teams, each with ${perTeam.servers} servers of ${perTeam.tools} tools, ${perTeam.policies} policies a server and ${perTeam.grants} grants: D1 holds ${figure(gib, 1)} GiB.`,
    readTable(small, large),
    `A policy is saved that ${figure(grants)} grants have; the time is the whole request's, until all gates act by it.`,
    goalTable(pushes),
  ].join("\n\n");
}

async function readsOf(world: World, known: Known): Promise<Reads> {
  const person = await signIn(world, known);
  const team = `/v1/teams/${known.slug}`;
  const asked: [string, number, () => Promise<unknown>][] = [
    ["sign in (scrypt takes most of it)", 5, () => signIn(world, known)],
    ["who am I, and my teams", 50, () => person.ask("GET", "/v1/me")],
    ["a policy with its document", 50, () => person.ask("GET", `${team}/servers/s0/policies/p0`)],
    ["a server's policies", 50, () => person.ask("GET", `${team}/servers/s0/policies`)],
    ["a page of the team's servers", 50, () => person.ask("GET", `${team}/servers`)],
    ["a page of the team's grants", 50, () => person.ask("GET", `${team}/grants`)],
  ];
  const reads = new Map<string, number>();
  for (const [name, times, work] of asked) reads.set(name, (await repeated(times, work)).p50);
  return reads;
}

function readTable(small: Reads, large: Reads): string {
  const lines = [...large].map(([name, ms]) => {
    const before = small.get(name) ?? Number.NaN;
    return row(name, figure(before, 1), figure(ms, 1), `${figure(ms / before, 2)} ×`);
  });
  const heads = ["ms at the median", `${fewTeams} teams`, `${figure(teams)} teams`, "ratio"];
  return rows(heads, lines);
}

async function pushesOf(world: World, known: Known): Promise<Goal[]> {
  const person = await signIn(world, known);
  let n = 0;
  const push = async (): Promise<void> => {
    const document = { ...documents.full, hide: [`edit_${n++}`] };
    const path = `/v1/teams/${known.slug}/servers/s0/policies/p0`;
    const { in_force: inForce } = await person.ask("PUT", path, { document });
    if (inForce.acknowledged !== grants || inForce.pending !== 0)
      throw new Error(`the push reached ${JSON.stringify(inForce)}`);
  };
  const made = await timed(push);
  const awake = await repeated(5, push);
  await new Promise((done) => setTimeout(done, asleepMs));
  const asleep = await timed(push);
  const line = (name: string, ms: number, mostMs: number | null): Goal => ({
    name,
    unit: "s",
    most: mostMs === null ? null : mostMs / 1_000,
    value: ms / 1_000,
  });
  return [
    // Only here: a grant's creation already asks its gate.
    line("gates that nobody has ever asked", made, null),
    line("gates at work, the median of five", awake.p50, pushGoalMs),
    line("gates at work, the slowest of five", awake.worst, pushGoalMs),
    line("gates that have gone to sleep", asleep, pushGoalMs),
  ];
}
