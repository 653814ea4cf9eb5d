import type { InvitationId, TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";
import type { Standing } from "./member.ts";
import type { Role } from "./team.ts";

/** A person who was asked to join a team, and what they may do there. Times are in ms. */
export interface Invitation extends Standing {
  readonly id: InvitationId;
  readonly team: TeamId;
  /** Lower case. */
  readonly email: string;
  readonly inviter: UserId;
  readonly createdAt: number;
  readonly expiresAt: number;
}

interface Row {
  id: InvitationId;
  team_id: TeamId;
  email: string;
  role: Role;
  approver: number;
  auditor: number;
  inviter_id: UserId;
  created_at: number;
  expires_at: number;
}

const columns = "id, team_id, email, role, approver, auditor, inviter_id, created_at, expires_at";

const invitation = (row: Row): Invitation => ({
  id: row.id,
  team: row.team_id,
  email: row.email,
  role: row.role,
  approver: row.approver === 1,
  auditor: row.auditor === 1,
  inviter: row.inviter_id,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
});

/** Stores an invitation in the place of the address's earlier one, and forgets those whose time is up. */
export const insertInvitation = (db: Db, given: Invitation, tokenHash: string): D1PreparedStatement[] => [
  db.prepare("DELETE FROM invitation WHERE expires_at <= ?1").bind(given.createdAt),
  db
    .prepare("UPDATE invitation SET ended_at = ?3 WHERE team_id = ?1 AND email = ?2 AND ended_at IS NULL")
    .bind(given.team, given.email, given.createdAt),
  db
    .prepare(
      `INSERT INTO invitation (${columns}, token_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
    )
    .bind(
      given.id,
      given.team,
      given.email,
      given.role,
      given.approver ? 1 : 0,
      given.auditor ? 1 : 0,
      given.inviter,
      given.createdAt,
      given.expiresAt,
      tokenHash,
    ),
];

/** Ends an invitation: used or withdrawn, and never both. Breaks its batch (`isRoleRefused`) where it has ended. */
export const endInvitation = (db: Db, team: TeamId, id: InvitationId, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE invitation SET ended_at = ?3, role = CASE WHEN ended_at IS NULL THEN role END
        WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(team, id, nowMs);

/** Ends what an admin who is one no longer has sent: a way back that nobody else would know of. */
export const endInvitationsBy = (db: Db, team: TeamId, inviter: UserId, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      "UPDATE invitation SET ended_at = ?3 WHERE team_id = ?1 AND inviter_id = ?2 AND ended_at IS NULL",
    )
    .bind(team, inviter, nowMs);

/** The team's invitation of that id while it can be accepted, or null. */
export async function findInvitation(
  db: Db,
  team: TeamId,
  id: string,
  nowMs: number,
): Promise<Invitation | null> {
  const row = await db
    .prepare(
      `SELECT ${columns} FROM invitation
        WHERE team_id = ?1 AND id = ?2 AND ended_at IS NULL AND expires_at > ?3`,
    )
    .bind(team, id, nowMs)
    .first<Row>();
  return row && invitation(row);
}

/** The invitation behind a link, of whichever team, while this address can accept it; or null. */
export async function findInvitationFor(
  db: Db,
  email: string,
  tokenHash: string,
  nowMs: number,
): Promise<Invitation | null> {
  const row = await db
    .prepare(
      `SELECT ${columns} FROM invitation
        WHERE token_hash = ?1 AND email = ?2 AND ended_at IS NULL AND expires_at > ?3`,
    )
    .bind(tokenHash, email, nowMs)
    .first<Row>();
  return row && invitation(row);
}

/** The team's invitations that can be accepted, oldest first. */
export async function listInvitations(
  db: Db,
  team: TeamId,
  nowMs: number,
  after: After,
  limit: number,
): Promise<Invitation[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns} FROM invitation
        WHERE team_id = ?1 AND (created_at, id) > (?2, ?3) AND ended_at IS NULL AND expires_at > ?4
        ORDER BY created_at, id LIMIT ?5`,
    )
    .bind(team, after.createdAt, after.id, nowMs, limit)
    .all<Row>();
  return results.map(invitation);
}

/**
 * Makes the user a member and the invitation used. Breaks its batch where they are one already (`isTaken`), and where the
 * invitation is over (`isRoleRefused`).
 */
export const acceptInvitation = (
  db: Db,
  { id, team, role, approver, auditor }: Invitation,
  user: UserId,
  nowMs: number,
): D1PreparedStatement[] => [
  endInvitation(db, team, id, nowMs),
  db
    .prepare(
      `INSERT INTO member (team_id, user_id, role, approver, auditor, created_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
    )
    .bind(team, user, role, approver ? 1 : 0, auditor ? 1 : 0, nowMs),
];
