import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import * as z from "zod";
import { type Cmux, startCmux } from "../support/cmux.ts";
import { callPlainly, post, toolCall } from "./agent.ts";
import { type Server, Team } from "./team.ts";

const policy = {
  version: "1",
  default: "deny",
  tools: {
    cmux_send: { limits: [{ counter: "send_rate", window: "minute", max: 3, scope: "grant" }] },
    cmux_workspace_snapshot: {},
  },
};

let cmux: Cmux;
let team: Team;
let server: Server;

beforeAll(async () => {
  cmux = await startCmux();
  team = await Team.signUp(inject("gateway").url);
  server = await team.register("cmux", cmux.url);
  await team.savePolicy(server, "careful", policy);
});
afterAll(() => cmux.stop());

const answers = z.array(
  z.object({
    id: z.number(),
    result: z.record(z.string(), z.unknown()).optional(),
    error: z.object({ code: z.number(), message: z.string() }).optional(),
  }),
);

async function batch(token: string, ...messages: object[]) {
  const response = await post(server.gateway_url, token, messages);
  return answers.parse(await response.json()).toSorted((a, b) => a.id - b.id);
}

const send = (id: number) => ({ ...toolCall("cmux_send", { text: "x" }), id });

describe("a batch of the revision that has them", () => {
  it("goes through as a whole, and every call in it counts", async () => {
    const { token } = await team.grant(server, "careful");
    const done = await batch(token, send(1), send(2), { jsonrpc: "2.0", id: 3, method: "tools/list" });
    expect(done.map(({ id, error }) => [id, error])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
    ]);
    const listed = z.array(z.object({ name: z.string() })).parse(done[2]?.result?.["tools"]);
    expect(listed.map(({ name }) => name).toSorted()).toEqual(Object.keys(policy.tools).toSorted());
    expect(JSON.parse(cmux.seen().body)).toHaveLength(3);
    const third = await callPlainly(server.gateway_url, token, "cmux_send", { text: "x" });
    const fourth = await callPlainly(server.gateway_url, token, "cmux_send", { text: "x" });
    expect([third.isError, fourth.decision?.outcome]).toEqual([false, "limited"]);
  });

  it("is refused as a whole for one message in it, reaches nobody and counts nothing", async () => {
    const { token } = await team.grant(server, "careful");
    const before = cmux.seen().requests;
    const refused = await batch(token, send(1), { ...toolCall("cmux_close_all"), id: 2 }, send(3));
    expect(refused[1]?.result).toMatchObject({ isError: true });
    expect(refused.map(({ error }) => error?.message)).toEqual([
      expect.stringContaining("Another message of this batch was refused"),
      undefined,
      expect.stringContaining("Another message of this batch was refused"),
    ]);
    expect(cmux.seen().requests).toBe(before);
    expect((await batch(token, send(1), send(2), send(3))).every(({ result }) => result)).toBe(true);
  });

  it("is refused where its calls together are over a limit, and the limit keeps its room", async () => {
    const { token } = await team.grant(server, "careful");
    const over = await batch(token, send(1), send(2), send(3), send(4));
    expect(over[3]?.result).toMatchObject({
      _meta: {
        "portcullis/decision": { outcome: "limited", rule: "/tools/cmux_send/limits/send_rate-per-minute" },
      },
    });
    expect((await batch(token, send(1), send(2), send(3))).every(({ result }) => result)).toBe(true);
  });

  it("may hold no method that the policy does not allow", async () => {
    const { token } = await team.grant(server, "careful");
    const refused = await batch(token, send(1), { jsonrpc: "2.0", id: 2, method: "tasks/list" });
    expect(refused[1]?.error?.message).toContain("tasks/list");
  });
});
