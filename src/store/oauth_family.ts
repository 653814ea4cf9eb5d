import type { FamilyId, GrantId, TeamId } from "../id.ts";
import type { Db } from "./database.ts";

/** One sign-in of an OAuth client for a grant. Times are in ms. */
export interface Family {
  readonly id: FamilyId;
  readonly grant: GrantId;
  readonly client: string;
  /** How the client proves who it is, as it was when its person agreed. */
  readonly clientMethod: string;
  /** The gateway URL that its access tokens are for; empty where each request names one of the grant's. */
  readonly resource: string;
  readonly scope: string;
  /** Of the refresh token that may be used next. */
  readonly generation: number;
  readonly rotatedAt: number;
  readonly notAfter: number;
  readonly createdAt: number;
}

/** A sign-in as its tokens find it: with the grant's team, and when the first of the two ends. */
export interface StandingFamily extends Family {
  readonly team: TeamId;
  /** 0 where the grant is revoked. */
  readonly endsAt: number;
}

interface Row {
  id: FamilyId;
  grant_id: GrantId;
  team_id: TeamId;
  client_id: string;
  client_method: string;
  resource: string;
  scope: string;
  generation: number;
  rotated_at: number;
  not_after: number;
  ends_at: number;
  created_at: number;
}

const family = (row: Row): StandingFamily => ({
  id: row.id,
  grant: row.grant_id,
  team: row.team_id,
  client: row.client_id,
  clientMethod: row.client_method,
  resource: row.resource,
  scope: row.scope,
  generation: row.generation,
  rotatedAt: row.rotated_at,
  notAfter: row.not_after,
  endsAt: row.ends_at,
  createdAt: row.created_at,
});

/** Adds a sign-in. */
export const insertFamily = (db: Db, given: Family): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO oauth_family (id, grant_id, client_id, client_method, resource, scope, generation, rotated_at,
                                 not_after, created_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
    )
    .bind(
      given.id,
      given.grant,
      given.client,
      given.clientMethod,
      given.resource,
      given.scope,
      given.generation,
      given.rotatedAt,
      given.notAfter,
      given.createdAt,
    );

/** Forgets a grant's sign-ins that have ended, and of those of people all but the newest. */
export const dropFamilies = (db: Db, grant: GrantId, keep: number, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM oauth_family WHERE grant_id = ?1
          AND NOT EXISTS (SELECT 1 FROM machine_client m WHERE m.family_id = oauth_family.id)
          AND (not_after <= ?3 OR id NOT IN (
            SELECT id FROM oauth_family WHERE grant_id = ?1 ORDER BY created_at DESC, id LIMIT ?2))`,
    )
    .bind(grant, keep, nowMs);

const select = `
  SELECT f.id, f.grant_id, g.team_id, f.client_id, f.client_method, f.resource, f.scope, f.generation, f.rotated_at,
         f.not_after, CASE WHEN g.revoked_at IS NULL THEN min(f.not_after, g.expires_at) ELSE 0 END AS ends_at,
         f.created_at
    FROM oauth_family f JOIN "grant" g ON g.id = f.grant_id`;

/** The sign-in that a verified token comes from, ended or not; null where it is forgotten. */
export async function findFamily(db: Db, id: FamilyId): Promise<StandingFamily | null> {
  const row = await db.prepare(`${select} WHERE f.id = ?1`).bind(id).first<Row>();
  return row && family(row);
}

/** Uses up the refresh token of that generation; false where it was used before. */
export async function rotateFamily(
  db: Db,
  id: FamilyId,
  generation: number,
  nowMs: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE oauth_family SET generation = generation + 1, rotated_at = ?3
        WHERE id = ?1 AND generation = ?2 AND not_after > ?3`,
    )
    .bind(id, generation, nowMs)
    .run();
  return meta.changes === 1;
}

/** Ends one sign-in of the team's now. */
export const endFamily = (db: Db, team: TeamId, id: FamilyId, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE oauth_family SET not_after = ?3 WHERE id = ?2 AND not_after > ?3
          AND grant_id IN (SELECT id FROM "grant" WHERE team_id = ?1)`,
    )
    .bind(team, id, nowMs);

/** Ends every sign-in of people for a grant, at that time at the latest. Machines have clients of their own to end. */
export const endFamilies = (db: Db, grant: GrantId, notAfter: number): D1PreparedStatement =>
  db
    .prepare(
      "UPDATE oauth_family SET not_after = ?2 WHERE grant_id = ?1 AND not_after > ?2 AND resource <> ''",
    )
    .bind(grant, notAfter);
