import type { Db } from "./database.ts";

/** A request that came with a key. Both are SHA-256 in hex: `id` over person and key, `request` over what was asked. */
export interface Keyed {
  readonly id: string;
  readonly request: string;
}

/** What is known of a key: it is new, and now this request's own; or another request has it, with its sealed answer if there is one. */
export type Claimed =
  | { readonly is: "new" }
  | { readonly is: "known"; readonly request: string; readonly answer: string | null };

/** Takes a key for a request, if nobody has it. Those whose time is up are forgotten. */
export async function claimKey(
  db: Db,
  { id, request }: Keyed,
  { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number },
): Promise<Claimed> {
  const [, taken, found] = await db.batch<{ request: string; answer: string | null }>([
    forgetKeys(db, nowMs),
    db
      .prepare(
        `INSERT INTO idempotency (id, request, expires_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO NOTHING RETURNING request, answer`,
      )
      .bind(id, request, untilMs),
    db.prepare("SELECT request, answer FROM idempotency WHERE id = ?1").bind(id),
  ]);
  const known = found?.results[0];
  if ((taken?.results.length ?? 0) > 0 || !known) return { is: "new" };
  return { is: "known", ...known };
}

/** Keeps the answer of the request that has the key. */
export const keepAnswer = (db: Db, id: string, answer: string): Promise<unknown> =>
  db.prepare("UPDATE idempotency SET answer = ?2 WHERE id = ?1").bind(id, answer).run();

/** Gives a key back, because nothing was done. */
export const releaseKey = (db: Db, id: string): Promise<unknown> =>
  db.prepare("DELETE FROM idempotency WHERE id = ?1").bind(id).run();

/** Forgets keys whose time is up, with their answers. */
export const forgetKeys = (db: Db, nowMs: number): D1PreparedStatement =>
  db.prepare("DELETE FROM idempotency WHERE expires_at <= ?1").bind(nowMs);
