import type { UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** A person who signs in by their own address. */
export interface User {
  readonly id: UserId;
  /** Lower case; two spellings of one address are one user. */
  readonly email: string;
  /** When mail to the address was shown to reach them, in ms. */
  readonly emailVerifiedAt: number | null;
  /** null where there is none: they come in another way. */
  readonly password: string | null;
}

/** Adds a user; the address is unique, and not verified yet. */
export const insertUser = (db: Db, user: Omit<User, "emailVerifiedAt">, nowMs: number): D1PreparedStatement =>
  db
    .prepare("INSERT INTO user (id, email, password, created_at) VALUES (?1, ?2, ?3, ?4)")
    .bind(user.id, user.email, user.password, nowMs);

const select = "SELECT id, email, email_verified_at AS emailVerifiedAt, password FROM user";

/** The user of an address in lower case, or null. */
export const findUserByEmail = (db: Db, email: string): Promise<User | null> =>
  db.prepare(`${select} WHERE email = ?1`).bind(email).first<User>();

/** The user of that id, where they have an address; or null. */
export const findUser = (db: Db, id: UserId): Promise<User | null> =>
  db.prepare(`${select} WHERE id = ?1 AND email IS NOT NULL`).bind(id).first<User>();

/** Sets a person's address, which they have shown to read; the address is unique. */
export const setVerifiedEmail = (db: Db, id: UserId, email: string, nowMs: number): D1PreparedStatement =>
  db.prepare("UPDATE user SET email = ?2, email_verified_at = ?3 WHERE id = ?1").bind(id, email, nowMs);

/** Sets a person's password, hashed. */
export const setPassword = (db: Db, id: UserId, password: string): D1PreparedStatement =>
  db.prepare("UPDATE user SET password = ?2 WHERE id = ?1").bind(id, password);
