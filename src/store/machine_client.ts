import type { FamilyId, GrantId, TeamId } from "../id.ts";
import type { After, Db } from "./database.ts";

/** A client of a team's own, which signs in for one grant without a person. Times are in ms. */
export interface MachineClient {
  readonly id: string;
  readonly team: TeamId;
  readonly grant: GrantId;
  readonly family: FamilyId;
  readonly name: string;
  /** SHA-256 in hex; null where it signs assertions. */
  readonly secretHash: string | null;
  /** A JWKS of public keys, as JSON; null where it has a secret. */
  readonly keys: string | null;
  readonly createdAt: number;
}

interface Row {
  id: string;
  team_id: TeamId;
  grant_id: GrantId;
  family_id: FamilyId;
  name: string;
  secret_hash: string | null;
  keys: string | null;
  created_at: number;
}

const columns = "id, team_id, grant_id, family_id, name, secret_hash, keys, created_at";

const client = (row: Row): MachineClient => ({
  id: row.id,
  team: row.team_id,
  grant: row.grant_id,
  family: row.family_id,
  name: row.name,
  secretHash: row.secret_hash,
  keys: row.keys,
  createdAt: row.created_at,
});

/** Adds a client; its family is there already. */
export const insertMachineClient = (db: Db, given: MachineClient): D1PreparedStatement =>
  db
    .prepare(`INSERT INTO machine_client (${columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`)
    .bind(
      given.id,
      given.team,
      given.grant,
      given.family,
      given.name,
      given.secretHash,
      given.keys,
      given.createdAt,
    );

/** Whoever signs in with this id; the id is unique over all teams, and says nothing of any. */
export async function findMachineClient(db: Db, id: string): Promise<MachineClient | null> {
  const row = await db.prepare(`SELECT ${columns} FROM machine_client WHERE id = ?1`).bind(id).first<Row>();
  return row && client(row);
}

/** A grant's clients, oldest first. */
export async function listMachineClients(
  db: Db,
  team: TeamId,
  grant: GrantId,
  after: After,
  limit: number,
): Promise<MachineClient[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns} FROM machine_client WHERE team_id = ?1 AND grant_id = ?2 AND (created_at, id) > (?3, ?4)
        ORDER BY created_at, id LIMIT ?5`,
    )
    .bind(team, grant, after.createdAt, after.id, limit)
    .all<Row>();
  return results.map(client);
}

/** Removes a client with its sign-in: what it was given is refused once the gate has heard. */
export const deleteMachineClient = (db: Db, team: TeamId, id: string): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM oauth_family WHERE id IN (SELECT family_id FROM machine_client WHERE team_id = ?1 AND id = ?2)`,
    )
    .bind(team, id);

/** The slugs by which a grant's servers are reached. */
export async function listGateways(
  db: Db,
  team: TeamId,
  grant: GrantId,
): Promise<{ teamSlug: string; serverSlug: string }[]> {
  const { results } = await db
    .prepare(
      `SELECT t.slug AS teamSlug, s.slug AS serverSlug
         FROM grant_server a JOIN server s ON s.id = a.server_id JOIN team t ON t.id = s.team_id
        WHERE t.id = ?1 AND a.grant_id = ?2 ORDER BY s.slug`,
    )
    .bind(team, grant)
    .all<{ teamSlug: string; serverSlug: string }>();
  return results;
}
