import * as z from "zod/mini";
import { type Fault, fault } from "../fault.ts";
import type { TeamId } from "../id.ts";
import { shardOf } from "../store/database.ts";
import {
  type Asked,
  holdTo,
  isOverQuota,
  type QuotaName,
  quotaNames,
  readQuota,
  readQuotas,
} from "../store/quota.ts";
import { type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { reply } from "./reply.ts";

const count = z.int().check(z.minimum(0));
const usedShape = z
  .strictObject({ used: count, max: count })
  .register(z.globalRegistry, { id: "Quota", description: "What the team has, and what it may have." });

const shape = z.strictObject(
  Object.fromEntries(quotaNames.map((name) => [name, usedShape])) as Record<QuotaName, typeof usedShape>,
);

/** What a team may have of the service itself; the limits of its agents are its policies'. */
export const quotaOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "get_quotas",
      method: "get",
      path: "/v1/teams/{team}/quotas",
      tag: "Teams",
      summary: "How many servers, grants, members and so on the team has, and may have",
      answers: { 200: shape },
    },
    async ({ db, team, nowMs }) => reply(200, await readQuotas(db, { team: team.id, nowMs })),
  ),
];

/** What the quota counts, and how to make room. */
const words: Record<QuotaName, readonly [things: string, room: string]> = {
  servers: ["servers", "Remove one"],
  policies_of_a_server: ["policies for one server", "Remove one, or save a new revision of one"],
  grants: ["grants that stand", "Revoke one, or let one expire"],
  subjects: ["people and machines of its identity provider", "Revoke one's grant"],
  refused_subjects: ["refused people and machines of its identity provider", "Allow one again"],
  members: ["members", "Remove one"],
  open_invitations: ["open invitations", "Withdraw one"],
  invitations_a_day: ["invitations in 24 hours", "Wait"],
  invitations_a_day_to_one: ["invitations in 24 hours to one address", "Wait"],
  hooks: ["webhooks", "Remove one"],
};

type Asking = Pick<TeamCall<unknown, unknown>, "deps" | "nowMs"> & { readonly team: { readonly id: TeamId } };

/** Why the team can have no more of something, before any work is done for it; null where it can. */
export async function whyFull(call: Asking, name: QuotaName, one?: string): Promise<Fault | null> {
  const db = shardOf(call.team.id, call.deps.db);
  const { used, max } = await readQuota(db, name, askedOf(call, one));
  return used < max ? null : overQuota(name, max);
}

/**
 * Makes a change together with the statements that hold it to these quotas; it belongs before them in one batch. Where
 * another request was faster to the last place, nothing is written and the first full quota is told of. `one` as `Asked`
 * has it.
 */
export async function withinQuota<T>(
  call: Asking,
  names: readonly QuotaName[],
  change: (held: readonly D1PreparedStatement[]) => Promise<T>,
  one?: string,
): Promise<T | Fault> {
  const db = shardOf(call.team.id, call.deps.db);
  try {
    return await change(names.map((name) => holdTo(db, name, askedOf(call, one))));
  } catch (error) {
    if (!isOverQuota(error)) throw error;
  }
  for (const name of names) {
    const full = await whyFull(call, name, one);
    if (full) return full;
  }
  return fault("over_quota", "The team had no room for this a moment ago. Try again.");
}

const askedOf = ({ team, nowMs }: Asking, one: string | undefined): Asked => ({
  team: team.id,
  nowMs,
  ...(one === undefined ? {} : { one }),
});

function overQuota(name: QuotaName, max: number): Fault {
  const [things, room] = words[name];
  return fault(
    "over_quota",
    `A team may have ${max} ${things}. ${room}, or ask who runs this gateway for more.`,
  );
}
