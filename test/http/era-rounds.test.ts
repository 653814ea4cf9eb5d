import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import type { Exam } from "../support/exam.ts";
import { eraClients } from "./era_client.ts";
import { examTeam } from "./exam_team.ts";
import type { Server, Team } from "./team.ts";

let exam: Exam;
let team: Team;
let server: Server;

const everything = { sampling: "allow", elicitation: "allow", roots: "allow" };
const limits = (max: number) => [{ counter: "calls", window: "hour", max, scope: "grant" }];

const upTo = (max: number) => ({
  version: "1",
  default: "allow",
  requests: everything,
  all_tools: { limits: limits(max) },
});

beforeAll(async () => {
  ({ exam, team, server } = await examTeam({ "1": upTo(1), "2": upTo(2) }));
});
afterAll(() => exam.stop());

const token = async (policy: string): Promise<string> => (await team.grant(server, policy)).token;

describe.each(eraClients.filter(([, era]) => era === "modern"))("%s", (_name, _era, connect) => {
  it.each([
    ["test_input_required_result_elicitation", "Hello, Alice!"],
    ["test_input_required_result_sampling", "Paris"],
    ["test_input_required_result_multi_round", "Both rounds are over."],
    ["test_input_required_result_multiple_inputs", "Alice"],
  ])("has %s counted once, whether its server gives it a state or not", async (tool, said) => {
    const agent = await connect(server.gateway_url, await token("1"));
    expect(await agent.call(tool)).toContain(said);
    expect(await agent.call(tool)).toContain("[RATE LIMITED]");
    await agent.close();
  });
});

const answer = z.object({
  result: z
    .object({
      resultType: z.string(),
      isError: z.boolean().optional(),
      requestState: z.string().optional(),
      content: z.array(z.object({ text: z.string() })).optional(),
      _meta: z.object({ "portcullis/decision": z.object({ outcome: z.string() }).optional() }).optional(),
    })
    .optional(),
  error: z.object({ code: z.number() }).optional(),
});

const withState = "test_input_required_result_request_state";

/** One round of a modern call, by hand: how it ended in a word, and the state for the next. */
async function round(
  bearer: string,
  carried: Record<string, unknown> = {},
  args: Record<string, unknown> = {},
  tool = withState,
) {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {}, url: {} } },
  };
  const response = await fetch(server.gateway_url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `Bearer ${bearer}`,
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": tool,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: tool, arguments: args, ...carried, _meta },
    }),
  });
  const { result, error } = answer.parse(await response.json());
  const refused = result?._meta?.["portcullis/decision"]?.outcome;
  const word = refused ?? result?.content?.[0]?.text ?? result?.resultType ?? String(error?.code);
  return { word, state: result?.requestState ?? "" };
}

const confirmed = { confirm: { action: "accept", content: { ok: true } } };
const carrying = (requestState: string) => ({ requestState, inputResponses: confirmed });

describe("a state used again", () => {
  it("makes a call that counts, and lets no more through than the limit and one round for each question", async () => {
    const bearer = await token("2");
    const { state } = await round(bearer);
    const words = await Promise.all(Array.from({ length: 12 }, () => round(bearer, carrying(state))));
    // One was counted with the first round, one is the limit's second call.
    expect(words.map(({ word }) => word).sort()).toEqual([
      ...Array.from({ length: 10 }, () => "limited"),
      "state-ok",
      "state-ok",
    ]);
  });

  it("makes a call that counts where it is brought with other arguments or for another tool", async () => {
    const bearer = await token("1");
    const { state } = await round(bearer);
    expect((await round(bearer, carrying(state), { other: 1 })).word).toBe("limited");
    const tampered = "test_input_required_result_tampered_state";
    expect((await round(bearer, carrying(state), {}, tampered)).word).toBe("limited");
    expect((await round(bearer, carrying(state))).word).toBe("state-ok");
  });

  it("proves nothing for another grant, nor once it is changed", async () => {
    const [mine, theirs] = [await token("1"), await token("1")];
    const { state } = await round(mine);
    await round(theirs);
    expect((await round(theirs, carrying(state))).word).toBe("limited");
    expect((await round(mine, carrying(state.replace(",", ", ")))).word).toBe("limited");
    expect((await round(mine, carrying(state))).word).toBe("state-ok");
  });
});

const rows = z.object({ items: z.array(z.object({ id: z.string(), continues: z.string().nullable() })) });

it("the log names the round that another continues", async () => {
  const { id, token: bearer } = await team.grant(server, "1");
  await round(bearer, carrying((await round(bearer)).state));
  await expect
    .poll(
      async () => {
        const page = await team.rest.must(rows, "GET", team.path(`log?grant=${id}`));
        const [second, first] = page.items;
        return [page.items.length, first?.continues, second?.continues === first?.id];
      },
      { timeout: 20_000 },
    )
    .toEqual([2, null, true]);
});

describe("a round that needs a person's approval", () => {
  it("goes to its server with what it carried, once it is approved", async () => {
    const document = { version: "1", default: "allow", all_tools: { limits: limits(1) } };
    const policy = "edited";
    await team.savePolicy(server, policy, document);
    const bearer = await token(policy);
    const first = await round(bearer);
    await team.editPolicy(server, policy, { ...document, tools: { [withState]: { action: "approve" } } });
    const asked = await round(bearer, carrying(first.state));
    expect(asked.word).toBe("approval_required");
    expect(asked.state).toMatch(/^portcullis\./);
    const pending = z.object({ items: z.array(z.object({ id: z.string() })) });
    const { items } = await team.rest.must(pending, "GET", team.path("approvals?state=pending"));
    await team.rest.must(z.unknown(), "POST", team.path(`approvals/${items[0]?.id}/approve`), {});
    const inputResponses = { approval: { action: "accept" } };
    expect((await round(bearer, { requestState: asked.state, inputResponses })).word).toBe("state-ok");
  });
});
