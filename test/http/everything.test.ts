import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { clientsOfOldServers } from "./agent.ts";
import { startEverything } from "./harness.ts";
import { type Server, Team } from "./team.ts";

const policy = {
  version: "1",
  default: "deny",
  tools: {
    echo: { limits: [{ counter: "echo_rate", window: "minute", max: 3, scope: "grant" }] },
    "get-sum": {
      deny_if: [{ conditions: [{ path: "args.a", op: "gt", value: 100 }], on_deny: "Too much." }],
    },
    "trigger-long-running-operation": {},
  },
};

let everything: Awaited<ReturnType<typeof startEverything>>;
let team: Team;
let server: Server;

beforeAll(async () => {
  everything = await startEverything();
  team = await Team.signUp(inject("gateway").url);
  server = await team.register("everything", everything.url);
  await team.savePolicy(server, "careful", policy);
});
afterAll(() => everything.stop());

describe.each(clientsOfOldServers)("%s before server-everything", (_name, connect) => {
  it("lists what the policy lets it call, in a session", async () => {
    const agent = await connect(server.gateway_url, (await team.grant(server, "careful")).token);
    expect((await agent.tools()).toSorted()).toEqual(Object.keys(policy.tools).toSorted());
    await agent.close();
  });

  it("calls, is limited and is refused as by any other server", async () => {
    const agent = await connect(server.gateway_url, (await team.grant(server, "careful")).token);
    for (let i = 0; i < 3; i++) {
      expect(await agent.call("echo", { message: "hi" })).toMatchObject({ isError: false, text: "Echo: hi" });
    }
    expect((await agent.call("echo", { message: "hi" })).text).toMatch(/^\[RATE LIMITED\] 3 per minute/);
    expect((await agent.call("get-sum", { a: 2, b: 3 })).text).toContain("5");
    expect((await agent.call("get-sum", { a: 101, b: 3 })).text).toBe("[POLICY DENIED] Too much.");
    expect((await agent.call("get-env", {})).decision?.rule).toBe("(default deny)");
    await agent.close();
  });

  it("sees progress while a long operation runs", async () => {
    const agent = await connect(server.gateway_url, (await team.grant(server, "careful")).token);
    const began = Date.now();
    const arrivals: number[] = [];
    await agent.call("trigger-long-running-operation", { duration: 2, steps: 4 }, () => {
      arrivals.push(Date.now() - began);
    });
    expect(arrivals.length).toBeGreaterThanOrEqual(3);
    expect(Date.now() - began - (arrivals[0] ?? 0)).toBeGreaterThan(900);
    await agent.close();
  });
});
