import type { PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** A team's identity provider, as it is stored. `algorithms` and `mapping` are JSON; times are in ms. */
export interface Identity {
  readonly team: TeamId;
  readonly revision: number;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: string;
  readonly jwksUri: string;
  readonly mapping: string;
  /** How people sign in by it, in JSON; null = they cannot. */
  readonly signIn: string | null;
  /** Sealed. */
  readonly clientSecret: string | null;
  /** 1: members with an account of their own stay out, but for `breakGlass` once they have a second factor. */
  readonly required: 0 | 1;
  readonly breakGlass: UserId | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const columns = `i.team_id AS team, i.revision, i.issuer, i.audience, i.algorithms, i.jwks_uri AS jwksUri, i.mapping,
  i.sign_in AS signIn, i.client_secret AS clientSecret, i.required, i.break_glass_id AS breakGlass,
  i.created_at AS createdAt, i.updated_at AS updatedAt`;

const secondFactorOf = (user: string): string =>
  `(EXISTS (SELECT 1 FROM totp f WHERE f.user_id = ${user} AND f.confirmed_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM passkey f WHERE f.user_id = ${user}))`;

const ownAccount = (user: string): string =>
  `EXISTS (SELECT 1 FROM user a WHERE a.id = ${user} AND a.email IS NOT NULL)`;

/**
 * Why a team stays closed to its member, or NULL. `issuer`, whatever they have signed in by: it requires its identity
 * provider, they have an account of their own, and they are not the one who gets in all the same. `second_factor`: it
 * requires one of such members, and they have set none up. Of the columns `t.*` (team), `i.*` (identity) and a user's.
 */
export const closedTo = (user: string): string =>
  `(CASE WHEN coalesce(i.required, 0) = 1 AND ${ownAccount(user)}
            AND NOT (coalesce(i.break_glass_id, '') = ${user} AND ${secondFactorOf(user)}) THEN 'issuer'
         WHEN t.second_factor = 1 AND ${ownAccount(user)} AND NOT ${secondFactorOf(user)} THEN 'second_factor' END)`;

/** The team's identity provider, or null. */
export const findIdentity = (db: Db, team: TeamId): Promise<Identity | null> =>
  db.prepare(`SELECT ${columns} FROM identity i WHERE i.team_id = ?1`).bind(team).first<Identity>();

/** The identity provider of the team with that slug, or null: for a request that nothing is known of but its URL. */
export const findIdentityAt = (db: Db, slug: string): Promise<Identity | null> =>
  db
    .prepare(`SELECT ${columns} FROM team t JOIN identity i ON i.team_id = t.id WHERE t.slug = ?1`)
    .bind(slug)
    .first<Identity>();

/** Sets a team's identity provider. Its revision is `to.revision`, or one past what it was where that is higher. */
export const putIdentity = (db: Db, to: Identity): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO identity (team_id, revision, issuer, audience, algorithms, jwks_uri, mapping, sign_in, client_secret,
                             required, break_glass_id, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)
       ON CONFLICT (team_id) DO UPDATE SET
         revision = max(excluded.revision, identity.revision + 1), issuer = excluded.issuer,
         audience = excluded.audience, algorithms = excluded.algorithms, jwks_uri = excluded.jwks_uri,
         mapping = excluded.mapping, sign_in = excluded.sign_in, client_secret = excluded.client_secret,
         required = excluded.required, break_glass_id = excluded.break_glass_id, updated_at = excluded.updated_at`,
    )
    .bind(
      to.team,
      to.revision,
      to.issuer,
      to.audience,
      to.algorithms,
      to.jwksUri,
      to.mapping,
      to.signIn,
      to.clientSecret,
      to.required,
      to.breakGlass,
      to.updatedAt,
    );

/** Whether somebody shows more than a password when they sign in. */
export async function hasSecondFactor(db: Db, user: UserId): Promise<boolean> {
  const row = await db
    .prepare(`SELECT ${secondFactorOf("?1")} AS has`)
    .bind(user)
    .first<{ has: number }>();
  return row?.has === 1;
}

/** Whether a team depends on this member to get in when its required identity provider fails. */
export async function isBreakGlass(db: Db, team: TeamId, user: UserId): Promise<boolean> {
  const row = await db
    .prepare("SELECT 1 AS is_so FROM identity WHERE team_id = ?1 AND required = 1 AND break_glass_id = ?2")
    .bind(team, user)
    .first();
  return row !== null;
}

export const deleteIdentity = (db: Db, team: TeamId): D1PreparedStatement =>
  db.prepare("DELETE FROM identity WHERE team_id = ?1").bind(team);

/** A server and a policy of it by their ids, as a mapping names them. */
interface MappedIds {
  readonly server: ServerId;
  readonly policy: PolicyId | null;
}

/** The slugs of those servers and policies that the team still has, by id. */
export async function findSlugs(
  db: Db,
  team: TeamId,
  mapped: readonly MappedIds[],
): Promise<ReadonlyMap<string, string>> {
  const ids = JSON.stringify(mapped.flatMap(({ server, policy }) => [server, policy]));
  const { results } = await db
    .prepare(
      `SELECT id, slug FROM server WHERE team_id = ?1 AND id IN (SELECT value FROM json_each(?2))
       UNION ALL SELECT id, slug FROM policy WHERE team_id = ?1 AND id IN (SELECT value FROM json_each(?2))`,
    )
    .bind(team, ids)
    .all<{ id: string; slug: string }>();
  return new Map(results.map(({ id, slug }) => [id, slug]));
}
