import type { ControlEntry } from "../audit/entry.ts";
import type { ConnectionId, ServerId, TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";
import { insertEvent } from "./event.ts";

/** An account at a server that somebody has connected. Its tokens are with its object. Times are in ms. */
export interface Connection {
  readonly id: ConnectionId;
  readonly team: TeamId;
  readonly server: ServerId;
  /** Whose calls it serves; null is everybody's. */
  readonly member: UserId | null;
  readonly issuer: string;
  readonly scope: string;
  /** The scope that the server has asked for besides. */
  readonly wanted: string | null;
  readonly state: "connected" | "expires" | "needs_sign_in";
  readonly detail: string | null;
  readonly since: number;
  /** When access ends that nothing renews. */
  readonly expiresAt: number | null;
  readonly connector: UserId;
  readonly createdAt: number;
}

interface Row {
  id: ConnectionId;
  team_id: TeamId;
  server_id: ServerId;
  member_id: UserId | "";
  issuer: string;
  scope: string;
  wanted: string | null;
  state: Connection["state"];
  detail: string | null;
  since: number;
  expires_at: number | null;
  connector_id: UserId;
  created_at: number;
}

const columns = `id, team_id, server_id, member_id, issuer, scope, wanted, state, detail, since, expires_at,
  connector_id, created_at`;

const connection = (row: Row): Connection => ({
  id: row.id,
  team: row.team_id,
  server: row.server_id,
  member: row.member_id || null,
  issuer: row.issuer,
  scope: row.scope,
  wanted: row.wanted,
  state: row.state,
  detail: row.detail,
  since: row.since,
  expiresAt: row.expires_at,
  connector: row.connector_id,
  createdAt: row.created_at,
});

/** Puts a connection in the place of the one before, whose object is to be emptied. */
export const replaceConnection = (db: Db, given: Connection): D1PreparedStatement[] => [
  ...endConnections(db, given.team, { server: given.server, member: given.member }, given.createdAt),
  db
    .prepare(
      `INSERT INTO connection (${columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`,
    )
    .bind(
      given.id,
      given.team,
      given.server,
      given.member ?? "",
      given.issuer,
      given.scope,
      given.wanted,
      given.state,
      given.detail,
      given.since,
      given.expiresAt,
      given.connector,
      given.createdAt,
    ),
];

/** Which connections: those at a server, or of a member, or both; the member null is the team itself. */
export interface Among {
  readonly server?: ServerId;
  readonly member?: UserId | null;
}

const among = "team_id = ?1 AND (?2 IS NULL OR server_id = ?2) AND (?3 IS NULL OR member_id = ?3)";

/** Ends connections, and notes that their objects are to be emptied. */
export const endConnections = (
  db: Db,
  team: TeamId,
  { server, member }: Among,
  nowMs: number,
): D1PreparedStatement[] => {
  const given = [team, server ?? null, member === null ? "" : (member ?? null)];
  return [
    db
      .prepare(
        `INSERT OR IGNORE INTO erasure (kind, name, tried_at) SELECT 'account', id, ?4 FROM connection WHERE ${among}`,
      )
      .bind(...given, nowMs),
    db.prepare(`DELETE FROM connection WHERE ${among}`).bind(...given),
    db.prepare(`DELETE FROM connect_attempt WHERE ${among}`).bind(...given),
  ];
};

/** The account that serves everybody's calls (null), or this member's; null where nobody has connected it. */
export async function findConnection(
  db: Db,
  team: TeamId,
  server: ServerId,
  member: UserId | null,
): Promise<Connection | null> {
  const row = await db
    .prepare(`SELECT ${columns} FROM connection WHERE team_id = ?1 AND server_id = ?2 AND member_id = ?3`)
    .bind(team, server, member ?? "")
    .first<Row>();
  return row && connection(row);
}

/** The accounts at these servers that this person may know of as theirs: the team's, and their own. */
export async function findOwnConnections(
  db: Db,
  team: TeamId,
  servers: readonly ServerId[],
  member: UserId,
): Promise<Connection[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns} FROM connection
        WHERE team_id = ?1 AND server_id IN (SELECT value FROM json_each(?2)) AND member_id IN ('', ?3)`,
    )
    .bind(team, JSON.stringify(servers), member)
    .all<Row>();
  return results.map(connection);
}

/** The accounts at a server, oldest first; with a member only that one's and the team's. */
export async function listConnections(
  db: Db,
  team: TeamId,
  server: ServerId,
  member: UserId | null,
  after: After,
  limit: number,
): Promise<Connection[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns} FROM connection
        WHERE team_id = ?1 AND server_id = ?2 AND (?3 IS NULL OR member_id IN ('', ?3))
          AND (created_at, id) > (?4, ?5)
        ORDER BY created_at, id LIMIT ?6`,
    )
    .bind(team, server, member, after.createdAt, after.id, limit)
    .all<Row>();
  return results.map(connection);
}

/** Notes that somebody has to sign in again; the first such note stands until they do. Belongs with the event that tells of it. */
export const noteNeed = (
  db: Db,
  team: TeamId,
  id: ConnectionId,
  {
    detail,
    wanted,
    nowMs,
  }: { readonly detail: string; readonly wanted: string | null; readonly nowMs: number },
  event: ControlEntry,
): D1PreparedStatement[] => [
  db
    .prepare(
      `UPDATE connection SET state = 'needs_sign_in', detail = ?3, wanted = coalesce(?4, wanted),
              since = iif(state = 'needs_sign_in', since, ?5)
        WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(team, id, detail, wanted, nowMs),
  insertEvent(db, team, event),
];
