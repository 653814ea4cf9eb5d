import type { Db } from "./database.ts";

/** A client that has registered itself. Times are in ms. */
export interface RegisteredClient {
  readonly id: string;
  /** JSON, as `oauth/registration.ts` wrote it. */
  readonly metadata: string;
  /** SHA-256 in hex; null where it has no secret. */
  readonly secretHash: string | null;
}

/** Adds a client, and forgets those that nobody has agreed to in time. */
export const insertClient = (
  db: Db,
  client: RegisteredClient,
  nowMs: number,
  forgetAt: number,
): D1PreparedStatement[] => [
  db.prepare("DELETE FROM oauth_client WHERE forget_at <= ?1").bind(nowMs),
  db
    .prepare(
      "INSERT INTO oauth_client (id, metadata, secret_hash, created_at, forget_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(client.id, client.metadata, client.secretHash, nowMs, forgetAt),
];

/** The client of that id, or null. */
export const findClient = (db: Db, id: string, nowMs: number): Promise<RegisteredClient | null> =>
  db
    .prepare(
      `SELECT id, metadata, secret_hash AS secretHash FROM oauth_client WHERE id = ?1 AND forget_at > ?2`,
    )
    .bind(id, nowMs)
    .first<RegisteredClient>();

/** Keeps a client that somebody has agreed to. A client that is named by its document has no row, and needs none. */
export const keepClient = (db: Db, id: string, forgetAt: number): D1PreparedStatement =>
  db.prepare("UPDATE oauth_client SET forget_at = max(forget_at, ?2) WHERE id = ?1").bind(id, forgetAt);

/** Notes that an assertion was used, and forgets those that have expired. False where it was used before. */
export async function useAssertion(db: Db, hash: string, expiresAt: number, nowMs: number): Promise<boolean> {
  const [, used] = await db.batch([
    db.prepare("DELETE FROM oauth_assertion WHERE expires_at <= ?1").bind(nowMs),
    db
      .prepare("INSERT INTO oauth_assertion (hash, expires_at) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING")
      .bind(hash, expiresAt),
  ]);
  return used?.meta.changes === 1;
}
