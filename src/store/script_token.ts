import type { ScriptTokenId, TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";
import type { SessionUser } from "./session.ts";
import type { Role } from "./team.ts";

/** A token of a person's for their scripts, in one team. Times are in ms. */
export interface ScriptToken {
  readonly id: ScriptTokenId;
  readonly user: UserId;
  readonly team: TeamId;
  /** The most that it may do there. */
  readonly role: Role;
  readonly label: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly lastUsedAt: number | null;
}

interface Row {
  jti: ScriptTokenId;
  user_id: UserId;
  team_id: TeamId;
  role: Role;
  label: string;
  created_at: number;
  expires_at: number;
  last_used_at: number | null;
}

const columns = "jti, user_id, team_id, role, label, created_at, expires_at, last_used_at";

const scriptToken = (row: Row): ScriptToken => ({
  id: row.jti,
  user: row.user_id,
  team: row.team_id,
  role: row.role,
  label: row.label,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at,
});

/** Stores a token, and forgets those that have ended. */
export const insertScriptToken = (db: Db, token: ScriptToken): D1PreparedStatement[] => [
  db.prepare("DELETE FROM script_token WHERE expires_at <= ?1").bind(token.createdAt),
  db
    .prepare(`INSERT INTO script_token (${columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`)
    .bind(
      token.id,
      token.user,
      token.team,
      token.role,
      token.label,
      token.createdAt,
      token.expiresAt,
      token.lastUsedAt,
    ),
];

/** A standing token and its person, or null. */
export async function findScriptToken(
  db: Db,
  jti: string,
  nowMs: number,
): Promise<{ token: ScriptToken; user: SessionUser } | null> {
  const row = await db
    .prepare(
      `SELECT t.jti, t.user_id, t.team_id, t.role, t.label, t.created_at, t.expires_at, t.last_used_at,
              u.email, u.email_verified_at
         FROM script_token t JOIN user u ON u.id = t.user_id
        WHERE t.jti = ?1 AND t.expires_at > ?2`,
    )
    .bind(jti, nowMs)
    .first<Row & { email: string | null; email_verified_at: number | null }>();
  if (!row) return null;
  const user = { id: row.user_id, email: row.email, emailVerified: row.email_verified_at !== null };
  return { token: scriptToken(row), user };
}

/** The person's tokens that stand, oldest first; where `only` names a team, its alone. */
export async function listScriptTokens(
  db: Db,
  user: UserId,
  only: TeamId | null,
  { nowMs, after, limit }: { nowMs: number; after: After; limit: number },
): Promise<ScriptToken[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns} FROM script_token
        WHERE user_id = ?1 AND (created_at, jti) > (?3, ?4) AND expires_at > ?5 AND (?2 IS NULL OR team_id = ?2)
        ORDER BY created_at, jti LIMIT ?6`,
    )
    .bind(user, only, after.createdAt, after.id, nowMs, limit)
    .all<Row>();
  return results.map(scriptToken);
}

/** One of the person's tokens, or null. */
export async function findOwnScriptToken(
  db: Db,
  user: UserId,
  jti: string,
  only: TeamId | null,
): Promise<ScriptToken | null> {
  const row = await db
    .prepare(
      `SELECT ${columns} FROM script_token WHERE user_id = ?1 AND jti = ?2 AND (?3 IS NULL OR team_id = ?3)`,
    )
    .bind(user, jti, only)
    .first<Row>();
  return row && scriptToken(row);
}

/** Notes that a token is in use. */
export const touchScriptToken = (db: Db, jti: string, nowMs: number): Promise<unknown> =>
  db.prepare("UPDATE script_token SET last_used_at = ?2 WHERE jti = ?1").bind(jti, nowMs).run();

/** Ends a token: it is refused from the next request on. */
export const deleteScriptToken = (db: Db, jti: string): D1PreparedStatement =>
  db.prepare("DELETE FROM script_token WHERE jti = ?1").bind(jti);

/** Ends a person's tokens of one team: coming back does not bring them back. */
export const deleteScriptTokensIn = (db: Db, team: TeamId, user: UserId): D1PreparedStatement =>
  db.prepare("DELETE FROM script_token WHERE team_id = ?1 AND user_id = ?2").bind(team, user);

/** Ends all of a person's tokens. */
export const deleteScriptTokensOf = (db: Db, user: UserId): D1PreparedStatement =>
  db.prepare("DELETE FROM script_token WHERE user_id = ?1").bind(user);
