import type { TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";
import type { Role } from "./team.ts";

/** What a member may do. */
export interface Standing {
  readonly role: Role;
  readonly approver: boolean;
  readonly auditor: boolean;
}

/** A person in a team. `createdAt` is when they joined, in ms. */
export interface Member extends Standing {
  readonly id: UserId;
  /** null: they come through the team's own identity provider. */
  readonly email: string | null;
  readonly createdAt: number;
}

interface Row {
  id: UserId;
  email: string | null;
  role: Role;
  approver: number;
  auditor: number;
  created_at: number;
}

const member = (row: Row): Member => ({
  id: row.id,
  email: row.email,
  role: row.role,
  approver: row.approver === 1,
  auditor: row.auditor === 1,
  createdAt: row.created_at,
});

const select = `SELECT u.id, u.email, m.role, m.approver, m.auditor, m.created_at
                  FROM member m JOIN user u ON u.id = m.user_id`;

/** The member of this team who has this id or address, or null; other teams' people are not found. */
export async function findMember(db: Db, team: TeamId, idOrEmail: string): Promise<Member | null> {
  const row = await db
    .prepare(`${select} WHERE m.team_id = ?1 AND (u.id = ?2 OR u.email = lower(?2))`)
    .bind(team, idOrEmail)
    .first<Row>();
  return row && member(row);
}

/** The team's members, those who joined first before the others. */
export async function listMembers(db: Db, team: TeamId, after: After, limit: number): Promise<Member[]> {
  const { results } = await db
    .prepare(
      `${select} WHERE m.team_id = ?1 AND (m.created_at, m.user_id) > (?2, ?3)
        ORDER BY m.created_at, m.user_id LIMIT ?4`,
    )
    .bind(team, after.createdAt, after.id, limit)
    .all<Row>();
  return results.map(member);
}

// No role at all where the team would be left without an admin who has an account: the column refuses that, and with it
// the whole batch, however many admins step back at once. Who comes by the team's identity provider is an admin while
// that says so, and does not keep the team from being locked out.
const roleOrNone = `
  CASE WHEN ?3 = 'admin' AND EXISTS (SELECT 1 FROM user WHERE id = ?2 AND email IS NOT NULL) OR EXISTS (
    SELECT 1 FROM member other JOIN user u ON u.id = other.user_id
     WHERE other.team_id = ?1 AND other.user_id <> ?2 AND other.role = 'admin' AND u.email IS NOT NULL) THEN ?3 END`;

/** Whether `error` is how a guarded statement refuses to give a role, and nothing of its batch is written. */
export const isRoleRefused = (error: unknown): boolean =>
  error instanceof Error && /NOT NULL constraint failed: (?:member|invitation)\.role/.test(error.message);

/** Sets what a member may do. Breaks its batch (`isRoleRefused`) where nobody would administer the team. */
export const updateMember = (db: Db, team: TeamId, user: UserId, to: Standing): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE member SET role = ${roleOrNone}, approver = ?4, auditor = ?5 WHERE team_id = ?1 AND user_id = ?2`,
    )
    .bind(team, user, to.role, to.approver ? 1 : 0, to.auditor ? 1 : 0);

/**
 * Makes one member an admin and another, who is one, something less. Breaks its batch (`isRoleRefused`) where the heir is no
 * member any more.
 */
export const handOver = (
  db: Db,
  team: TeamId,
  { from, to, stay }: { readonly from: UserId; readonly to: UserId; readonly stay: Role },
): D1PreparedStatement[] => [
  db.prepare("UPDATE member SET role = 'admin' WHERE team_id = ?1 AND user_id = ?2").bind(team, to),
  db
    .prepare(
      `UPDATE member SET role = CASE WHEN EXISTS (
         SELECT 1 FROM member heir WHERE heir.team_id = ?1 AND heir.user_id = ?3) THEN ?4 END
        WHERE team_id = ?1 AND user_id = ?2`,
    )
    .bind(team, from, to, stay),
];

/** Ends a membership. Breaks its batch (`isRoleRefused`) where nobody would administer the team. */
export const deleteMember = (db: Db, team: TeamId, user: UserId): D1PreparedStatement[] => [
  updateMember(db, team, user, { role: "viewer", approver: false, auditor: false }),
  db.prepare("DELETE FROM member WHERE team_id = ?1 AND user_id = ?2").bind(team, user),
];

/** Adds whom the team's identity provider has named. A member of that team already breaks the batch (`isTaken`). */
export const insertPerson = (
  db: Db,
  team: TeamId,
  user: UserId,
  { role, approver, auditor }: Standing,
  nowMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO member (team_id, user_id, role, approver, auditor, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
    )
    .bind(team, user, role, approver ? 1 : 0, auditor ? 1 : 0, nowMs);
