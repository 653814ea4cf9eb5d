import type { Sealed } from "../gate/snapshot.ts";
import type { ServerId, TeamId } from "../id.ts";
import type { After, Db } from "./database.ts";

/** How far the first look at a server's tools has come. */
export type ServerState =
  | { readonly state: "ready" }
  | {
      readonly state: "pending";
      readonly why: "unreachable" | "not_mcp" | "needs_sign_in";
      readonly detail: string;
    };

export interface Server {
  readonly id: ServerId;
  readonly team: TeamId;
  readonly slug: string;
  readonly name: string;
  readonly url: string;
  readonly authType: "none" | "headers";
  readonly credential: Sealed | null;
  readonly look: ServerState;
  readonly createdAt: number;
}

interface Row {
  id: ServerId;
  team_id: TeamId;
  slug: string;
  name: string;
  url: string;
  auth_type: Server["authType"];
  credential: string | null;
  state: "ready" | "pending";
  why: "unreachable" | "not_mcp" | "needs_sign_in" | null;
  detail: string | null;
  created_at: number;
}

const columns = "id, team_id, slug, name, url, auth_type, credential, state, why, detail, created_at";

const server = (row: Row): Server => ({
  id: row.id,
  team: row.team_id,
  slug: row.slug,
  name: row.name,
  url: row.url,
  authType: row.auth_type,
  credential: row.credential,
  look:
    row.state === "ready"
      ? { state: "ready" }
      : { state: "pending", why: row.why ?? "unreachable", detail: row.detail ?? "" },
  createdAt: row.created_at,
});

/** Adds a server, as pending: `recordLook` (store/tool.ts) is what makes it ready. The slug is unique in the team. */
export const insertServer = (db: Db, given: Server): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO server (id, team_id, slug, name, url, auth_type, credential, state, created_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8)`,
    )
    .bind(
      given.id,
      given.team,
      given.slug,
      given.name,
      given.url,
      given.authType,
      given.credential,
      given.createdAt,
    );

/** The team's server of that slug or id, or null. */
export async function findServer(db: Db, team: TeamId, slugOrId: string): Promise<Server | null> {
  const row = await db
    .prepare(`SELECT ${columns} FROM server WHERE team_id = ?1 AND (slug = ?2 OR id = ?2)`)
    .bind(team, slugOrId)
    .first<Row>();
  return row && server(row);
}

/** The team's servers, oldest first. */
export async function listServers(db: Db, team: TeamId, after: After, limit: number): Promise<Server[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns} FROM server WHERE team_id = ?1 AND (created_at, id) > (?2, ?3)
        ORDER BY created_at, id LIMIT ?4`,
    )
    .bind(team, after.createdAt, after.id, limit)
    .all<Row>();
  return results.map(server);
}

/** How many servers the team has, and how many grants that stand, for its quotas. */
export async function countServersAndGrants(
  db: Db,
  team: TeamId,
): Promise<{ servers: number; grants: number }> {
  const row = await db
    .prepare(
      `SELECT (SELECT count(*) FROM server WHERE team_id = ?1) AS servers,
              (SELECT count(*) FROM "grant" WHERE team_id = ?1 AND revoked_at IS NULL) AS grants`,
    )
    .bind(team)
    .first<{ servers: number; grants: number }>();
  return row ?? { servers: 0, grants: 0 };
}

/** Sets a server's name, address and credential. */
export const updateServer = (
  db: Db,
  to: Pick<Server, "id" | "team" | "name" | "url" | "authType" | "credential">,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE server SET name = ?3, url = ?4, auth_type = ?5, credential = ?6
        WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(to.team, to.id, to.name, to.url, to.authType, to.credential);

/** Forgets what was seen and accepted at a server: its address changed, so it is a new one to us. */
export const forgetLook = (db: Db, team: TeamId, id: ServerId): D1PreparedStatement[] => [
  db
    .prepare("DELETE FROM tool WHERE server_id IN (SELECT id FROM server WHERE team_id = ?1 AND id = ?2)")
    .bind(team, id),
  db.prepare("UPDATE server SET state = 'pending', why = NULL WHERE team_id = ?1 AND id = ?2").bind(team, id),
];

/** Notes why a look failed; a server that was ready stays ready, with its pins. */
export const recordFailedLook = (
  db: Db,
  team: TeamId,
  id: ServerId,
  look: { why: string; detail: string },
): D1PreparedStatement =>
  db
    .prepare("UPDATE server SET why = ?3, detail = ?4 WHERE team_id = ?1 AND id = ?2 AND state = 'pending'")
    .bind(team, id, look.why, look.detail);

/** Removes a server with its tools, its policies and every attachment to it. */
export const deleteServer = (db: Db, team: TeamId, id: ServerId): D1PreparedStatement[] => {
  const owned = "(SELECT id FROM server WHERE team_id = ?1 AND id = ?2)";
  return [
    `DELETE FROM grant_server WHERE server_id IN ${owned}`,
    `DELETE FROM tool WHERE server_id IN ${owned}`,
    `DELETE FROM policy_revision WHERE policy_id IN
       (SELECT id FROM policy WHERE team_id = ?1 AND server_id = ?2)`,
    "DELETE FROM policy WHERE team_id = ?1 AND server_id = ?2",
    "DELETE FROM server WHERE team_id = ?1 AND id = ?2",
  ].map((sql) => db.prepare(sql).bind(team, id));
};
