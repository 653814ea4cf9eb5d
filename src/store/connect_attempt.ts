import type { ServerId, TeamId, UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** A person on their way to an authorization server. `attempt` is sealed under the team's data key. */
export interface ConnectAttempt {
  readonly stateHash: string;
  readonly team: TeamId;
  readonly server: ServerId;
  /** Whose account it will be; null is the team's. */
  readonly member: UserId | null;
  readonly user: UserId;
  /** The session that began it. */
  readonly jti: string;
  readonly attempt: string;
  readonly expiresAtMs: number;
}

/** Stores an attempt, and forgets those that have run out. */
export const insertAttempt = (db: Db, given: ConnectAttempt, nowMs: number): D1PreparedStatement[] => [
  db.prepare("DELETE FROM connect_attempt WHERE expires_at <= ?1").bind(nowMs),
  db
    .prepare(
      `INSERT INTO connect_attempt (state_hash, team_id, server_id, member_id, user_id, jti, attempt, expires_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
    )
    .bind(
      given.stateHash,
      given.team,
      given.server,
      given.member ?? "",
      given.user,
      given.jti,
      given.attempt,
      given.expiresAtMs,
    ),
];

interface Row {
  team_id: TeamId;
  server_id: ServerId;
  member_id: UserId | "";
  user_id: UserId;
  jti: string;
  attempt: string;
  expires_at: number;
}

/** Takes the attempt of that state, which nobody can take again; null where there is none or its time is up. */
export async function takeAttempt(db: Db, stateHash: string, nowMs: number): Promise<ConnectAttempt | null> {
  const row = await db
    .prepare(
      `DELETE FROM connect_attempt WHERE state_hash = ?1
        RETURNING team_id, server_id, member_id, user_id, jti, attempt, expires_at`,
    )
    .bind(stateHash)
    .first<Row>();
  if (!row || row.expires_at <= nowMs) return null;
  return {
    stateHash,
    team: row.team_id,
    server: row.server_id,
    member: row.member_id || null,
    user: row.user_id,
    jti: row.jti,
    attempt: row.attempt,
    expiresAtMs: row.expires_at,
  };
}
