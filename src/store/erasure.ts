import type { ConnectionId, GrantId, TeamId } from "../id.ts";
import type { Db } from "./database.ts";

/** An object that must forget all it holds, because its team or its connection is deleted. */
export type Erasure =
  | { readonly kind: "gate"; readonly name: GrantId }
  | { readonly kind: "log"; readonly name: TeamId }
  | { readonly kind: "account"; readonly name: ConnectionId };

const ofTeam = "team_id = ?1";
const ofGrants = `grant_id IN (SELECT id FROM "grant" WHERE ${ofTeam})`;
// Children first, as their references demand.
const tables: readonly (readonly [string, string])[] = [
  ["hook_delivery", ofTeam],
  ["hook", ofTeam],
  ["grant_server", ofGrants],
  ["grant_token", ofGrants],
  ["event", ofTeam],
  ['"grant"', ofTeam],
  ["policy_revision", `policy_id IN (SELECT id FROM policy WHERE ${ofTeam})`],
  ["policy", ofTeam],
  ["tool", `server_id IN (SELECT id FROM server WHERE ${ofTeam})`],
  ["connect_attempt", ofTeam],
  ["connection", ofTeam],
  ["upstream_client", `server_id IN (SELECT id FROM server WHERE ${ofTeam})`],
  ["server", ofTeam],
  ["invitation", ofTeam],
  ["session", ofTeam],
  ["script_token", ofTeam],
  ["team_quota", ofTeam],
  ["member", ofTeam],
  // Whom its issuer named has nothing anywhere else.
  ["user", `id IN (SELECT user_id FROM subject WHERE ${ofTeam})`],
  ["subject", ofTeam],
  ["identity", ofTeam],
  ["team", "id = ?1"],
];

const documents = `
  SELECT pinned_document AS hash FROM tool WHERE server_id IN (SELECT id FROM server WHERE team_id = ?1)
  UNION SELECT seen_document FROM tool WHERE server_id IN (SELECT id FROM server WHERE team_id = ?1)
  UNION SELECT document FROM policy_revision WHERE policy_id IN (SELECT id FROM policy WHERE team_id = ?1)
  UNION SELECT tests FROM policy_revision WHERE policy_id IN (SELECT id FROM policy WHERE team_id = ?1)`;

/**
 * Deletes every row of a team, and notes what else is to be erased. Breaks its batch (`isTeamInUse`) while a grant is not
 * revoked or a gate has not heard of it: nobody would be left to tell that gate.
 */
export const deleteTeam = (db: Db, team: TeamId, nowMs: number): D1PreparedStatement[] => [
  db
    .prepare(
      `UPDATE team SET name = CASE WHEN NOT EXISTS (SELECT 1 FROM "grant" WHERE team_id = ?1 AND revoked_at IS NULL)
                                    AND NOT EXISTS (SELECT 1 FROM outbox WHERE team_id = ?1) THEN name END
        WHERE id = ?1`,
    )
    .bind(team),
  db
    .prepare(
      `INSERT OR IGNORE INTO erasure (kind, name, tried_at)
       SELECT 'gate', id, ?2 FROM "grant" WHERE team_id = ?1
       UNION ALL SELECT 'log', ?1, ?2
       UNION ALL SELECT 'account', id, ?2 FROM connection WHERE team_id = ?1
       UNION ALL SELECT 'document', hash, ?2 FROM (${documents}) WHERE hash IS NOT NULL`,
    )
    .bind(team, nowMs),
  ...tables.map(([table, condition]) => db.prepare(`DELETE FROM ${table} WHERE ${condition}`).bind(team)),
];

/** Whether `error` says that a team cannot be deleted yet. */
export const isTeamInUse = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("NOT NULL constraint failed: team.name");

/** The next objects to empty, the longest waiting first; taking them sends them to the end of the queue. */
export async function takeErasures(db: Db, nowMs: number, limit: number): Promise<Erasure[]> {
  const { results } = await db
    .prepare(
      `UPDATE erasure SET tried_at = ?1
        WHERE (kind, name) IN (SELECT kind, name FROM erasure WHERE kind <> 'document' ORDER BY tried_at LIMIT ?2)
        RETURNING kind, name`,
    )
    .bind(nowMs, limit)
    .all<Erasure>();
  return results;
}

/** Strikes off objects that are empty. */
export const deleteErasures = (db: Db, done: readonly Erasure[]): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM erasure
        WHERE (kind, name) IN (SELECT value ->> 'kind', value ->> 'name' FROM json_each(?1))`,
    )
    .bind(JSON.stringify(done));

/** Drops texts that deleted teams used and nobody uses now. */
export const dropDocuments = (db: Db, limit: number): D1PreparedStatement[] => {
  const next = "SELECT name FROM erasure WHERE kind = 'document' ORDER BY name LIMIT ?1";
  return [
    db
      .prepare(
        `DELETE FROM document WHERE hash IN (${next})
            AND NOT EXISTS (SELECT 1 FROM tool WHERE pinned_document = document.hash)
            AND NOT EXISTS (SELECT 1 FROM tool WHERE seen_document = document.hash)
            AND NOT EXISTS (SELECT 1 FROM policy_revision r WHERE r.document = document.hash)
            AND NOT EXISTS (SELECT 1 FROM policy_revision WHERE tests = document.hash)`,
      )
      .bind(limit),
    db.prepare(`DELETE FROM erasure WHERE kind = 'document' AND name IN (${next})`).bind(limit),
  ];
};
