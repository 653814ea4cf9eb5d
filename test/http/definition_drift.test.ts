import fc from "fast-check";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import * as z from "zod";
import { isFault } from "../../src/fault.ts";
import { enrol } from "../../src/upstream/enrol.ts";
import { platformFetch } from "../../src/upstream/fetch.ts";
import { startCmux } from "../support/cmux.ts";
import { callPlainly, post, toolCall } from "./agent.ts";
import { mutation, rewriting } from "./definition_mutation.ts";
import { startEverything, until } from "./harness.ts";
import { type Definition, type Scripted, startScripted } from "./scripted.ts";
import { type Grant, type Server, Team } from "./team.ts";

/** T15 (docs/servers.md). Give the seed that a run prints to run it again. */
const count = 2_000;
const seed = Number(process.env["DRIFT_SEED"] ?? Date.now() % 2 ** 31);

const listShape = z.object({ result: z.object({ tools: z.array(z.object({ name: z.string() })) }) });
const pageShape = z.object({
  items: z.array(z.object({ name: z.string(), state: z.string() })),
  next_cursor: z.string().nullable(),
});

let definitions: readonly Definition[];
let upstream: Scripted;
let team: Team;
let server: Server;
let grant: Grant;

/** The definitions that two real servers list, each under as many names as it takes to have enough. */
async function realDefinitions(): Promise<Definition[]> {
  const running = [await startCmux(), await startEverything()];
  const deps = { fetch: platformFetch, rules: { allowLoopback: true, ownOrigin: "http://localhost:1" } };
  const looks = await Promise.all(running.map(({ url }) => enrol(deps, url, {})));
  await Promise.all(running.map((one) => one.stop()));
  const real = looks.flatMap((look): Definition[] => {
    if (isFault(look) || look.state !== "ready") throw new Error(JSON.stringify(look));
    return look.tools.map(({ definition }) => JSON.parse(definition));
  });
  return Array.from({ length: count }, (_, i) => {
    const one = real[i % real.length];
    if (!one) throw new Error("no definitions");
    return { ...one, name: `${one.name}_${i}` };
  });
}

const sample = <T>(made: fc.Arbitrary<T>, salt: number): T => {
  const [value] = fc.sample(made, { seed: seed + salt, numRuns: 1 });
  if (value === undefined) throw new Error("nothing was made");
  return value;
};

beforeAll(async () => {
  console.info(`DRIFT_SEED=${seed}`);
  definitions = await realDefinitions();
  upstream = await startScripted(...definitions);
  team = await Team.signUp(inject("gateway").url);
  server = await team.register("drifting", upstream.url);
  await team.savePolicy(server, "open", { version: "1", default: "allow" });
  grant = await team.grant(server, "open");
});
afterAll(() => upstream.stop());

async function listed(): Promise<string[]> {
  const message = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const answer = await (await post(server.key_url, grant.token, message)).json();
  return listShape.parse(answer).result.tools.map(({ name }) => name);
}

/** How many tools are in each state. */
async function states(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  let cursor: string | null = "";
  while (cursor !== null) {
    const path = team.path(`servers/${server.slug}/tools?limit=200&cursor=${cursor}`);
    const page: z.infer<typeof pageShape> = await team.rest.must(pageShape, "GET", path);
    for (const { state } of page.items) found[state] = (found[state] ?? 0) + 1;
    cursor = page.next_cursor;
  }
  return found;
}

it("the same definitions written otherwise are no change: every tool stays in the list and accepted", async () => {
  const names = definitions.map(({ name }) => name);
  expect(await listed()).toEqual(names);
  upstream.tools = definitions.map((one, i) => sample(rewriting(one), i));
  expect(upstream.tools.filter((text, i) => text === JSON.stringify(definitions[i])).length).toBeLessThan(50);
  expect(await listed()).toEqual(names);
  await team.rest.must(z.unknown(), "POST", team.path(`servers/${server.slug}/refresh`));
  expect(await states()).toEqual({ accepted: count });
});

it("any one field that changes holds its tool back, from the very list that shows it on", async () => {
  upstream.tools = definitions.map((one, i) => JSON.stringify(sample(mutation(one), i)));
  expect(await listed()).toEqual([]);
  await until(async () => (await states())["changed"] === count);
  expect(await listed()).toEqual([]);
  for (const { name } of definitions.filter((_, i) => i % 100 === 0)) {
    const answer = await post(server.key_url, grant.token, toolCall(name));
    expect(await answer.json()).toMatchObject({ error: { code: -32602 } });
  }
  expect(upstream.calls).toBe(0);
});

it("the accepted definitions, once the server shows them again, are called again", async () => {
  upstream.tools = definitions.map((one, i) => sample(rewriting(one), count + i));
  await listed();
  await until(async () => (await states())["accepted"] === count);
  expect(await listed()).toHaveLength(count);
  const [first] = definitions;
  expect(await callPlainly(server.key_url, grant.token, first?.name ?? "")).toMatchObject({ text: "done" });
});
