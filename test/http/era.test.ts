import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openPolicy } from "../conformance/policy.ts";
import { watchedUri } from "../support/exam/resources.ts";
import type { Exam } from "../support/exam.ts";
import { type EraClient, eraClients } from "./era_client.ts";
import { examTeam } from "./exam_team.ts";
import { until } from "./harness.ts";
import type { Server, Team } from "./team.ts";

let exam: Exam;
let team: Team;
let server: Server;

beforeAll(async () => {
  ({ exam, team, server } = await examTeam({ open: openPolicy }));
});
afterAll(() => exam.stop());

describe.each(eraClients)("%s before a server of both eras", (_name, era, connect) => {
  let agent: EraClient;

  beforeEach(async () => {
    agent = await connect(server.gateway_url, (await team.grant(server, "open")).token);
  });
  afterEach(() => agent.close());

  it("negotiates its era through the gateway, and sees every tool as the server lists it", async () => {
    expect(agent.era).toBe(era);
    const { tools } = await agent.client.listTools();
    const direct = await connect(exam.url, "no token needed");
    expect(tools).toEqual((await direct.client.listTools()).tools);
    await direct.close();
  });

  it("lists and reads resources, fixed and from a template", async () => {
    const { resources } = await agent.client.listResources();
    expect(resources.map(({ uri }) => uri)).toContain("test://static-binary");
    const { resourceTemplates } = await agent.client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(["test://template/{id}/data"]);
    const { contents } = await agent.client.readResource({ uri: "test://template/123/data" });
    expect(contents).toEqual([
      { uri: "test://template/123/data", mimeType: "application/json", text: '{"id":"123"}' },
    ]);
  });

  it("lists and gets prompts, and completes their arguments", async () => {
    const { prompts } = await agent.client.listPrompts();
    expect(prompts.map(({ name }) => name)).toContain("test_prompt_with_arguments");
    const { messages } = await agent.client.getPrompt({
      name: "test_prompt_with_arguments",
      arguments: { arg1: "a", arg2: "b" },
    });
    expect(messages).toEqual([{ role: "user", content: { type: "text", text: "arg1=a arg2=b" } }]);
    const { completion } = await agent.client.complete({
      ref: { type: "ref/prompt", name: "test_prompt_with_arguments" },
      argument: { name: "arg1", value: "par" },
    });
    expect(completion.values).toEqual(["paris", "park", "party"]);
  });

  it("is asked for a model's words, for a form and for its roots, and the server gets the answers", async () => {
    expect(await agent.call("test_sampling", { prompt: "The capital of France?" })).toContain("Paris");
    expect(await agent.call("test_elicitation", { message: "Who are you?" })).toContain("alice");
    expect(await agent.call("test_input_required_result_list_roots")).toContain("file:///home/alice");
    expect(agent.heard.asked).toEqual(["sampling", "elicitation", "roots"]);
  });

  it("is asked twice in one call, and the server's state comes back to it", async () => {
    expect(await agent.call("test_input_required_result_multi_round")).toBe("Both rounds are over.");
    expect(agent.heard.asked).toEqual(["elicitation", "elicitation"]);
  });

  it("sees progress, and the log's lines where it asked for them", async () => {
    let reports = 0;
    await agent.call("test_tool_with_progress", {}, { onprogress: () => reports++ });
    expect(reports).toBe(3);
    await agent.call("test_tool_with_logging", {}, { logs: true });
    expect(agent.heard.logged).toEqual(["started", "working", "finished"]);
  });

  it("hears of a change to what it subscribed to", async () => {
    const unsubscribe = await agent.subscribe(watchedUri);
    await until(async () => {
      await agent.call("test_trigger_resource_update");
      return agent.heard.updated.length > 0;
    });
    expect(new Set(agent.heard.updated)).toEqual(new Set([watchedUri]));
    await unsubscribe();
  });

  if (era === "modern") return;

  it("gets the answer to a call whose stream was cut off", async () => {
    expect(await agent.call("test_reconnection", {}, { timeout: 10_000 })).toBe("You came back for this.");
  });
});

describe("a call that its client cancels", () => {
  // All at once: to notice that a modern client has hung up takes the gateway up to two heart-beats.
  it("is given up by the server, whichever client it is", async () => {
    const { begun, cancelled } = exam.waits;
    const stop = new AbortController();
    const calls = eraClients.map(async ([, , connect]) => {
      const agent = await connect(server.gateway_url, (await team.grant(server, "open")).token);
      const call = agent.call("test_cancellation", {}, { signal: stop.signal, onprogress: () => undefined });
      await expect(call).rejects.toThrow();
      await until(async () => exam.waits.cancelled === cancelled + eraClients.length, 40_000);
      await agent.close();
    });
    await until(async () => exam.waits.begun === begun + eraClients.length);
    stop.abort();
    await Promise.all(calls);
  });
});
