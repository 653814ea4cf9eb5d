import type { ControlEntry } from "../audit/entry.ts";
import type { EventId, TeamId } from "../id.ts";
import type { Db } from "./database.ts";

/** Adds an event to those that the team's log has yet to take. Belongs into the batch of the change it tells of. */
export const insertEvent = (db: Db, team: TeamId, event: ControlEntry): D1PreparedStatement =>
  db
    .prepare("INSERT INTO event (id, team_id, body, tried_at) VALUES (?1, ?2, ?3, ?4)")
    .bind(event.id, team, JSON.stringify(event), event.atMs);

/** Strikes off events that their log has taken. */
export const deleteEvents = (db: Db, ids: readonly EventId[]): Promise<unknown> =>
  db
    .prepare("DELETE FROM event WHERE id IN (SELECT value FROM json_each(?1))")
    .bind(JSON.stringify(ids))
    .run();

/**
 * The next events to hand over, the longest waiting first; taking them sends them to the end of the queue. Those of the
 * last moments are left to the request that wrote them.
 */
export async function takeEvents(
  db: Db,
  nowMs: number,
  limit: number,
): Promise<{ team: TeamId; event: ControlEntry }[]> {
  const { results } = await db
    .prepare(
      `UPDATE event SET tried_at = ?1
        WHERE id IN (SELECT id FROM event WHERE tried_at < ?2 ORDER BY tried_at LIMIT ?3)
        RETURNING team_id, body`,
    )
    .bind(nowMs, nowMs - ownersMs, limit)
    .all<{ team_id: TeamId; body: string }>();
  return results.map((row) => ({ team: row.team_id, event: JSON.parse(row.body) as ControlEntry }));
}

const ownersMs = 30_000;
