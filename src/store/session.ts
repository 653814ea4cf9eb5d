import type { UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** Stores a session, and forgets those that have ended. */
export function insertSession(
  db: Db,
  session: { user: UserId; jti: string; expiresAtMs: number },
  nowMs: number,
): D1PreparedStatement[] {
  return [
    db.prepare("DELETE FROM session WHERE expires_at <= ?1").bind(nowMs),
    db
      .prepare("INSERT INTO session (jti, user_id, expires_at) VALUES (?1, ?2, ?3)")
      .bind(session.jti, session.user, session.expiresAtMs),
  ];
}

/** The signed-in user behind a standing session, or null. */
export async function findSessionUser(
  db: Db,
  jti: string,
  nowMs: number,
): Promise<{ id: UserId; email: string } | null> {
  return await db
    .prepare(
      `SELECT u.id, u.email FROM session s JOIN user u ON u.id = s.user_id
        WHERE s.jti = ?1 AND s.expires_at > ?2`,
    )
    .bind(jti, nowMs)
    .first<{ id: UserId; email: string }>();
}

/** Ends a session: its token is refused from the next request on. */
export const deleteSession = (db: Db, jti: string): Promise<unknown> =>
  db.prepare("DELETE FROM session WHERE jti = ?1").bind(jti).run();
