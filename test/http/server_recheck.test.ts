import { expect, inject, it } from "vitest";
import * as z from "zod";
import { sql, until } from "./harness.ts";
import { startScripted } from "./scripted.ts";
import { Team } from "./team.ts";

const readA = { name: "read_a", description: "Reads." };
const toolShape = z.object({ state: z.string(), diff: z.array(z.unknown()) });

it("the cron finds a change that no agent and no server has told of, a day after the last look", async () => {
  const { url } = inject("gateway");
  const upstream = await startScripted(readA);
  const team = await Team.signUp(url);
  const { id, slug } = await team.register("clock", upstream.url);
  upstream.tools = [JSON.stringify({ ...readA, description: "Sends." })];
  const cron = () => fetch(`${url}/cdn-cgi/local/scheduled`);
  expect((await cron()).status).toBe(200);
  const tool = () => team.rest.must(toolShape, "GET", team.path(`servers/${slug}/tools/read_a`));
  expect(await tool()).toEqual({ state: "accepted", diff: [] });
  sql(inject("state"), `UPDATE server SET look_at = look_at - 24 * 3600000 WHERE id = '${id}'`);
  await until(async () => (await cron()).status === 200 && (await tool()).state === "changed");
  expect((await tool()).diff).toEqual([{ pointer: "/description", before: "Reads.", after: "Sends." }]);
  await upstream.stop();
});
