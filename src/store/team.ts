import type { Snapshot } from "../gate/snapshot.ts";
import type { TeamId, UserId } from "../id.ts";
import type { After, Db } from "./database.ts";
import { closedTo } from "./identity.ts";

export type Role = "viewer" | "policy_manager" | "admin";
export type Frozen = Snapshot["team"]["frozen"];

export interface Team {
  readonly id: TeamId;
  readonly slug: string;
  readonly name: string;
  readonly zone: string;
  readonly frozen: Frozen;
  /** How long the team's log is kept. */
  readonly retentionDays: number;
  /** Members with an account of their own get in only with a second factor. */
  readonly secondFactor: boolean;
  /** The team's data key, wrapped (`upstream/vault.ts`). */
  readonly dataKey: string;
  readonly createdAt: number;
}

/** A team as one of its members meets it. */
export interface Membership {
  readonly team: Team;
  readonly role: Role;
  readonly approver: boolean;
  readonly auditor: boolean;
  /** The team takes only those who come by its identity provider, or have a second factor, and this member does not. */
  readonly closed: "issuer" | "second_factor" | null;
}

interface Row {
  id: TeamId;
  slug: string;
  name: string;
  zone: string;
  frozen: Frozen;
  retention_days: number;
  second_factor: number;
  data_key: string;
  created_at: number;
  role: Role;
  approver: number;
  auditor: number;
  closed: Membership["closed"];
}

const columns =
  "t.id, t.slug, t.name, t.zone, t.frozen, t.retention_days, t.second_factor, t.data_key, t.created_at, m.role, m.approver, m.auditor";
const closed = `${closedTo("m.user_id")} AS closed`;
const joined = "member m JOIN team t ON t.id = m.team_id LEFT JOIN identity i ON i.team_id = t.id";

const membership = (row: Row): Membership => ({
  team: {
    id: row.id,
    slug: row.slug,
    name: row.name,
    zone: row.zone,
    frozen: row.frozen,
    retentionDays: row.retention_days,
    secondFactor: row.second_factor === 1,
    dataKey: row.data_key,
    createdAt: row.created_at,
  },
  role: row.role,
  approver: row.approver === 1,
  auditor: row.auditor === 1,
  closed: row.closed,
});

/** How many teams one person may administer and still found another: else quotas of a team would hold nobody. */
export const foundedTeamsMax = 50;

/**
 * A new team with its first member, who administers it. The slug is unique over all teams. Breaks its batch
 * (`isRoleRefused`) where that person administers too many.
 */
export function insertTeam(db: Db, team: Team, admin: UserId): D1PreparedStatement[] {
  return [
    db
      .prepare(
        `INSERT INTO team (id, slug, name, zone, frozen, retention_days, data_key, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
      )
      .bind(
        team.id,
        team.slug,
        team.name,
        team.zone,
        team.frozen,
        team.retentionDays,
        team.dataKey,
        team.createdAt,
      ),
    db
      .prepare(
        `INSERT INTO member (team_id, user_id, role, created_at)
         SELECT ?1, ?2, CASE WHEN count(*) < ${foundedTeamsMax} THEN 'admin' END, ?3
           FROM member WHERE user_id = ?2 AND role = 'admin'`,
      )
      .bind(team.id, admin, team.createdAt),
  ];
}

/**
 * The team of that slug or id, if this user belongs to it and, where their session opens one team `only`, it is that one.
 * Every other answer about a team starts here.
 */
export async function findMembership(
  db: Db,
  user: UserId,
  slugOrId: string,
  only: TeamId | null,
): Promise<Membership | null> {
  const row = await db
    .prepare(
      `SELECT ${columns}, ${closed} FROM ${joined}
        WHERE m.user_id = ?1 AND (t.id = ?2 OR t.slug = ?2) AND (?3 IS NULL OR t.id = ?3)`,
    )
    .bind(user, slugOrId, only)
    .first<Row>();
  return row && membership(row);
}

/** The user's teams that their session opens, oldest first. */
export async function listMemberships(
  db: Db,
  user: UserId,
  only: TeamId | null,
  after: After,
  limit: number,
): Promise<Membership[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns}, ${closed} FROM ${joined}
        WHERE m.user_id = ?1 AND (t.created_at, t.id) > (?2, ?3) AND (?5 IS NULL OR t.id = ?5)
        ORDER BY t.created_at, t.id LIMIT ?4`,
    )
    .bind(user, after.createdAt, after.id, limit, only)
    .all<Row>();
  return results.map(membership);
}

/** A team's data key, wrapped; null where there is no such team. */
export async function findDataKey(db: Db, team: TeamId): Promise<string | null> {
  const row = await db
    .prepare("SELECT data_key FROM team WHERE id = ?1")
    .bind(team)
    .first<{ data_key: string }>();
  return row?.data_key ?? null;
}

/** Sets what a team's admin may change. */
export const updateTeam = (
  db: Db,
  team: TeamId,
  to: Pick<Team, "name" | "zone" | "frozen" | "retentionDays" | "secondFactor">,
): D1PreparedStatement =>
  db
    .prepare(
      "UPDATE team SET name = ?2, zone = ?3, frozen = ?4, retention_days = ?5, second_factor = ?6 WHERE id = ?1",
    )
    .bind(team, to.name, to.zone, to.frozen, to.retentionDays, to.secondFactor ? 1 : 0);

/** Lifts the team's epoch past its gates', where a database restored from a back-up stands behind them. */
export const raiseEpoch = (db: Db, team: TeamId, gateEpoch: number): Promise<D1Result> =>
  db.prepare("UPDATE team SET epoch = ?2 + 1 WHERE id = ?1 AND epoch < ?2").bind(team, gateEpoch).run();
