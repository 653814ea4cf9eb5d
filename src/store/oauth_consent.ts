import type { FamilyId, GrantId, PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** Notes what somebody is asked, for one answer; `request` is JSON. Forgets questions that nobody has answered. */
export const insertTicket = (
  db: Db,
  ticket: { hash: string; session: string; request: string; expiresAt: number },
  nowMs: number,
): D1PreparedStatement[] => [
  db.prepare("DELETE FROM oauth_ticket WHERE expires_at <= ?1").bind(nowMs),
  db
    .prepare("INSERT INTO oauth_ticket (hash, session, request, expires_at) VALUES (?1, ?2, ?3, ?4)")
    .bind(ticket.hash, ticket.session, ticket.request, ticket.expiresAt),
];

/** What this session was asked; taken once, so that one question has one answer. Null where there is no such question. */
export async function takeTicket(
  db: Db,
  hash: string,
  session: string,
  nowMs: number,
): Promise<string | null> {
  const row = await db
    .prepare(
      "DELETE FROM oauth_ticket WHERE hash = ?1 AND session = ?2 AND expires_at > ?3 RETURNING request",
    )
    .bind(hash, session, nowMs)
    .first<{ request: string }>();
  return row?.request ?? null;
}

/** Whose consent it is, and to what. `client` is what makes it the same client to its person. */
export interface Consent {
  readonly team: TeamId;
  readonly member: UserId;
  readonly client: string;
  readonly server: ServerId;
}

/** The grant that the same consent gave before, and the policy on it; null where there is none that may be renewed. */
export const findConsent = (
  db: Db,
  { team, member, client, server }: Consent,
): Promise<{ grant: GrantId; policy: PolicyId | null } | null> =>
  db
    .prepare(
      `SELECT c.grant_id AS "grant", a.policy_id AS policy
         FROM oauth_consent c
         JOIN "grant" g ON g.id = c.grant_id AND g.revoked_at IS NULL
         LEFT JOIN grant_server a ON a.grant_id = g.id AND a.server_id = c.server_id
        WHERE c.team_id = ?1 AND c.member_id = ?2 AND c.client = ?3 AND c.server_id = ?4`,
    )
    .bind(team, member, client, server)
    .first<{ grant: GrantId; policy: PolicyId | null }>();

/**
 * Notes the grant of a consent, in the place of one that was revoked. Breaks a key, and so undoes its batch, where the
 * same consent was given at the same time.
 */
export const insertConsent = (
  db: Db,
  { team, member, client, server }: Consent,
  grant: GrantId,
): D1PreparedStatement[] => [
  db
    .prepare(
      `DELETE FROM oauth_consent WHERE team_id = ?1 AND member_id = ?2 AND client = ?3 AND server_id = ?4
          AND grant_id IN (SELECT id FROM "grant" WHERE team_id = ?1 AND revoked_at IS NOT NULL)`,
    )
    .bind(team, member, client, server),
  db
    .prepare(
      "INSERT INTO oauth_consent (team_id, member_id, client, server_id, grant_id) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(team, member, client, server, grant),
];

/** Has a grant that was given before last until then at least. */
export const renewGrant = (db: Db, team: TeamId, grant: GrantId, expiresAt: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE "grant" SET expires_at = max(expires_at, ?3)
        WHERE team_id = ?1 AND id = ?2 AND revoked_at IS NULL`,
    )
    .bind(team, grant, expiresAt);

/** Attaches the policy that was chosen for a server; what else an admin has attached stays. */
export const attachChosen = (
  db: Db,
  { team, server }: Pick<Consent, "team" | "server">,
  grant: GrantId,
  policy: PolicyId,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO grant_server (grant_id, server_id, policy_id)
       SELECT g.id, p.server_id, p.id FROM "grant" g JOIN policy p ON p.team_id = g.team_id
        WHERE g.team_id = ?1 AND g.id = ?2 AND p.server_id = ?3 AND p.id = ?4
       ON CONFLICT (grant_id, server_id) DO UPDATE SET policy_id = excluded.policy_id`,
    )
    .bind(team, grant, server, policy);

/** A code as it is redeemed. */
export interface Code {
  readonly family: FamilyId;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly usedAt: number | null;
  readonly expiresAt: number;
}

interface CodeRow {
  family_id: FamilyId;
  redirect_uri: string;
  challenge: string;
  used_at: number | null;
  expires_at: number;
}

// A code that is used again after this is as unknown as one that never was.
const rememberedMs = 24 * 3_600_000;

/** Adds a code, and forgets old ones. */
export const insertCode = (
  db: Db,
  hash: string,
  code: Omit<Code, "usedAt">,
  nowMs: number,
): D1PreparedStatement[] => [
  db.prepare("DELETE FROM oauth_code WHERE expires_at <= ?1").bind(nowMs - rememberedMs),
  db
    .prepare(
      "INSERT INTO oauth_code (hash, family_id, redirect_uri, challenge, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(hash, code.family, code.redirectUri, code.challenge, code.expiresAt),
];

/** The code of that hash, used or not, or null. */
export async function findCode(db: Db, hash: string): Promise<Code | null> {
  const row = await db
    .prepare("SELECT family_id, redirect_uri, challenge, used_at, expires_at FROM oauth_code WHERE hash = ?1")
    .bind(hash)
    .first<CodeRow>();
  return (
    row && {
      family: row.family_id,
      redirectUri: row.redirect_uri,
      challenge: row.challenge,
      usedAt: row.used_at,
      expiresAt: row.expires_at,
    }
  );
}

/** Uses a code up; false where it was used before. */
export async function useCode(db: Db, hash: string, nowMs: number): Promise<boolean> {
  const { meta } = await db
    .prepare("UPDATE oauth_code SET used_at = ?2 WHERE hash = ?1 AND used_at IS NULL AND expires_at > ?2")
    .bind(hash, nowMs)
    .run();
  return meta.changes === 1;
}
