import type { UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** A person who signs in by their own address. */
export interface User {
  readonly id: UserId;
  /** Lower case; two spellings of one address are one user. */
  readonly email: string;
  /** null where there is none: they come in another way. */
  readonly password: string | null;
}

/** Adds a user; the address is unique, and not verified yet. */
export const insertUser = (db: Db, user: User, nowMs: number): D1PreparedStatement =>
  db
    .prepare("INSERT INTO user (id, email, password, created_at) VALUES (?1, ?2, ?3, ?4)")
    .bind(user.id, user.email, user.password, nowMs);

/** The user of an address in lower case, or null. */
export const findUserByEmail = (db: Db, email: string): Promise<User | null> =>
  db.prepare("SELECT id, email, password FROM user WHERE email = ?1").bind(email).first<User>();
