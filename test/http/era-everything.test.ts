import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { openPolicy } from "../conformance/policy.ts";
import { type EraClient, eraClients } from "./era_client.ts";
import { startEverything, until } from "./harness.ts";
import { type Server, Team } from "./team.ts";

let everything: Awaited<ReturnType<typeof startEverything>>;
let team: Team;
let server: Server;

beforeAll(async () => {
  everything = await startEverything();
  team = await Team.signUp(inject("gateway").url);
  server = await team.register("everything", everything.url);
  await team.savePolicy(server, "open", openPolicy);
  await team.savePolicy(server, "plain", { version: "1", default: "allow" });
});
afterAll(() => everything.stop());

const clientsOfOldServers = eraClients.filter(([name]) => !name.includes("2026-07-28"));

describe.each(clientsOfOldServers)("%s before server-everything", (_name, _era, connect) => {
  let agent: EraClient;

  beforeEach(async () => {
    agent = await connect(server.gateway_url, (await team.grant(server, "open")).token);
  });
  afterEach(() => agent.close());

  it("falls back to initialize through the gateway, and sees every tool as the server lists it", async () => {
    expect(agent.era).toBe("legacy");
    const { tools } = await agent.client.listTools();
    const direct = await connect(everything.url, "no token needed");
    expect(tools).toEqual((await direct.client.listTools()).tools);
    await direct.close();
  });

  it("reads resources, gets prompts and completes arguments", async () => {
    const { contents } = await agent.client.readResource({ uri: "demo://resource/dynamic/text/7" });
    expect(contents).toMatchObject([{ uri: "demo://resource/dynamic/text/7", mimeType: "text/plain" }]);
    const { messages } = await agent.client.getPrompt({
      name: "completable-prompt",
      arguments: { department: "Sales", name: "Eve" },
    });
    expect(messages).toHaveLength(1);
    const { completion } = await agent.client.complete({
      ref: { type: "ref/prompt", name: "completable-prompt" },
      argument: { name: "department", value: "S" },
    });
    expect(completion.values).toEqual(["Sales", "Support"]);
  });

  it("is asked for a model's words, for a form and for its roots, and the server gets the answers", async () => {
    expect(await agent.call("trigger-sampling-request", { prompt: "Where?" })).toContain("Paris");
    expect(await agent.call("trigger-elicitation-request")).toContain("Alice");
    expect(await agent.call("get-roots-list")).toContain("file:///home/alice");
    expect(new Set(agent.heard.asked)).toEqual(new Set(["sampling", "elicitation", "roots"]));
  });

  it("is not asked for its roots on the standalone stream either, where the policy does not permit it", async () => {
    const careful = await connect(server.gateway_url, (await team.grant(server, "plain")).token);
    // First what has a stream of its own: until the standalone one is open, the server's question would get lost.
    expect(await careful.call("trigger-elicitation-request")).toContain("Alice");
    expect(await careful.call("get-roots-list")).toContain("no roots are currently configured");
    expect(careful.heard.asked).toEqual(["elicitation"]);
    await careful.close();
  });

  it("sees progress and hears of a change to what it subscribed to", async () => {
    let reports = 0;
    const options = { onprogress: () => reports++ };
    await agent.call("trigger-long-running-operation", { duration: 0.4, steps: 4 }, options);
    expect(reports).toBe(4);
    const uri = "demo://resource/dynamic/text/1";
    const unsubscribe = await agent.subscribe(uri);
    await agent.call("toggle-subscriber-updates");
    await until(async () => agent.heard.updated.includes(uri));
    await agent.call("toggle-subscriber-updates");
    await unsubscribe();
  });
});

describe("a task of server-everything", () => {
  const methods = {
    "tasks/get": "allow",
    "tasks/result": "allow",
    "tasks/list": "allow",
    "tasks/cancel": "allow",
  };
  const sdk = async (token: string): Promise<Client> => {
    const client = new Client(
      { name: "portcullis-tests", version: "1.0.0" },
      { capabilities: { tasks: { requests: {} } } },
    );
    const headers = { Authorization: `Bearer ${token}` };
    const transport = new StreamableHTTPClientTransport(new URL(server.gateway_url), {
      requestInit: { headers },
    });
    await client.connect(transport as Parameters<Client["connect"]>[0]);
    return client;
  };

  it("is begun, watched to its end and read through the gateway, by the id that its client was given", async () => {
    await team.savePolicy(server, "tasks", { ...openPolicy, methods });
    const client = await sdk((await team.grant(server, "tasks")).token);
    const seen: string[] = [];
    const call = { name: "simulate-research-query", arguments: { topic: "gateways" } };
    const stream = client.experimental.tasks.callToolStream(call, CallToolResultSchema, {
      task: { ttl: 60_000 },
    });
    for await (const message of stream) {
      if (message.type === "taskCreated" || message.type === "taskStatus") seen.push(message.task.taskId);
      if (message.type === "error") throw message.error;
      if (message.type === "result") expect(JSON.stringify(message.result.content)).toContain("gateways");
    }
    const { tasks } = await client.experimental.tasks.listTasks();
    expect(new Set([...seen, ...tasks.map(({ taskId }) => taskId)]).size).toBe(1);
    const other = await sdk((await team.grant(server, "tasks")).token);
    const [id = ""] = seen;
    await expect(other.experimental.tasks.getTask(id)).rejects.toThrow(
      "not what this gateway gave to this grant",
    );
    await Promise.all([client.close(), other.close()]);
  });
});
