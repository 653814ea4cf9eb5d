import type { Db } from "./database.ts";

const dayMs = 86_400_000;
const insert = `INSERT OR IGNORE INTO hook_delivery (hook_id, event_id, team_id, event, body, state, next_at, created_at)`;
const said = (time: string): string => `strftime('%Y-%m-%dT%H:%M:%fZ', ${time} / 1000.0, 'unixepoch')`;
const wants = (event: string): string => `'${event}' IN (SELECT value FROM json_each(h.events))`;

// A grant is told of within seven days of its end and within one, and again where its end was moved. One that was made
// for no longer than that is nobody's surprise.
const expiring = `
  ${insert} SELECT h.id, g.id || '.' || g.expires_at || '.' || d.value, g.team_id, 'grant.expiring',
    json_object('type', 'grant.expiring', 'timestamp', ${said("?1")}, 'data', json_object(
      'grant', json_object('id', g.id, 'label', g.label, 'expires_at', ${said("g.expires_at")}))),
    'waiting', ?1, ?1
    FROM json_each('[7,1]') d
    JOIN "grant" g ON g.expires_at > ?1 + (d.value - 1) * ${dayMs} AND g.expires_at <= ?1 + d.value * ${dayMs}
    JOIN hook h ON h.team_id = g.team_id
   WHERE g.revoked_at IS NULL AND g.created_at < g.expires_at - d.value * ${dayMs} AND ${wants("grant.expiring")}`;

// A server is told of once for each time that its trouble begins. While it is pending, whoever registers it knows.
const failing = `
  ${insert} SELECT h.id, s.id || '.credential.' || s.failing_since, s.team_id, 'server.credential_failing',
    json_object('type', 'server.credential_failing', 'timestamp', ${said("?1")}, 'data', json_object(
      'server', json_object('id', s.id, 'slug', s.slug), 'since', ${said("s.failing_since")}, 'detail', s.detail)),
    'waiting', ?1, ?1
    FROM server s JOIN hook h ON h.team_id = s.team_id
   WHERE s.failing_since > ?1 - ${dayMs} AND s.why = 'needs_sign_in' AND s.state = 'ready'
     AND ${wants("server.credential_failing")}`;

/** Puts before webhooks what nobody's request tells of: grants that end soon, and servers that refuse their credential. */
export const enqueueForeseen = (db: Db, nowMs: number): D1PreparedStatement[] =>
  [expiring, failing].map((sql) => db.prepare(sql).bind(nowMs));
