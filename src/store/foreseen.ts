import type { Db } from "./database.ts";

const dayMs = 86_400_000;
const insert = `INSERT OR IGNORE INTO hook_delivery (hook_id, event_id, team_id, event, body, state, next_at, created_at)`;
const said = (time: string): string => `strftime('%Y-%m-%dT%H:%M:%fZ', ${time} / 1000.0, 'unixepoch')`;
const wants = (event: string): string => `'${event}' IN (SELECT value FROM json_each(h.events))`;

// A grant is told of within seven days of its end and within one, and again where its end was moved. One that was made
// for no longer than that is nobody's surprise, nor is one of an identity provider's, which goes on with its next token.
const expiring = `
  ${insert} SELECT h.id, g.id || '.' || g.expires_at || '.' || d.value, g.team_id, 'grant.expiring',
    json_object('type', 'grant.expiring', 'timestamp', ${said("?1")}, 'data', json_object(
      'grant', json_object('id', g.id, 'label', g.label, 'expires_at', ${said("g.expires_at")}))),
    'waiting', ?1, ?1
    FROM json_each('[7,1]') d
    JOIN "grant" g ON g.expires_at > ?1 + (d.value - 1) * ${dayMs} AND g.expires_at <= ?1 + d.value * ${dayMs}
    JOIN hook h ON h.team_id = g.team_id
   WHERE g.revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM subject b WHERE b.grant_id = g.id) AND g.created_at < g.expires_at - d.value * ${dayMs} AND ${wants("grant.expiring")}`;

// A server is told of once for each time that its trouble begins. While it is pending, whoever registers it knows.
const failing = `
  ${insert} SELECT h.id, s.id || '.credential.' || s.failing_since, s.team_id, 'server.credential_failing',
    json_object('type', 'server.credential_failing', 'timestamp', ${said("?1")}, 'data', json_object(
      'server', json_object('id', s.id, 'slug', s.slug), 'since', ${said("s.failing_since")}, 'detail', s.detail)),
    'waiting', ?1, ?1
    FROM server s JOIN hook h ON h.team_id = s.team_id
   WHERE s.failing_since > ?1 - ${dayMs} AND s.why = 'needs_sign_in' AND s.state = 'ready'
     AND NOT EXISTS (SELECT 1 FROM connection c WHERE c.server_id = s.id AND c.member_id = '' AND c.state = 'needs_sign_in')
     AND ${wants("server.credential_failing")}`;

// Access that nothing renews is over when its time is up, whether or not anybody calls.
const runningOut = `
  UPDATE connection SET state = 'needs_sign_in', since = expires_at, detail = 'Access has run out, and nothing renews it.'
   WHERE state = 'expires' AND expires_at <= ?1`;

// An account is told of once for each time that somebody has to sign in, and a day before where that can be known.
const connections = (id: string, since: string, detail: string, condition: string): string => `
  ${insert} SELECT h.id, ${id}, c.team_id, 'server.credential_failing',
    json_object('type', 'server.credential_failing', 'timestamp', ${said("?1")}, 'data', json_object(
      'server', json_object('id', s.id, 'slug', s.slug), 'member', nullif(c.member_id, ''),
      'since', ${said(since)}, 'detail', ${detail}, 'connect_url', ?2 || '/connections/' || t.slug || '/' || s.slug)),
    'waiting', ?1, ?1
    FROM connection c JOIN server s ON s.id = c.server_id JOIN team t ON t.id = c.team_id JOIN hook h ON h.team_id = c.team_id
   WHERE ${condition} AND ${wants("server.credential_failing")}`;

const needed = connections(
  "c.id || '.needed.' || c.since",
  "c.since",
  "c.detail",
  `c.state = 'needs_sign_in' AND c.since > ?1 - ${dayMs}`,
);

const ending = connections(
  "c.id || '.ending'",
  "?1",
  `'Access ends at ' || ${said("c.expires_at")} || ', and nothing renews it.'`,
  `c.state = 'expires' AND c.expires_at <= ?1 + ${dayMs} AND c.created_at < c.expires_at - ${dayMs}`,
);

/**
 * Puts before webhooks what nobody's request tells of: grants that end soon, servers that refuse their credential, and
 * accounts that somebody has to connect again. `origin` begins the links.
 */
export const enqueueForeseen = (db: Db, nowMs: number, origin: string): D1PreparedStatement[] => [
  db.prepare(runningOut).bind(nowMs),
  ...[expiring, failing].map((sql) => db.prepare(sql).bind(nowMs)),
  ...[needed, ending].map((sql) => db.prepare(sql).bind(nowMs, origin)),
];
