import type { PasskeyId, UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** A person's passkey. Credential and COSE key are in base64url; times are in ms. */
export interface Passkey {
  readonly id: PasskeyId;
  readonly user: UserId;
  readonly credential: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly name: string;
  readonly createdAt: number;
  readonly usedAt: number | null;
}

interface Row {
  id: PasskeyId;
  user_id: UserId;
  credential: string;
  public_key: string;
  counter: number;
  transports: string;
  name: string;
  created_at: number;
  used_at: number | null;
}

const columns = "id, user_id, credential, public_key, counter, transports, name, created_at, used_at";

const passkey = (row: Row): Passkey => ({
  id: row.id,
  user: row.user_id,
  credential: row.credential,
  publicKey: row.public_key,
  counter: row.counter,
  transports: JSON.parse(row.transports),
  name: row.name,
  createdAt: row.created_at,
  usedAt: row.used_at,
});

/** How many passkeys a person may have. */
export const passkeysMax = 20;

/** Adds a passkey. Breaks its batch where anybody has it already (`isTaken`), and where its person has too many (`isSpent`). */
export const insertPasskey = (db: Db, given: Passkey): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO passkey (${columns})
       SELECT ?1, CASE WHEN count(*) < ${passkeysMax} THEN ?2 END, ?3, ?4, ?5, ?6, ?7, ?8, ?9
         FROM passkey WHERE user_id = ?2`,
    )
    .bind(
      given.id,
      given.user,
      given.credential,
      given.publicKey,
      given.counter,
      JSON.stringify(given.transports),
      given.name,
      given.createdAt,
      given.usedAt,
    );

/** A person's passkeys, oldest first. */
export async function listPasskeys(db: Db, user: UserId): Promise<Passkey[]> {
  const { results } = await db
    .prepare(`SELECT ${columns} FROM passkey WHERE user_id = ?1 ORDER BY created_at, id`)
    .bind(user)
    .all<Row>();
  return results.map(passkey);
}

/** The passkey that an authenticator calls so, whoever's it is, or null. */
export async function findPasskey(db: Db, credential: string): Promise<Passkey | null> {
  const row = await db
    .prepare(`SELECT ${columns} FROM passkey WHERE credential = ?1`)
    .bind(credential)
    .first<Row>();
  return row && passkey(row);
}

/**
 * Notes a use of a passkey. Breaks its batch (`isSpent`) where its counter does not go up: a copy may be about (WebAuthn L3
 * §6.1.1). Many authenticators do not count and always say 0.
 */
export const usePasskey = (db: Db, id: PasskeyId, counter: number, nowMs: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE passkey SET counter = CASE WHEN ?2 > counter OR (?2 = 0 AND counter = 0) THEN ?2 END, used_at = ?3
        WHERE id = ?1`,
    )
    .bind(id, counter, nowMs);

/** Gives one of a person's passkeys another name; the answer is how many there were to name. */
export const renamePasskey = async (db: Db, user: UserId, id: string, name: string): Promise<number> =>
  (await db.prepare("UPDATE passkey SET name = ?3 WHERE user_id = ?1 AND id = ?2").bind(user, id, name).run())
    .meta.changes;

export const deletePasskey = (db: Db, user: UserId, id: PasskeyId): D1PreparedStatement =>
  db.prepare("DELETE FROM passkey WHERE user_id = ?1 AND id = ?2").bind(user, id);
