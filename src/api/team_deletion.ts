import * as z from "zod/mini";
import { type Fault, fault } from "../fault.ts";
import { deleteTeam, isTeamInUse } from "../store/erasure.ts";
import { revokeAllGrants } from "../store/grant.ts";
import { countPending } from "../store/outbox.ts";
import { commit, inForceShape } from "./edit.ts";
import { drainErasures } from "./erasure.ts";
import { type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { type Reply, reply } from "./reply.ts";

const body = z.strictObject({
  slug: z.string().check(z.maxLength(80), z.describe("The team's slug: whoever types it means this team.")),
});

/** The end of a team. */
export const teamDeletionOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "delete_team",
      method: "delete",
      path: "/v1/teams/{team}",
      tag: "Teams",
      summary:
        "Revoke every grant, then delete the team with all it has, its log too. 202: ask again, a gate is away",
      body,
      answers: { 202: z.strictObject({ in_force: inForceShape }), 204: null },
    },
    remove,
  ),
];

/** Gates are told first, while there is somebody to tell them: a gate that has not heard keeps its whole team. */
async function remove(call: TeamCall<z.output<typeof body>, unknown>): Promise<Reply | Fault> {
  const { deps, db, team, nowMs } = call;
  if (call.body.slug !== team.slug) return otherSlug;
  const inForce = await commit(call, { of: "team" }, [revokeAllGrants(db, team.id, nowMs)], {
    action: "team.closed",
    subject: team.id,
    detail: {},
  });
  // Those of an earlier try count too: the cron tells them.
  const pending = await countPending(db, team.id);
  if (pending > 0) return reply(202, { in_force: { ...inForce, pending } });
  try {
    await db.batch(deleteTeam(db, team.id, nowMs));
  } catch (error) {
    if (isTeamInUse(error)) return fault("conflict", "Somebody changed the team meanwhile. Try again.");
    throw error;
  }
  await drainErasures({ ...deps, db }, nowMs).catch((error: unknown) =>
    console.error("a deleted team is not erased yet", { team: team.id, error }),
  );
  return reply(204);
}

const otherSlug = fault("invalid", "The request has mistakes; `errors` says where.", [
  { pointer: "/slug", message: "not the slug of this team" },
]);
