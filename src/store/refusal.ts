import type { Db } from "./database.ts";

const hourMs = 3_600_000;

/** Adds to the hour's counts of sign-ins that were refused before anybody was known. */
export async function countRefused(
  db: Db,
  nowMs: number,
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  const add = db.prepare(
    `INSERT INTO refused_sign_in (hour, surface, count) VALUES (?1, ?2, ?3)
     ON CONFLICT (hour, surface) DO UPDATE SET count = count + excluded.count`,
  );
  const hour = nowMs - (nowMs % hourMs);
  await db.batch([...counts].map(([surface, count]) => add.bind(hour, surface, count)));
}
