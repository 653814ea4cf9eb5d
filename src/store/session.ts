import type { TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";

/** How somebody signed in: by password (and second factor), by passkey, or through their team's identity provider. */
export type SessionKind = "password" | "passkey" | "sso";

/** A session to be stored. `client` is hostile text; times are in ms. */
export interface NewSession {
  readonly jti: string;
  readonly user: UserId;
  /** The one team that it opens; null is all of the person's. */
  readonly team: TeamId | null;
  readonly kind: SessionKind;
  readonly client: string;
  readonly expiresAtMs: number;
}

/** A person, as their session finds them. Who comes through a team's identity provider has no address. */
export interface SessionUser {
  readonly id: UserId;
  readonly email: string | null;
  readonly emailVerified: boolean;
}

/** What a standing session is good for. */
export interface StoredSession {
  readonly user: SessionUser;
  readonly team: TeamId | null;
  readonly kind: SessionKind;
  readonly lastUsedAtMs: number;
}

/** Stores a session, and forgets those that have ended. */
export const insertSession = (db: Db, session: NewSession, nowMs: number): D1PreparedStatement[] => [
  db.prepare("DELETE FROM session WHERE expires_at <= ?1").bind(nowMs),
  db
    .prepare(
      `INSERT INTO session (jti, user_id, team_id, kind, client, created_at, last_used_at, expires_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)`,
    )
    .bind(session.jti, session.user, session.team, session.kind, session.client, nowMs, session.expiresAtMs),
];

interface Row {
  id: UserId;
  email: string | null;
  email_verified_at: number | null;
  team_id: TeamId | null;
  kind: SessionKind;
  last_used_at: number;
}

/** The session of that `jti` while it stands, or null. */
export async function findSession(db: Db, jti: string, nowMs: number): Promise<StoredSession | null> {
  const row = await db
    .prepare(
      `SELECT u.id, u.email, u.email_verified_at, s.team_id, s.kind, s.last_used_at
         FROM session s JOIN user u ON u.id = s.user_id
        WHERE s.jti = ?1 AND s.expires_at > ?2`,
    )
    .bind(jti, nowMs)
    .first<Row>();
  return (
    row && {
      user: { id: row.id, email: row.email, emailVerified: row.email_verified_at !== null },
      team: row.team_id,
      kind: row.kind,
      lastUsedAtMs: row.last_used_at,
    }
  );
}

/** Notes that a session is in use. */
export const touchSession = (db: Db, jti: string, nowMs: number): Promise<unknown> =>
  db.prepare("UPDATE session SET last_used_at = ?2 WHERE jti = ?1").bind(jti, nowMs).run();

/** Ends a session: its token is refused from the next request on. */
export const deleteSession = (db: Db, jti: string): Promise<unknown> =>
  db.prepare("DELETE FROM session WHERE jti = ?1").bind(jti).run();

/** A session as its person's list shows it. Times are in ms. */
export interface ListedSession {
  readonly id: string;
  readonly team: TeamId | null;
  readonly kind: SessionKind;
  /** Hostile text. */
  readonly client: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
}

/** The person's sessions that stand, oldest first; where `only` names a team, those that open it alone. */
export async function listSessions(
  db: Db,
  user: UserId,
  only: TeamId | null,
  { nowMs, after, limit }: { nowMs: number; after: After; limit: number },
): Promise<ListedSession[]> {
  const { results } = await db
    .prepare(
      `SELECT jti AS id, team_id AS team, kind, client, created_at AS createdAt, last_used_at AS lastUsedAt,
              expires_at AS expiresAt
         FROM session
        WHERE user_id = ?1 AND (created_at, jti) > (?3, ?4) AND expires_at > ?5 AND (?2 IS NULL OR team_id = ?2)
        ORDER BY created_at, jti LIMIT ?6`,
    )
    .bind(user, only, after.createdAt, after.id, nowMs, limit)
    .all<ListedSession>();
  return results;
}

/** Ends one of the person's sessions; false where it is none of theirs, or of another team than `only`. */
export async function deleteOwnSession(
  db: Db,
  user: UserId,
  jti: string,
  only: TeamId | null,
): Promise<boolean> {
  const { meta } = await db
    .prepare("DELETE FROM session WHERE user_id = ?1 AND jti = ?2 AND (?3 IS NULL OR team_id = ?3)")
    .bind(user, jti, only)
    .run();
  return meta.changes > 0;
}

/** Ends all of a person's sessions but the one of `jti`; where `only` names a team, those that open it alone. */
export const deleteOtherSessions = (
  db: Db,
  user: UserId,
  jti: string,
  only: TeamId | null = null,
): D1PreparedStatement =>
  db
    .prepare("DELETE FROM session WHERE user_id = ?1 AND jti <> ?2 AND (?3 IS NULL OR team_id = ?3)")
    .bind(user, jti, only);

/** Ends all of a person's sessions. */
export const deleteSessionsOf = (db: Db, user: UserId): D1PreparedStatement =>
  db.prepare("DELETE FROM session WHERE user_id = ?1").bind(user);

/** Ends a person's sessions that open this team alone. */
export const deleteSessionsIn = (db: Db, team: TeamId, user: UserId): D1PreparedStatement =>
  db.prepare("DELETE FROM session WHERE team_id = ?1 AND user_id = ?2").bind(team, user);
