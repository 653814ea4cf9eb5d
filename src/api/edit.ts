import * as z from "zod/mini";
import type { ControlEntry } from "../audit/entry.ts";
import { type InForce, pushEdit } from "../gate/push.ts";
import { newId, type TeamId, type UserId } from "../id.ts";
import { type Concern, commitEdit, commitEdits } from "../store/edit.ts";
import { insertEvent } from "../store/event.ts";
import { deliver } from "./event_outbox.ts";
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
type Who = Pick<TeamCall<unknown, unknown>, "deps" | "db" | "nowMs" | "requestId"> & {
  readonly team: { readonly id: TeamId };
  readonly user: { readonly id: UserId | "system" };
};

/**
 * Commits a change and its event in one transaction, then tells the gates concerned and the team's log. Throws, with
 * nothing written, where D1 refuses.
 */
export async function commit(
  call: Who,
  concern: Concern,
  changes: readonly D1PreparedStatement[],
  event: Event,
): Promise<InForce> {
  const { deps, db, team, nowMs } = call;
  const entry = entryOf(call, event);
  const edit = await commitEdit(db, team.id, concern, nowMs, [...changes, insertEvent(db, team.id, entry)]);
  const inForce = await pushEdit({ db, gate: deps.gate }, edit);
  await deliver(deps, team.id, [entry]);
  return inForce;
}

/** The same for a change that concerns several of a person's teams, each of which gets the event. */
export async function commitIn(
  call: Omit<Who, "db" | "team">,
  teams: readonly TeamId[],
  concern: Concern,
  changes: readonly D1PreparedStatement[],
  event: Event,
): Promise<void> {
  const { deps, nowMs } = call;
  const { db } = deps;
  const entries = teams.map((team) => ({ team, entry: entryOf(call, event) }));
  const events = entries.map(({ team, entry }) => insertEvent(db, team, entry));
  const edits = await commitEdits(db, teams, concern, nowMs, [...changes, ...events]);
  for (const edit of edits) await pushEdit({ db, gate: deps.gate }, edit);
  for (const { team, entry } of entries) await deliver(deps, team, [entry]);
}

/** The same for a change that no gate must know of. */
export async function save(call: Who, changes: readonly D1PreparedStatement[], event: Event): Promise<void> {
  const { deps, db, team } = call;
  const entry = entryOf(call, event);
  await db.batch([...changes, insertEvent(db, team.id, entry)]);
  await deliver(deps, team.id, [entry]);
}

const entryOf = ({ deps, user, nowMs, requestId }: Omit<Who, "db" | "team">, event: Event): ControlEntry => ({
  kind: "control",
  id: newId("evt", deps.random),
  atMs: nowMs,
  requestId,
  actor: user.id,
  ...event,
});
