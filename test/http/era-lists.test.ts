import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Exam } from "../support/exam.ts";
import { type EraClient, eraClients } from "./era_client.ts";
import { examTeam } from "./exam_team.ts";
import type { Server, Team } from "./team.ts";

const policy = {
  version: "1",
  default: "deny",
  tools: { "test_*_content": {}, test_simple_text: {}, test_audio_content: { action: "deny" } },
  resources: { "test://static-*": {} },
  prompts: { test_simple_prompt: {} },
};

let exam: Exam;
let team: Team;
let server: Server;

beforeAll(async () => {
  ({ exam, team, server } = await examTeam({ narrow: policy }));
});
afterAll(() => exam.stop());

describe.each(eraClients)("%s under a narrow policy", (_name, era, connect) => {
  let agent: EraClient;

  beforeEach(async () => {
    agent = await connect(server.gateway_url, (await team.grant(server, "narrow")).token);
  });
  afterEach(() => agent.close());

  it("sees of every list what it may use, in the server's order", async () => {
    const { tools } = await agent.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["test_simple_text", "test_image_content"]);
    const { resources } = await agent.client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(["test://static-text", "test://static-binary"]);
    expect((await agent.client.listResourceTemplates()).resourceTemplates).toEqual([]);
    const { prompts } = await agent.client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(["test_simple_prompt"]);
  });

  if (era === "legacy") return;

  it("is told to keep what it sees to itself, whatever the server says", async () => {
    const lists = await Promise.all([
      agent.client.listTools(),
      agent.client.listResources(),
      agent.client.listResourceTemplates(),
      agent.client.listPrompts(),
      agent.client.discover(),
    ]);
    expect(lists.map(({ ttlMs, cacheScope }) => [ttlMs, cacheScope])).toEqual(
      lists.map(() => [1_000, "private"]),
    );
  });
});
