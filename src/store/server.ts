import type { Sealed } from "../gate/snapshot.ts";
import type { ConnectionId, ServerId, TeamId } from "../id.ts";
import type { After, Db } from "./database.ts";

/** Why a server cannot be used, in words for the person who registered it, and since when (ms). */
export interface Trouble {
  readonly why: "unreachable" | "not_mcp" | "needs_sign_in";
  readonly detail: string;
  readonly sinceMs: number;
}

/** How accounts at a server are connected. */
export interface OauthSettings {
  /** One account of the team's for everybody, or each member's own. */
  readonly per: "team" | "member";
  /** The only authorization server that will do; null is whichever the server names first. */
  readonly issuer: string | null;
  /** The client that was registered there by hand. */
  readonly client_id: string | null;
  /** What is asked for; null is what the server says. */
  readonly scope: string | null;
}

/** A server as it is registered. */
export interface NewServer {
  readonly id: ServerId;
  readonly team: TeamId;
  readonly slug: string;
  readonly name: string;
  readonly url: string;
  readonly authType: "none" | "headers" | "oauth";
  /** The headers, or the secret of a client that was registered by hand. */
  readonly credential: Sealed | null;
  /** null unless it is signed in to by OAuth. */
  readonly oauth: OauthSettings | null;
  /** Changed and new definitions are accepted by themselves while every tool of the server is Read and undisguised. */
  readonly autoAccept: boolean;
  readonly createdAt: number;
}

/** A server with what looks and traffic have told of it. Times are in ms. */
export interface Server extends NewServer {
  /** No look has seen its tools yet: the first one pins them. */
  readonly pending: boolean;
  readonly trouble: Trouble | null;
  readonly lookedAt: number | null;
}

interface Row {
  id: ServerId;
  team_id: TeamId;
  slug: string;
  name: string;
  url: string;
  auth_type: Server["authType"];
  credential: string | null;
  oauth: string | null;
  auto_accept: number;
  state: "ready" | "pending";
  why: Trouble["why"] | null;
  detail: string | null;
  failing_since: number | null;
  looked_at: number | null;
  created_at: number;
}

const columns = `id, team_id, slug, name, url, auth_type, credential, oauth, auto_accept, state, why, detail,
  failing_since, looked_at, created_at`;

const server = (row: Row): Server => ({
  id: row.id,
  team: row.team_id,
  slug: row.slug,
  name: row.name,
  url: row.url,
  authType: row.auth_type,
  credential: row.credential,
  oauth: row.oauth === null ? null : (JSON.parse(row.oauth) as OauthSettings),
  autoAccept: row.auto_accept === 1,
  pending: row.state === "pending",
  trouble: row.why && {
    why: row.why,
    detail: row.detail ?? "",
    sinceMs: row.failing_since ?? row.created_at,
  },
  lookedAt: row.looked_at,
  createdAt: row.created_at,
});

/** Adds a server, as pending: `recordLook` (store/tool.ts) is what makes it ready. The slug is unique in the team. */
export const insertServer = (db: Db, given: NewServer): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO server (id, team_id, slug, name, url, auth_type, credential, auto_accept, state, look_at, created_at, oauth)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'pending', ?9, ?9, ?10)`,
    )
    .bind(
      given.id,
      given.team,
      given.slug,
      given.name,
      given.url,
      given.authType,
      given.credential,
      given.autoAccept ? 1 : 0,
      given.createdAt,
      settingsText(given),
    );

const settingsText = ({ oauth }: Pick<NewServer, "oauth">): string | null =>
  oauth === null ? null : JSON.stringify(oauth);

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

/** Sets a server's name, address, credential and whether it accepts by itself. */
export const updateServer = (db: Db, to: Omit<NewServer, "slug" | "createdAt">): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE server SET name = ?3, url = ?4, auth_type = ?5, credential = ?6, auto_accept = ?7, oauth = ?8
        WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(
      to.team,
      to.id,
      to.name,
      to.url,
      to.authType,
      to.credential,
      to.autoAccept ? 1 : 0,
      settingsText(to),
    );

/** Forgets what was seen and accepted at a server: its address changed, so it is a new one to us. */
export const forgetLook = (db: Db, team: TeamId, id: ServerId): D1PreparedStatement[] => [
  db
    .prepare("DELETE FROM tool WHERE server_id IN (SELECT id FROM server WHERE team_id = ?1 AND id = ?2)")
    .bind(team, id),
  db
    .prepare(
      `UPDATE server SET state = 'pending', why = NULL, detail = NULL, failing_since = NULL, looked_at = NULL
        WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(team, id),
];

const [firstAgainMs, lastAgainMs] = [60_000, 6 * 3_600_000];

/**
 * Notes that a server fails: the trouble keeps the time it began at, and the longer it has lasted the later the next look,
 * a minute at first, six hours at most. Pins stand.
 */
export const recordTrouble = (
  db: Db,
  team: TeamId,
  id: ServerId,
  { why, detail, sinceMs: nowMs }: Trouble,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE server SET why = ?3, detail = ?4, failing_since = coalesce(failing_since, ?5),
              look_at = ?5 + min(max(?5 - coalesce(failing_since, ?5), ${firstAgainMs}), ${lastAgainMs})
        WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(team, id, why, detail, nowMs);

/** Notes that a server whose tools are known works again. */
export const endTrouble = (db: Db, team: TeamId, id: ServerId): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE server SET why = NULL, detail = NULL, failing_since = NULL
        WHERE team_id = ?1 AND id = ?2 AND state = 'ready'`,
    )
    .bind(team, id);

const daily = 24 * 3_600_000;

/** Notes a look that saw the tools of the server at that address; the next is due in a day. */
export const recordSight = (
  db: Db,
  { team, id, url }: Pick<Server, "team" | "id" | "url">,
  nowMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE server SET state = 'ready', why = NULL, detail = NULL, failing_since = NULL,
              looked_at = ?4, look_at = ?4 + ${daily}
        WHERE team_id = ?1 AND id = ?2 AND url = ?3`,
    )
    .bind(team, id, url, nowMs);

/** A server that is due for a look, with what opens its credential and the team's account there. */
export type DueServer = Server & { readonly dataKey: Sealed; readonly connection: ConnectionId | null };

/** Takes the servers whose look is due, the longest waiting first; whoever takes one has `leaseMs` for it. */
export async function takeDueServers(
  db: Db,
  nowMs: number,
  { limit, leaseMs }: { readonly limit: number; readonly leaseMs: number },
): Promise<DueServer[]> {
  const { results } = await db
    .prepare(
      `UPDATE server SET look_at = ?1 + iif(oauth ->> 'per' = 'member', ${daily}, ?2)
        WHERE id IN (SELECT id FROM server WHERE look_at <= ?1 ORDER BY look_at LIMIT ?3)
        RETURNING ${columns}, (SELECT data_key FROM team WHERE team.id = server.team_id) AS data_key,
          (SELECT c.id FROM connection c WHERE c.server_id = server.id AND c.member_id = '') AS connection`,
    )
    .bind(nowMs, leaseMs, limit)
    .all<Row & { data_key: Sealed; connection: ConnectionId | null }>();
  const due = results.map((row) => ({ ...server(row), dataKey: row.data_key, connection: row.connection }));
  // Members' accounts are for their own calls: no clock uses them.
  return due.filter(({ oauth }) => oauth?.per !== "member");
}

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
