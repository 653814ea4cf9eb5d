import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import type { GrantId } from "../../src/id.ts";
import { Agents } from "../crash/agents.ts";
import { limitsOf, policyOf } from "../crash/team.ts";
import { Witness } from "../crash/witness.ts";
import { seeded } from "../gate/limit_world.ts";
import { alive, descendants, type Started, scratch, startPortcullis } from "./harness.ts";
import { Team } from "./team.ts";

const hourMax = 30;
const decisions = z.object({
  items: z.array(
    z.object({
      at: z.iso.datetime(),
      outcome: z.string(),
      target: z.object({ name: z.string() }),
      arguments: z.object({ id: z.string() }).nullable(),
    }),
  ),
  next_cursor: z.string().nullable(),
});
const verified = z.object({ ok: z.boolean(), problem: z.unknown() });

const { dir, drop } = scratch();
const random = seeded(Date.now());
let witness: Witness;
let running: Started;
beforeAll(async () => {
  witness = await Witness.start(random);
  running = startPortcullis(dir, "--no-demo");
});
afterAll(async () => {
  await running.stop();
  await witness.stop();
  drop();
});

/** Kills everything that the command has started, and the command. */
async function killAll(): Promise<void> {
  const pids = [running.pid, ...descendants(running.pid).map(({ pid }) => pid)];
  for (const pid of pids) process.kill(pid, "SIGKILL");
  while (alive(pids).length > 0) await new Promise((done) => setTimeout(done, 20));
}

/** Load, until all is killed in the middle of it. */
async function dieUnder(agents: Agents): Promise<void> {
  let over = false;
  const load = agents.run(() => over);
  await new Promise((done) => setTimeout(done, 1_000 + random() * 1_500));
  await killAll();
  over = true;
  await load;
  await witness.quiet();
}

async function allDecisions(team: Team): Promise<z.infer<typeof decisions>["items"]> {
  const items: z.infer<typeof decisions>["items"] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const path = team.path(`log?limit=100${cursor && `&cursor=${cursor}`}`);
    const page: z.infer<typeof decisions> = await team.rest.must(decisions, "GET", path);
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
}

it("after `kill -9` of all of npm start, twice, it goes on over what it had: each call seen has one earlier Allow", async () => {
  const { url } = await running.ready();
  const team = await Team.signUp(url);
  const server = await team.register("witness", witness.url);
  await team.savePolicy(server, "p", policyOf(limitsOf(hourMax)));
  const { id, token } = await team.grant(server, "p");
  const agents = new Agents(server.gateway_url, [{ grant: id as GrantId, token }], random);
  for (let kill = 0; kill < 2; kill++) {
    await dieUnder(agents);
    running = startPortcullis(dir, "--no-demo");
    expect((await running.ready()).url).toBe(url);
  }
  // The log has every decision two seconds after it was made; gates that were killed go on shipping by themselves.
  await new Promise((done) => setTimeout(done, 4_000));
  const rows = await allDecisions(team);
  const allowed = rows.filter(({ outcome }) => outcome === "allowed");
  expect(new Set(witness.seen.map((one) => one.id)).size).toBe(witness.seen.length);
  for (const { id: call, tool, atMs } of witness.seen) {
    const own = rows.filter((row) => row.arguments?.id === call);
    expect(own, call).toMatchObject([{ outcome: "allowed", target: { name: tool } }]);
    expect(Date.parse(own[0]?.at ?? "")).toBeLessThanOrEqual(atMs);
  }
  for (const tool of ["own", "pool"])
    expect(allowed.filter(({ target }) => target.name === tool).length).toBeLessThanOrEqual(hourMax);
  expect(witness.seen.length).toBeGreaterThan(hourMax);
  expect(rows.some(({ outcome }) => outcome === "limited")).toBe(true);
  expect(await team.rest.must(verified, "GET", team.path("log/verify"))).toMatchObject({ ok: true });
});
