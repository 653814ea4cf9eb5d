import type { ServerId, TeamId } from "../id.ts";
import type { Db } from "./database.ts";

const ofTeam = "server_id IN (SELECT id FROM server WHERE team_id = ?1 AND id = ?2)";

/** What an issuer has registered us as for the accounts of one server, sealed under the team's data key; or null. */
export async function findClient(
  db: Db,
  team: TeamId,
  server: ServerId,
  issuer: string,
): Promise<string | null> {
  const row = await db
    .prepare(`SELECT client FROM upstream_client WHERE ${ofTeam} AND issuer = ?3`)
    .bind(team, server, issuer)
    .first<{ client: string }>();
  return row?.client ?? null;
}

/** Keeps a registration in the place of the one before. */
export const saveClient = (
  db: Db,
  team: TeamId,
  server: ServerId,
  issuer: string,
  client: string,
  nowMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT OR REPLACE INTO upstream_client (server_id, issuer, client, created_at)
       SELECT id, ?3, ?4, ?5 FROM server WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(team, server, issuer, client, nowMs);

/** Forgets registrations: all of a server's, or one issuer's. */
export const forgetClients = (
  db: Db,
  team: TeamId,
  server: ServerId,
  issuer: string | null,
): D1PreparedStatement =>
  db
    .prepare(`DELETE FROM upstream_client WHERE ${ofTeam} AND (?3 IS NULL OR issuer = ?3)`)
    .bind(team, server, issuer);
