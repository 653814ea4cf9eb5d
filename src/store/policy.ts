import type { PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";
import { documentHash, putDocuments } from "./document.ts";

/** A named policy of a server, or (`server` null) the team's own. */
export interface Policy {
  readonly id: PolicyId;
  readonly team: TeamId;
  readonly server: ServerId | null;
  readonly slug: string;
  readonly name: string;
  readonly revision: number;
  readonly createdAt: number;
}

/** One saved version of a policy. `document` is the exact text, compact JSON; so is `tests`, null where there are none. */
export interface Revision {
  readonly revision: number;
  readonly document: string;
  readonly tests: string | null;
  readonly note: string | null;
  readonly author: UserId;
  readonly createdAt: number;
}

interface Row {
  id: PolicyId;
  team_id: TeamId;
  server_id: ServerId | null;
  slug: string;
  name: string;
  revision: number;
  created_at: number;
}

interface RevisionRow {
  revision: number;
  body: string;
  tests: string | null;
  note: string | null;
  author_id: UserId;
  created_at: number;
}

const columns = "id, team_id, server_id, slug, name, revision, created_at";

const policy = (row: Row): Policy => ({
  id: row.id,
  team: row.team_id,
  server: row.server_id,
  slug: row.slug,
  name: row.name,
  revision: row.revision,
  createdAt: row.created_at,
});

const revision = (row: RevisionRow): Revision => ({
  revision: row.revision,
  document: row.body,
  tests: row.tests,
  note: row.note,
  author: row.author_id,
  createdAt: row.created_at,
});

/** Adds a policy with its first revision; the slug is unique in the server. */
export function insertPolicy(db: Db, given: Policy, first: Revision): D1PreparedStatement[] {
  return [
    db
      .prepare(
        `INSERT INTO policy (id, team_id, server_id, slug, name, revision, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
      )
      .bind(given.id, given.team, given.server, given.slug, given.name, given.revision, given.createdAt),
    ...insertRevision(db, given.team, given.id, first),
  ];
}

/**
 * Adds a revision and makes it current. Breaks a key, and so undoes its batch, where that number is taken; and breaks it
 * too (`isGone`) where there is no such policy any more.
 */
export function insertRevision(db: Db, team: TeamId, id: PolicyId, next: Revision): D1PreparedStatement[] {
  const { revision, document, tests, note, author, createdAt } = next;
  return [
    ...putDocuments(db, tests === null ? [document] : [document, tests]),
    db
      .prepare(
        `INSERT INTO policy_revision (policy_id, revision, document, tests, note, author_id, created_at)
         VALUES ((SELECT id FROM policy WHERE team_id = ?1 AND id = ?2), ?3, ?4, ?5, ?6, ?7, ?8)`,
      )
      .bind(
        team,
        id,
        revision,
        documentHash(document),
        tests === null ? null : documentHash(tests),
        note,
        author,
        createdAt,
      ),
    db
      .prepare("UPDATE policy SET revision = ?3 WHERE team_id = ?1 AND id = ?2")
      .bind(team, id, next.revision),
  ];
}

/** The policy of that id, slug or name at this server (null: the team's own), in that order, or null. */
export async function findPolicy(
  db: Db,
  team: TeamId,
  server: ServerId | null,
  called: string,
): Promise<Policy | null> {
  const row = await db
    .prepare(
      `SELECT ${columns} FROM policy
        WHERE team_id = ?1 AND server_id IS ?2 AND (slug = ?3 OR id = ?3 OR name = ?3)
        ORDER BY id = ?3 DESC, slug = ?3 DESC LIMIT 1`,
    )
    .bind(team, server, called)
    .first<Row>();
  return row && policy(row);
}

/** A server's policies, oldest first. */
export async function listPolicies(
  db: Db,
  team: TeamId,
  server: ServerId,
  after: After,
  limit: number,
): Promise<Policy[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns} FROM policy
        WHERE team_id = ?1 AND server_id = ?2 AND (created_at, id) > (?3, ?4)
        ORDER BY created_at, id LIMIT ?5`,
    )
    .bind(team, server, after.createdAt, after.id, limit)
    .all<Row>();
  return results.map(policy);
}

const revisions = `
  SELECT r.revision, d.body, t.body AS tests, r.note, r.author_id, r.created_at
    FROM policy p
    JOIN policy_revision r ON r.policy_id = p.id
    JOIN document d ON d.hash = r.document
    LEFT JOIN document t ON t.hash = r.tests
   WHERE p.team_id = ?1 AND p.id = ?2`;

/** One revision of a policy, or null. */
export async function findRevision(
  db: Db,
  team: TeamId,
  id: PolicyId,
  number: number,
): Promise<Revision | null> {
  const row = await db
    .prepare(`${revisions} AND r.revision = ?3`)
    .bind(team, id, number)
    .first<RevisionRow>();
  return row && revision(row);
}

/** A policy's revisions, newest first, those before `before`. */
export async function listRevisions(
  db: Db,
  team: TeamId,
  id: PolicyId,
  before: number,
  limit: number,
): Promise<Revision[]> {
  const { results } = await db
    .prepare(`${revisions} AND r.revision < ?3 ORDER BY r.revision DESC LIMIT ?4`)
    .bind(team, id, before, limit)
    .all<RevisionRow>();
  return results.map(revision);
}

/** How many grants that stand have this policy attached. */
export async function countAttachments(db: Db, team: TeamId, id: PolicyId): Promise<number> {
  const row = await db
    .prepare(
      `SELECT count(*) AS attached FROM grant_server a JOIN "grant" g ON g.id = a.grant_id
        WHERE g.team_id = ?1 AND a.policy_id = ?2 AND g.revoked_at IS NULL`,
    )
    .bind(team, id)
    .first<{ attached: number }>();
  return row?.attached ?? 0;
}

/**
 * Removes a policy and its history; a grant that still has it attached is left with none, which denies. Breaks its batch
 * (`isStale`) where it is at another revision than `expected`, if one is.
 */
export const deletePolicy = (
  db: Db,
  team: TeamId,
  id: PolicyId,
  expected: number | null,
): D1PreparedStatement[] => [
  db
    .prepare(
      `UPDATE policy SET revision = CASE WHEN ?3 IS NULL OR revision = ?3 THEN revision END
        WHERE team_id = ?1 AND id = ?2`,
    )
    .bind(team, id, expected),
  db
    .prepare(
      `UPDATE grant_server SET policy_id = NULL
        WHERE policy_id IN (SELECT id FROM policy WHERE team_id = ?1 AND id = ?2)`,
    )
    .bind(team, id),
  db
    .prepare(
      `DELETE FROM policy_revision WHERE policy_id IN
         (SELECT id FROM policy WHERE team_id = ?1 AND id = ?2)`,
    )
    .bind(team, id),
  db.prepare("DELETE FROM policy WHERE team_id = ?1 AND id = ?2").bind(team, id),
];

/** Whether `error` says that a policy was removed meanwhile, and nothing is written. */
export const isGone = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("NOT NULL constraint failed: policy_revision.policy_id");

/** Whether `error` says that a policy is at another revision than was expected, and nothing is written. */
export const isStale = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("NOT NULL constraint failed: policy.revision");
