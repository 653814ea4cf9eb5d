import type { GrantId, PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";

/** One agent's permission, as the control plane stores it. Times are in ms. */
export interface Grant {
  readonly id: GrantId;
  readonly team: TeamId;
  readonly label: string;
  readonly tags: readonly string[];
  readonly member: UserId | null;
  readonly creator: UserId;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly createdAt: number;
}

/** A grant as it is found: `subject` where it is one of the team's issuer's, whose claims then say what it may. */
export interface StoredGrant extends Grant {
  readonly subject: { readonly issuer: string; readonly sub: string } | null;
}

/** A server that a grant may reach, and the policy attached there (null: everything is denied). */
export interface Attachment {
  readonly server: { readonly id: ServerId; readonly slug: string };
  readonly policy: { readonly id: PolicyId; readonly slug: string; readonly name: string } | null;
}

interface Row {
  id: GrantId;
  team_id: TeamId;
  label: string;
  tags: string;
  member_id: UserId | null;
  creator_id: UserId;
  expires_at: number;
  revoked_at: number | null;
  created_at: number;
  issuer: string | null;
  sub: string | null;
}

// A subject that is refused is as good as revoked, until it is allowed again.
const select = `
  SELECT g.id, g.team_id, g.label, g.tags, g.member_id, g.creator_id, g.expires_at,
         coalesce(g.revoked_at, b.refused_at) AS revoked_at, g.created_at, b.issuer, b.sub
    FROM "grant" g LEFT JOIN subject b ON b.grant_id = g.id`;

const grant = (row: Row): StoredGrant => ({
  id: row.id,
  team: row.team_id,
  label: row.label,
  tags: JSON.parse(row.tags),
  member: row.member_id,
  creator: row.creator_id,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
  createdAt: row.created_at,
  subject: row.issuer === null || row.sub === null ? null : { issuer: row.issuer, sub: row.sub },
});

/** Adds a grant, without servers or tokens. */
export const insertGrant = (db: Db, given: Grant): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO "grant" (id, team_id, label, tags, member_id, creator_id, expires_at, created_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
    )
    .bind(
      given.id,
      given.team,
      given.label,
      JSON.stringify(given.tags),
      given.member,
      given.creator,
      given.expiresAt,
      given.createdAt,
    );

/** Sets what may be changed of a grant. */
export const updateGrant = (
  db: Db,
  to: Pick<Grant, "id" | "team" | "label" | "tags" | "expiresAt">,
): D1PreparedStatement =>
  db
    .prepare(`UPDATE "grant" SET label = ?3, tags = ?4, expires_at = ?5 WHERE team_id = ?1 AND id = ?2`)
    .bind(to.team, to.id, to.label, JSON.stringify(to.tags), to.expiresAt);

/** Revokes a grant, for good: there is no way back. */
export const revokeGrant = (db: Db, team: TeamId, id: GrantId, nowMs: number): D1PreparedStatement =>
  db
    .prepare(`UPDATE "grant" SET revoked_at = ?3 WHERE team_id = ?1 AND id = ?2 AND revoked_at IS NULL`)
    .bind(team, id, nowMs);

/**
 * Revokes every grant that acts for a member: should the person come back, their agents do not. A subject's grant is
 * refused with its subject (`store/subject.ts`).
 */
export const revokeGrantsOf = (db: Db, team: TeamId, member: UserId, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE "grant" SET revoked_at = ?3 WHERE team_id = ?1 AND member_id = ?2 AND revoked_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM subject WHERE grant_id = "grant".id)`,
    )
    .bind(team, member, nowMs);

/** Revokes every grant of a team. */
export const revokeAllGrants = (db: Db, team: TeamId, nowMs: number): D1PreparedStatement =>
  db
    .prepare(`UPDATE "grant" SET revoked_at = ?2 WHERE team_id = ?1 AND revoked_at IS NULL`)
    .bind(team, nowMs);

/** Puts exactly these servers and policies on a grant. The ids are the team's own: the caller found them there. */
export const attachServers = (
  db: Db,
  team: TeamId,
  id: GrantId,
  servers: readonly { server: ServerId; policy: PolicyId | null }[],
): D1PreparedStatement[] => [
  db
    .prepare(
      `DELETE FROM grant_server WHERE grant_id IN (SELECT id FROM "grant" WHERE team_id = ?1 AND id = ?2)`,
    )
    .bind(team, id),
  db
    .prepare(
      `INSERT INTO grant_server (grant_id, server_id, policy_id)
       SELECT g.id, v.value ->> 'server', v.value ->> 'policy' FROM "grant" g, json_each(?3) v
        WHERE g.team_id = ?1 AND g.id = ?2`,
    )
    .bind(team, id, JSON.stringify(servers)),
];

/** Adds a bearer form; those that have ended are forgotten. */
export const insertGrantToken = (
  db: Db,
  id: GrantId,
  token: { jti: string; notAfter: number },
  nowMs: number,
): D1PreparedStatement[] => [
  db.prepare("DELETE FROM grant_token WHERE grant_id = ?1 AND not_after <= ?2").bind(id, nowMs),
  db
    .prepare("INSERT INTO grant_token (grant_id, jti, not_after) VALUES (?1, ?2, ?3)")
    .bind(id, token.jti, token.notAfter),
];

/** Ends every bearer form that a grant has now, at that time at the latest. */
export const endGrantTokens = (db: Db, id: GrantId, notAfter: number): D1PreparedStatement =>
  db
    .prepare("UPDATE grant_token SET not_after = ?2 WHERE grant_id = ?1 AND not_after > ?2")
    .bind(id, notAfter);

/** The team's grant of that id, or null; a revoked one is found too. */
export async function findGrant(db: Db, team: TeamId, id: string): Promise<StoredGrant | null> {
  const row = await db.prepare(`${select} WHERE g.team_id = ?1 AND g.id = ?2`).bind(team, id).first<Row>();
  return row && grant(row);
}

/** The team's grants, oldest first, revoked ones included. */
export async function listGrants(db: Db, team: TeamId, after: After, limit: number): Promise<StoredGrant[]> {
  const { results } = await db
    .prepare(
      `${select} WHERE g.team_id = ?1 AND (g.created_at, g.id) > (?2, ?3)
        ORDER BY g.created_at, g.id LIMIT ?4`,
    )
    .bind(team, after.createdAt, after.id, limit)
    .all<Row>();
  return results.map(grant);
}

interface AttachmentRow {
  grant_id: GrantId;
  server_id: ServerId;
  server_slug: string;
  policy_id: PolicyId | null;
  policy_slug: string | null;
  policy_name: string | null;
}

/** What is attached to each of these grants of the team. */
export async function listAttachments(
  db: Db,
  team: TeamId,
  grants: readonly GrantId[],
): Promise<Map<GrantId, Attachment[]>> {
  const { results } = await db
    .prepare(
      `SELECT a.grant_id, s.id AS server_id, s.slug AS server_slug,
              p.id AS policy_id, p.slug AS policy_slug, p.name AS policy_name
         FROM "grant" g
         JOIN grant_server a ON a.grant_id = g.id
         JOIN server s ON s.id = a.server_id
         LEFT JOIN policy p ON p.id = a.policy_id
        WHERE g.team_id = ?1 AND g.id IN (SELECT value FROM json_each(?2))
        ORDER BY s.slug`,
    )
    .bind(team, JSON.stringify(grants))
    .all<AttachmentRow>();
  const found = new Map<GrantId, Attachment[]>(grants.map((id) => [id, []]));
  for (const row of results) found.get(row.grant_id)?.push(attachment(row));
  return found;
}

function attachment(row: AttachmentRow): Attachment {
  const { policy_id: id, policy_slug: slug, policy_name: name } = row;
  return {
    server: { id: row.server_id, slug: row.server_slug },
    policy: id === null || slug === null || name === null ? null : { id, slug, name },
  };
}

/** A grant as policies see it: what it is called and whom it acts for. */
export interface Bearer {
  readonly label: string;
  readonly tags: readonly string[];
  readonly member: { readonly id: UserId; readonly email: string | null; readonly role: string } | null;
  /** How many servers it may reach. */
  readonly servers: number;
}

interface BearerRow {
  id: GrantId;
  label: string;
  tags: string;
  user_id: UserId | null;
  email: string | null;
  role: string | null;
  servers: number;
}

/** Those of these grants that are the team's, revoked ones included. */
export async function findBearers(
  db: Db,
  team: TeamId,
  grants: readonly GrantId[],
): Promise<Map<GrantId, Bearer>> {
  const { results } = await db
    .prepare(
      `SELECT g.id, g.label, g.tags, u.email,
              CASE WHEN b.sub IS NULL THEN m.user_id ELSE b.user_id END AS user_id,
              CASE WHEN b.sub IS NULL THEN m.role ELSE b.role END AS role,
              (SELECT count(*) FROM grant_server a WHERE a.grant_id = g.id) AS servers
         FROM "grant" g
         LEFT JOIN member m ON m.team_id = g.team_id AND m.user_id = g.member_id
         LEFT JOIN user u ON u.id = m.user_id
         LEFT JOIN subject b ON b.grant_id = g.id
        WHERE g.team_id = ?1 AND g.id IN (SELECT value FROM json_each(?2))`,
    )
    .bind(team, JSON.stringify(grants))
    .all<BearerRow>();
  return new Map(results.map((row) => [row.id, bearer(row)]));
}

function bearer({ label, tags, user_id: id, email, role, servers }: BearerRow): Bearer {
  const member = id === null || role === null ? null : { id, email, role };
  return { label, tags: JSON.parse(tags), member, servers };
}
