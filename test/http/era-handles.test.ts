import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { openPolicy } from "../conformance/policy.ts";
import type { Exam } from "../support/exam.ts";
import { examTeam } from "./exam_team.ts";
import type { Server, Team } from "./team.ts";

let exam: Exam;
let team: Team;
let server: Server;

beforeAll(async () => {
  ({ exam, team, server } = await examTeam({ open: openPolicy }));
});
afterAll(() => exam.stop());

const answer = z.object({
  result: z
    .object({
      resultType: z.string(),
      requestState: z.string().optional(),
      inputRequests: z.record(z.string(), z.unknown()).optional(),
      content: z.array(z.object({ text: z.string() })).optional(),
    })
    .optional(),
  error: z.object({ code: z.number(), message: z.string() }).optional(),
});

const tool = "test_input_required_result_request_state";

/** One round of a modern call that asks for a confirmation. */
async function round(url: string, token: string | null, requestState?: string) {
  const answered = requestState === undefined ? {} : { requestState, inputResponses: { confirm: accepted } };
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  };
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": tool,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: tool, arguments: {}, ...answered, _meta },
    }),
  });
  return answer.parse(await response.json());
}

const accepted = { action: "accept", content: { ok: true } };

describe("the state that a server gives a call to carry", () => {
  it("comes back to the server for the grant that carried it, and is refused to any other", async () => {
    const [mine, theirs] = [await team.grant(server, "open"), await team.grant(server, "open")];
    const state = (await round(server.gateway_url, mine.token)).result?.requestState ?? "";
    expect((await round(server.gateway_url, theirs.token, state)).error?.code).toBe(-32602);
    expect((await round(server.gateway_url, mine.token, state)).result?.content).toEqual([
      { text: "state-ok" },
    ]);
  });

  it("is refused where it was got from the server behind the gateway's back", async () => {
    const { token } = await team.grant(server, "open");
    const state = (await round(exam.url, null)).result?.requestState ?? "";
    expect((await round(exam.url, null, state)).result?.content).toEqual([{ text: "state-ok" }]);
    expect((await round(server.gateway_url, token, state)).error?.code).toBe(-32602);
  });
});
