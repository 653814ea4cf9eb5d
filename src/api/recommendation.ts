import * as z from "zod/mini";
import { isFault } from "../fault.ts";
import { rateText } from "../risk/rated.ts";
import { type Recommendation, recommend } from "../risk/recommend.ts";
import { type Tier, tiers } from "../risk/tier.ts";
import { listTools, type Tool } from "../store/tool.ts";
import { type Operation, teamOperation } from "./operation.ts";
import { documentBody } from "./policy_view.ts";
import { reply } from "./reply.ts";
import { serverOf } from "./server_view.ts";
import { toolsMax } from "./tool.ts";

const tier = z
  ._default(z.enum(tiers), "recommended")
  .check(
    z.describe(
      "`strict` for an agent that mostly looks, `recommended` for one at work, `permissive` for one that somebody watches.",
    ),
  );

const advice = z.strictObject({
  tool: z.string(),
  effect: z
    .enum(["allow", "approve", "hide", "deny"])
    .check(z.describe("What becomes of a call that no part of the rule refuses.")),
  rule: z
    .nullable(z.record(z.string(), z.unknown()))
    .check(z.describe("The tool's rule in the document; null where it has none.")),
  why: z.array(
    z.strictObject({
      pointer: z.string().check(z.describe("RFC 6901, into the document")),
      because: z.string(),
    }),
  ),
});

const recommendation = z
  .strictObject({ tier: z.enum(tiers), document: documentBody, tools: z.array(advice) })
  .register(z.globalRegistry, { id: "Recommendation" });

/** The policy that a server's tools call for, as every answer shows it. Tools that are gone are left out. */
export function recommendationFor(tools: readonly Tool[], tier: Tier): Recommendation {
  const seen = tools.flatMap(({ seenDefinition }) =>
    seenDefinition === null ? [] : rateText(seenDefinition),
  );
  return recommend(seen, tier);
}

/** A policy to begin with, and why it is as it is. */
export const recommendationOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "get_recommendation",
      method: "get",
      path: "/v1/teams/{team}/servers/{server}/recommendation",
      tag: "Servers",
      summary:
        "The policy that the server's tools call for, in one of three tiers, with the reason of each part",
      query: z.strictObject({ tier }),
      answers: { 200: recommendation },
    },
    async (call) => {
      const server = await serverOf(call);
      if (isFault(server)) return server;
      const tools = await listTools(call.db, call.team.id, server.id, "", toolsMax);
      return reply(200, { tier: call.query.tier, ...recommendationFor(tools, call.query.tier) });
    },
  ),
];
