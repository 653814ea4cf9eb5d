import type { GrantId, PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";
import type { Grant } from "./grant.ts";
import type { Role } from "./team.ts";

/** Whom an issuer names, inside one team. */
export interface SubjectName {
  readonly team: TeamId;
  readonly issuer: string;
  readonly sub: string;
}

/** What a subject's claims came to: hashed, by which revision of the team's identity, and of a token issued when (in s). */
export interface MappedBy {
  readonly fingerprint: string;
  readonly revision: number;
  readonly iat: number;
}

/** A subject. Times are in ms. */
export interface Subject extends SubjectName {
  readonly user: UserId;
  readonly grant: GrantId | null;
  readonly role: Role | null;
  readonly mapped: MappedBy | null;
  /** When the newest token was issued that changed what it may, in seconds; also from before it was allowed again. */
  readonly newestIat: number;
  /** Its tokens are refused until somebody allows them again. */
  readonly refused: boolean;
  /** When its grant ends, if it has one that was not revoked. */
  readonly grantExpiresAt: number | null;
  readonly createdAt: number;
}

interface Row {
  team_id: TeamId;
  issuer: string;
  sub: string;
  user_id: UserId;
  grant_id: GrantId | null;
  role: Role | null;
  mapped: string | null;
  mapped_revision: number | null;
  mapped_iat: number | null;
  refused: number;
  expires_at: number | null;
  created_at: number;
}

// A grant that was revoked refuses its subject, whichever way it was revoked.
const select = `
  SELECT s.team_id, s.issuer, s.sub, s.user_id, s.grant_id, s.role, s.mapped, s.mapped_revision, s.mapped_iat,
         s.refused_at IS NOT NULL OR g.revoked_at IS NOT NULL AS refused, g.expires_at, s.created_at
    FROM subject s LEFT JOIN "grant" g ON g.id = s.grant_id`;

const subject = (row: Row): Subject => ({
  team: row.team_id,
  issuer: row.issuer,
  sub: row.sub,
  user: row.user_id,
  grant: row.grant_id,
  role: row.role,
  mapped:
    row.mapped === null || row.mapped_revision === null || row.mapped_iat === null
      ? null
      : { fingerprint: row.mapped, revision: row.mapped_revision, iat: row.mapped_iat },
  newestIat: row.mapped_iat ?? 0,
  refused: row.refused === 1,
  grantExpiresAt: row.expires_at,
  createdAt: row.created_at,
});

/** The subject of that issuer in that team, or null. */
export async function findSubject(db: Db, { team, issuer, sub }: SubjectName): Promise<Subject | null> {
  const row = await db
    .prepare(`${select} WHERE s.team_id = ?1 AND s.issuer = ?2 AND s.sub = ?3`)
    .bind(team, issuer, sub)
    .first<Row>();
  return row && subject(row);
}

/** The subjects of the team's issuer, those first seen before the others; `after.id` is a user's. */
export async function listSubjects(
  db: Db,
  { team, issuer }: Omit<SubjectName, "sub">,
  after: After,
  limit: number,
): Promise<Subject[]> {
  const { results } = await db
    .prepare(
      `${select} WHERE s.team_id = ?1 AND s.issuer = ?2 AND (s.created_at, s.user_id) > (?3, ?4)
        ORDER BY s.created_at, s.user_id LIMIT ?5`,
    )
    .bind(team, issuer, after.createdAt, after.id, limit)
    .all<Row>();
  return results.map(subject);
}

/** Adds a subject with its user, who has neither address nor password. A second one of that name breaks the batch (`isTaken`). */
export const insertSubject = (
  db: Db,
  { team, issuer, sub }: SubjectName,
  user: UserId,
  nowMs: number,
): D1PreparedStatement[] => [
  db.prepare("INSERT INTO user (id, created_at) VALUES (?1, ?2)").bind(user, nowMs),
  db
    .prepare("INSERT INTO subject (team_id, issuer, sub, user_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)")
    .bind(team, issuer, sub, user, nowMs),
];

/**
 * Writes down what a subject's claims come to now, and under which grant. Breaks its batch (`isMapStale`) where the
 * team's identity is no longer at that revision, where the subject is refused, or where a newer token was faster: what
 * was worked out from them is then no longer true.
 */
export const mapSubject = (
  db: Db,
  { team, issuer, sub }: SubjectName,
  to: MappedBy & { readonly grant: GrantId; readonly role: Role | null },
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE subject SET grant_id = ?4, role = ?5, mapped = ?6, mapped_revision = ?7, mapped_iat = ?8,
         user_id = CASE WHEN refused_at IS NULL AND coalesce(mapped_iat, 0) <= ?8
                         AND (grant_id IS NULL OR grant_id = ?4)
                         AND NOT EXISTS (SELECT 1 FROM "grant" g WHERE g.id = ?4 AND g.revoked_at IS NOT NULL)
                         AND EXISTS (SELECT 1 FROM identity i WHERE i.team_id = ?1 AND i.issuer = ?2 AND i.revision = ?7)
                        THEN user_id END
        WHERE team_id = ?1 AND issuer = ?2 AND sub = ?3`,
    )
    .bind(team, issuer, sub, to.grant, to.role, to.fingerprint, to.revision, to.iat);

/** Sets what a subject's grant takes from its claims. */
export const updateSubjectGrant = (
  db: Db,
  to: Pick<Grant, "id" | "team" | "label" | "tags" | "member" | "expiresAt">,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE "grant" SET label = ?3, tags = ?4, member_id = ?5, expires_at = ?6 WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(to.team, to.id, to.label, JSON.stringify(to.tags), to.member, to.expiresAt);

/** Puts on a grant those of these servers that the team still has, each with its policy if that is still there. */
export const attachMapped = (
  db: Db,
  team: TeamId,
  grant: GrantId,
  servers: readonly { readonly server: ServerId; readonly policy: PolicyId | null }[],
): D1PreparedStatement[] => [
  db
    .prepare(
      `DELETE FROM grant_server WHERE grant_id IN (SELECT id FROM "grant" WHERE team_id = ?1 AND id = ?2)`,
    )
    .bind(team, grant),
  db
    .prepare(
      `INSERT INTO grant_server (grant_id, server_id, policy_id)
       SELECT g.id, s.id, p.id FROM "grant" g
         JOIN json_each(?3) v
         JOIN server s ON s.team_id = g.team_id AND s.id = v.value ->> 'server'
         LEFT JOIN policy p ON p.team_id = g.team_id AND p.server_id = s.id AND p.id = v.value ->> 'policy'
        WHERE g.team_id = ?1 AND g.id = ?2`,
    )
    .bind(team, grant, JSON.stringify(servers)),
];

/** Whether `error` says that what a mapping was worked out from has changed meanwhile, and nothing of its batch is written. */
export const isMapStale = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("NOT NULL constraint failed: subject.user_id");

/** Refuses a subject's tokens from now on. */
export const refuseSubject = (
  db: Db,
  { team, issuer, sub }: SubjectName,
  nowMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE subject SET refused_at = coalesce(refused_at, ?4) WHERE team_id = ?1 AND issuer = ?2 AND sub = ?3`,
    )
    .bind(team, issuer, sub, nowMs);

/** The same for the subject that a grant belongs to, if it is one's. */
export const refuseSubjectOfGrant = (
  db: Db,
  team: TeamId,
  grant: GrantId,
  nowMs: number,
): D1PreparedStatement =>
  db
    .prepare("UPDATE subject SET refused_at = coalesce(refused_at, ?3) WHERE team_id = ?1 AND grant_id = ?2")
    .bind(team, grant, nowMs);

/** The same for the subject whose person leaves the team. */
export const refuseSubjectOfMember = (
  db: Db,
  team: TeamId,
  user: UserId,
  nowMs: number,
): D1PreparedStatement =>
  db
    .prepare("UPDATE subject SET refused_at = coalesce(refused_at, ?3) WHERE team_id = ?1 AND user_id = ?2")
    .bind(team, user, nowMs);

/** Takes a subject's tokens again: its grant stands as it did, with all that it has used up. */
export const allowSubject = (db: Db, { team, issuer, sub }: SubjectName): D1PreparedStatement =>
  db
    .prepare("UPDATE subject SET refused_at = NULL WHERE team_id = ?1 AND issuer = ?2 AND sub = ?3")
    .bind(team, issuer, sub);

/**
 * Ends what the team's subjects have got: their grants are revoked, and those that were not refused would get new ones
 * if their issuer came back. Those who sign in are signed out, and no members any more.
 */
export const endSubjects = (db: Db, team: TeamId, nowMs: number): D1PreparedStatement[] => [
  db
    .prepare(
      `UPDATE "grant" SET revoked_at = ?2 WHERE team_id = ?1 AND revoked_at IS NULL
          AND id IN (SELECT grant_id FROM subject WHERE team_id = ?1)`,
    )
    .bind(team, nowMs),
  db
    .prepare(
      `UPDATE subject SET grant_id = NULL, mapped = NULL, mapped_revision = NULL
        WHERE team_id = ?1 AND refused_at IS NULL
          AND grant_id IN (SELECT id FROM "grant" WHERE team_id = ?1 AND revoked_at = ?2)`,
    )
    .bind(team, nowMs),
  ...endPeople(db, team),
];

/** Signs out whoever came by the team's issuer, and ends their memberships: there is no other way for them to come. */
export const endPeople = (db: Db, team: TeamId): D1PreparedStatement[] =>
  ["session", "script_token", "member"].map((table) =>
    db
      .prepare(
        `DELETE FROM ${table} WHERE team_id = ?1 AND user_id IN (SELECT user_id FROM subject WHERE team_id = ?1)`,
      )
      .bind(team),
  );
