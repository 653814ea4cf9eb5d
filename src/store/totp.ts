import type { UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** A person's authenticator app. Times are in ms. */
export interface Totp {
  /** Sealed (`upstream/totp_secret.ts`). */
  readonly secret: string;
  /** null: no code of it has been shown yet, and it opens nothing. */
  readonly confirmedAt: number | null;
}

export async function findTotp(db: Db, user: UserId): Promise<Totp | null> {
  const row = await db
    .prepare("SELECT secret, confirmed_at FROM totp WHERE user_id = ?1")
    .bind(user)
    .first<{ secret: string; confirmed_at: number | null }>();
  return row && { secret: row.secret, confirmedAt: row.confirmed_at };
}

/** Begins to set an app up, in the place of one that was begun before and never confirmed. */
export const beginTotp = (db: Db, user: UserId, secret: string, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO totp (user_id, secret, last_step, created_at) VALUES (?1, ?2, 0, ?3)
       ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = 0, created_at = excluded.created_at
         WHERE confirmed_at IS NULL`,
    )
    .bind(user, secret, nowMs);

/** Uses the code of a time step, and confirms the app where it was not. Breaks its batch (`isSpent`) where that step or a later one was used. */
export const useTotpStep = (db: Db, user: UserId, step: number, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE totp SET last_step = CASE WHEN last_step < ?2 THEN ?2 END, confirmed_at = coalesce(confirmed_at, ?3)
        WHERE user_id = ?1`,
    )
    .bind(user, step, nowMs);

export const deleteTotp = (db: Db, user: UserId): D1PreparedStatement =>
  db.prepare("DELETE FROM totp WHERE user_id = ?1").bind(user);
