import type { UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** What whoever holds a mailed link may do. */
export type MailPurpose = "confirm_email" | "reset_password";

/** A link that was mailed to a person. */
export interface MailLink {
  readonly user: UserId;
  readonly purpose: MailPurpose;
  /** Where it was sent, in lower case. */
  readonly email: string;
  readonly expiresAtMs: number;
}

/** Stores a link in the place of the person's earlier one for this purpose, and forgets those whose time is up. */
export const replaceMailLink = (
  db: Db,
  { user, purpose, email, expiresAtMs }: MailLink,
  hash: string,
  nowMs: number,
): D1PreparedStatement[] => [
  db.prepare("DELETE FROM mail_link WHERE expires_at <= ?1").bind(nowMs),
  db
    .prepare(
      `INSERT OR REPLACE INTO mail_link (hash, user_id, purpose, email, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)`,
    )
    .bind(hash, user, purpose, email, expiresAtMs),
];

/** The link that stands for this purpose behind a hash, or null. */
export const findMailLink = (
  db: Db,
  hash: string,
  purpose: MailPurpose,
  nowMs: number,
): Promise<Pick<MailLink, "user" | "email"> | null> =>
  db
    .prepare(
      "SELECT user_id AS user, email FROM mail_link WHERE hash = ?1 AND purpose = ?2 AND expires_at > ?3",
    )
    .bind(hash, purpose, nowMs)
    .first<Pick<MailLink, "user" | "email">>();

/** Uses a link up, with all others of its person. Breaks its batch (`isLinkUsed`) where somebody was faster. */
export const useMailLink = (db: Db, hash: string, user: UserId): D1PreparedStatement[] => [
  db
    .prepare(
      `UPDATE user SET created_at = CASE WHEN EXISTS (SELECT 1 FROM mail_link WHERE hash = ?2) THEN created_at END
        WHERE id = ?1`,
    )
    .bind(user, hash),
  db.prepare("DELETE FROM mail_link WHERE user_id = ?1").bind(user),
];

/** Whether `error` says that a link was used before, and nothing of its batch is written. */
export const isLinkUsed = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("NOT NULL constraint failed: user.created_at");
