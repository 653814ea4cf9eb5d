import type { UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** Forgets all that a person shows beside their password, or in its place. */
export const deleteSecondFactors = (db: Db, user: UserId): D1PreparedStatement[] =>
  ["totp", "recovery_code", "passkey"].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE user_id = ?1`).bind(user),
  );
