import type { PolicyId, ServerId, TeamId } from "../id.ts";
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
  readonly createdAt: number;
  readonly updatedAt: number;
}

const columns = `i.team_id AS team, i.revision, i.issuer, i.audience, i.algorithms, i.jwks_uri AS jwksUri, i.mapping,
  i.created_at AS createdAt, i.updated_at AS updatedAt`;

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
      `INSERT INTO identity (team_id, revision, issuer, audience, algorithms, jwks_uri, mapping, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
       ON CONFLICT (team_id) DO UPDATE SET
         revision = max(excluded.revision, identity.revision + 1), issuer = excluded.issuer,
         audience = excluded.audience, algorithms = excluded.algorithms, jwks_uri = excluded.jwks_uri,
         mapping = excluded.mapping, updated_at = excluded.updated_at`,
    )
    .bind(to.team, to.revision, to.issuer, to.audience, to.algorithms, to.jwksUri, to.mapping, to.updatedAt);

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
