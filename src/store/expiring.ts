import type { Db } from "./database.ts";

const dayMs = 86_400_000;

/**
 * Puts before the webhooks that want it which grants end within seven days, and which within one: each is told once of
 * either, and again where its end was moved. One that was made for no longer than that is nobody's surprise.
 */
export const enqueueExpiring = (db: Db, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `INSERT OR IGNORE INTO hook_delivery (hook_id, event_id, team_id, event, body, state, next_at, created_at)
       SELECT h.id, g.id || '.' || g.expires_at || '.' || d.value, g.team_id, 'grant.expiring',
              json_object('type', 'grant.expiring', 'timestamp', ?2, 'data', json_object('grant', json_object(
                'id', g.id, 'label', g.label,
                'expires_at', strftime('%Y-%m-%dT%H:%M:%fZ', g.expires_at / 1000.0, 'unixepoch')))),
              'waiting', ?1, ?1
         FROM json_each('[7,1]') d
         JOIN "grant" g ON g.expires_at > ?1 + (d.value - 1) * ${dayMs} AND g.expires_at <= ?1 + d.value * ${dayMs}
         JOIN hook h ON h.team_id = g.team_id
        WHERE g.revoked_at IS NULL AND g.created_at < g.expires_at - d.value * ${dayMs}
          AND 'grant.expiring' IN (SELECT value FROM json_each(h.events))`,
    )
    .bind(nowMs, new Date(nowMs).toISOString());
