import type { UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** Gives a person these codes, by their hashes, in the place of all they had. */
export const replaceRecoveryCodes = (
  db: Db,
  user: UserId,
  hashes: readonly string[],
): D1PreparedStatement[] => [
  deleteRecoveryCodes(db, user),
  db
    .prepare("INSERT INTO recovery_code (user_id, hash) SELECT ?1, value FROM json_each(?2)")
    .bind(user, JSON.stringify(hashes)),
];

/** Forgets the codes of a person who has nothing left that they could stand in for: with the last factor they go too. */
export const deleteStrandedRecoveryCodes = (db: Db, user: UserId): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM recovery_code WHERE user_id = ?1
          AND NOT EXISTS (SELECT 1 FROM totp WHERE totp.user_id = ?1 AND confirmed_at IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM passkey WHERE passkey.user_id = ?1)`,
    )
    .bind(user);

const deleteRecoveryCodes = (db: Db, user: UserId): D1PreparedStatement =>
  db.prepare("DELETE FROM recovery_code WHERE user_id = ?1").bind(user);

/** How many of a person's codes can still be used. */
export async function countRecoveryCodes(db: Db, user: UserId): Promise<number> {
  const row = await db
    .prepare("SELECT count(*) AS n FROM recovery_code WHERE user_id = ?1 AND used_at IS NULL")
    .bind(user)
    .first<{ n: number }>();
  return row?.n ?? 0;
}

/** Whether a person has this code and has not used it. */
export async function hasRecoveryCode(db: Db, user: UserId, hash: string): Promise<boolean> {
  const row = await db
    .prepare("SELECT 1 FROM recovery_code WHERE user_id = ?1 AND hash = ?2 AND used_at IS NULL")
    .bind(user, hash)
    .first();
  return row !== null;
}

/** Uses a code up. Breaks its batch (`isSpent`) where it was used already. */
export const useRecoveryCode = (db: Db, user: UserId, hash: string, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE recovery_code SET user_id = CASE WHEN used_at IS NULL THEN user_id END, used_at = ?3
        WHERE user_id = ?1 AND hash = ?2`,
    )
    .bind(user, hash, nowMs);
