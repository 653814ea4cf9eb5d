import * as z from "zod/mini";
import type { ControlEntry } from "../audit/entry.ts";
import { type InForce, pushEdit } from "../gate/push.ts";
import { type Concern, commitEdit } from "../store/edit.ts";
import type { TeamCall } from "./operation.ts";

const count = z.int().check(z.minimum(0));

export const inForceShape = z
  .strictObject({ acknowledged: count, pending: count })
  .register(z.globalRegistry, {
    id: "InForce",
    description: "How many gates act by the edit already, and how many cannot be reached yet.",
  });

/** 200 says that the edit is in force at the next call; 202 that some gate has yet to hear of it. */
export const inForceStatus = (inForce: InForce): 200 | 202 => (inForce.pending === 0 ? 200 : 202);

type Event = Pick<ControlEntry, "action" | "subject" | "detail">;
type Who = Pick<TeamCall<unknown, unknown>, "deps" | "db" | "team" | "user" | "nowMs" | "requestId">;

/** Commits a change, tells the gates concerned and the team's log. Throws, with nothing written, where D1 refuses. */
export async function commit(
  call: Who,
  concern: Concern,
  changes: readonly D1PreparedStatement[],
  event: Event,
): Promise<InForce> {
  const { deps, db, team, nowMs } = call;
  const edit = await commitEdit(db, team.id, concern, nowMs, changes);
  const inForce = await pushEdit({ db, gate: deps.gate }, edit);
  await record(call, event);
  return inForce;
}

/** Writes an event to the team's log. The change stands already: a log that is away is reported, not thrown. */
export async function record(call: Who, event: Event): Promise<void> {
  const { deps, team, user, nowMs, requestId } = call;
  try {
    await deps.log(team.id).append([{ kind: "control", atMs: nowMs, requestId, actor: user.id, ...event }]);
  } catch (error) {
    console.error("an event did not reach the team's log", { requestId, action: event.action, error });
  }
}
