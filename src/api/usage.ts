import * as z from "zod/mini";
import { isFault } from "../fault.ts";
import type { LimitUsage } from "../gate/rpc.ts";
import { standingGrantOf } from "./grant_view.ts";
import { type Operation, teamOperation } from "./operation.ts";
import { reply, timestamp } from "./reply.ts";

const usageShape = z
  .strictObject({
    rule: z.string(),
    server: z
      .nullable(z.string())
      .check(z.describe("A slug; null where the limit spans the team's servers.")),
    counter: z.string(),
    scope: z.enum(["grant", "member", "server", "team"]),
    window: z.union([z.string(), z.int()]).check(z.describe("As the policy writes it: a name, or seconds.")),
    shadow: z.boolean().check(z.describe("It only counts, past its max too, and refuses nothing.")),
    max: z.number(),
    used: z.number(),
    remaining: z.number(),
    resets_at: z
      .nullable(z.iso.datetime())
      .check(z.describe("When some of what was used comes back; null where nothing was.")),
  })
  .register(z.globalRegistry, { id: "LimitUsage" });

/** How much of its limits a grant has used. */
export const usageOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "get_usage",
      method: "get",
      path: "/v1/teams/{team}/grants/{grant}/usage",
      tag: "Grants",
      summary: "Every limit of the grant's policies, how much of it is used and when that comes back",
      answers: { 200: z.strictObject({ items: z.array(usageShape) }) },
    },
    async (call) => {
      const grant = await standingGrantOf(call);
      if (isFault(grant)) return grant;
      const usage = await call.deps.gate(grant.id).usage(grant.id);
      return reply(200, { items: usage.map(show) });
    },
  ),
];

const millionth = 1_000_000;

const show = ({ max, used, remaining, resetsAtMs, ...rest }: LimitUsage) => ({
  ...rest,
  max: Number(max) / millionth,
  used: Number(used) / millionth,
  remaining: Number(remaining) / millionth,
  resets_at: resetsAtMs === null ? null : timestamp(resetsAtMs),
});
