import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import type { Exam } from "../support/exam.ts";
import { type EraClient, eraClients } from "./era_client.ts";
import { examTeam } from "./exam_team.ts";
import type { Server, Team } from "./team.ts";

let exam: Exam;
let team: Team;
let server: Server;

beforeAll(async () => {
  ({ exam, team, server } = await examTeam({
    plain: { version: "1", default: "allow" },
    silent: { version: "1", default: "allow", requests: { sampling: "allow", elicitation: "deny" } },
  }));
});
afterAll(() => exam.stop());

const denied = (request: string): string => `Denied by rule /requests/${request}.`;

const events = z.object({
  items: z.array(
    z.object({
      action: z.string(),
      actor: z.string(),
      subject: z.string(),
      detail: z.record(z.string(), z.unknown()),
    }),
  ),
});

it("leaves in the team's log which server asked for what it may not, once for all its tries", async () => {
  const { id, token } = await team.grant(server, "plain");
  const [, , connect] = eraClients[1] ?? [];
  const agent = await connect?.(server.gateway_url, token);
  for (let i = 0; i < 3; i++) await agent?.call("test_input_required_result_list_roots");
  await agent?.close();
  const told = async () => {
    const { items } = await team.rest.must(events, "GET", team.path("events"));
    return items.filter(({ detail }) => detail["grant"] === id);
  };
  const counted = async () => (await told()).reduce((sum, { detail }) => sum + Number(detail["count"]), 0);
  await expect.poll(counted, { timeout: 40_000, interval: 1_000 }).toBe(3);
  expect((await told())[0]).toEqual({
    action: "server_request.refused",
    actor: "system",
    subject: server.id,
    detail: { grant: id, rule: "/requests/roots", count: expect.any(Number), since: expect.any(String) },
  });
});

describe.each(eraClients)(
  "%s, whose server asks for more than the policy permits",
  (_name, _era, connect) => {
    let agent: EraClient;
    const as = async (policy: string): Promise<void> => {
      agent = await connect(server.gateway_url, (await team.grant(server, policy)).token);
    };
    afterEach(() => agent.close());

    describe("under a policy that says nothing of it", () => {
      beforeEach(() => as("plain"));

      it("is not asked for a model's words nor for its roots, and the call fails with the rule", async () => {
        expect(await agent.call("test_sampling", { prompt: "Hello?" })).toContain(denied("sampling"));
        expect(await agent.call("test_input_required_result_list_roots")).toContain(denied("roots"));
        expect(agent.heard.asked).toEqual([]);
      });

      it("is asked for a form, but for nothing where the server wants more with it", async () => {
        expect(await agent.call("test_elicitation", { message: "Who?" })).toContain("alice");
        expect(agent.heard.asked).toEqual(["elicitation"]);
        const refused = await agent.call("test_input_required_result_multiple_inputs");
        expect(refused).toMatch(/Denied by rule \/requests\/(?:sampling|roots)\./);
      });
    });

    it("is not asked for a form where the policy denies that", async () => {
      await as("silent");
      expect(await agent.call("test_elicitation", { message: "Who?" })).toContain(denied("elicitation"));
      expect(agent.heard.asked).toEqual([]);
      expect(await agent.call("test_sampling", { prompt: "Hello?" })).toContain("Paris");
    });
  },
);
