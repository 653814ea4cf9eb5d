import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import * as z from "zod";
import { type Cmux, startCmux } from "../support/cmux.ts";
import { callPlainly } from "./agent.ts";
import { type Server, Team } from "./team.ts";

const folder = join(import.meta.dirname, "../fixtures/seed-policies");
const limits = z.array(z.object({ max: z.int() })).optional();
const document = z.object({ tools: z.record(z.string(), z.object({ limits })) });
const seeds = readdirSync(folder).map((file) => {
  const text = readFileSync(join(folder, file), "utf8");
  const [tool, rule] = Object.entries(document.parse(JSON.parse(text)).tools)[0] ?? [];
  return { tool: tool ?? "", max: rule?.limits?.[0]?.max ?? null, document: JSON.parse(text) as unknown };
});

const args: Record<string, Record<string, string>> = {
  cmux_send: { text: "x" },
  cmux_select_workspace: { workspace: "build" },
  cmux_session_save: { name: "s" },
  cmux_session_recover: { name: "s" },
  cmux_workspace_snapshot: {},
};

let cmux: Cmux;
let team: Team;
let server: Server;

beforeAll(async () => {
  cmux = await startCmux();
  team = await Team.signUp(inject("gateway").url);
  server = await team.register("cmux", cmux.url);
  await team.savePolicy(server, "save-only", {
    version: "1",
    default: "deny",
    tools: { cmux_session_save: {} },
  });
  const { token } = await team.grant(server, "save-only");
  await callPlainly(server.gateway_url, token, "cmux_session_save", args["cmux_session_save"]);
});
afterAll(() => cmux.stop());

it("there are five seed policies", () => {
  expect(seeds.map((seed) => seed.tool)).toEqual(Object.keys(args).toSorted());
});

describe.each(seeds)("the seed policy for $tool", ({ tool, max, document: written }) => {
  it("is saved as written and allows its tool, up to its limit", async () => {
    expect((await team.savePolicy(server, tool, written)).revision).toBe(1);
    const { token } = await team.grant(server, tool);
    for (let i = 0; i < (max ?? 40); i++) {
      expect((await callPlainly(server.gateway_url, token, tool, args[tool])).isError).toBe(false);
    }
    const next = await callPlainly(server.gateway_url, token, tool, args[tool]);
    expect(next.decision?.outcome ?? "allowed").toBe(max === null ? "allowed" : "limited");
  });

  it("refuses every other tool", async () => {
    const { token } = await team.grant(server, tool);
    const before = cmux.seen().tools["cmux_close_all"];
    for (const other of [...Object.keys(args), "cmux_close_all"].filter((name) => name !== tool)) {
      const refused = await callPlainly(server.gateway_url, token, other, args[other]);
      expect(refused.decision).toMatchObject({ outcome: "denied", rule: "(default deny)" });
    }
    expect(cmux.seen().tools["cmux_close_all"]).toBe(before);
  });
});
