import type { Db } from "./database.ts";

/** Answers a challenge: no batch with the same one passes again (`isSpent`). Those whose time is up are forgotten. */
export const spendChallenge = (
  db: Db,
  { jti, expiresAtMs }: { readonly jti: string; readonly expiresAtMs: number },
  nowMs: number,
): D1PreparedStatement[] => [
  db.prepare("DELETE FROM spent_challenge WHERE expires_at <= ?1").bind(nowMs),
  db.prepare("INSERT INTO spent_challenge (jti, expires_at) VALUES (?1, ?2)").bind(jti, expiresAtMs),
];

const spent =
  /UNIQUE constraint failed: spent_challenge\.jti|NOT NULL constraint failed: (?:totp\.last_step|recovery_code\.user_id|passkey\.(?:counter|user_id))/;

/** Whether `error` says that what was shown cannot be taken: it was used before, or there is no room for it. Nothing is written. */
export const isSpent = (error: unknown): boolean => error instanceof Error && spent.test(error.message);
