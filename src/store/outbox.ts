import type { GrantId, TeamId } from "../id.ts";
import type { Db } from "./database.ts";

/** A gate that has not yet acknowledged its team's epoch. */
export interface Pending {
  readonly grant: GrantId;
  readonly team: TeamId;
  readonly epoch: number;
}

/** How many of a team's gates have yet to hear of an edit. */
export async function countPending(db: Db, team: TeamId): Promise<number> {
  const row = await db
    .prepare("SELECT count(*) AS gates FROM outbox WHERE team_id = ?1")
    .bind(team)
    .first<{ gates: number }>();
  return row?.gates ?? 0;
}

/** Strikes off the gates that acknowledged; one that was meanwhile asked for a later epoch stays. */
export async function acknowledge(
  db: Db,
  acknowledged: readonly { grant: GrantId; epoch: number }[],
): Promise<void> {
  if (acknowledged.length === 0) return;
  await db
    .prepare(
      `DELETE FROM outbox WHERE grant_id IN (
         SELECT o.grant_id FROM json_each(?1) a
           JOIN outbox o ON o.grant_id = a.value ->> 'grant' AND o.epoch <= a.value ->> 'epoch')`,
    )
    .bind(JSON.stringify(acknowledged))
    .run();
}

/** The next gates to try again, the longest waiting first; taking them sends them to the end of the queue. */
export async function takePending(db: Db, nowMs: number, limit: number): Promise<Pending[]> {
  const { results } = await db
    .prepare(
      `UPDATE outbox SET tried_at = ?1
        WHERE grant_id IN (SELECT grant_id FROM outbox ORDER BY tried_at LIMIT ?2)
        RETURNING grant_id, team_id, epoch`,
    )
    .bind(nowMs, limit)
    .all<{ grant_id: GrantId; team_id: TeamId; epoch: number }>();
  return results.map((row) => ({ grant: row.grant_id, team: row.team_id, epoch: row.epoch }));
}
