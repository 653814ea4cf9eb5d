import type { TeamId, UserId } from "../id.ts";
import type { Db } from "./database.ts";

/**
 * Whether the team has somebody apart from `owners` who may decide where `approvers` are asked for: an admin, or where
 * that is enough one with the addition `approver`.
 */
export async function hasApproverBeside(
  db: Db,
  team: TeamId,
  approvers: "approver" | "admin",
  owners: readonly UserId[],
): Promise<boolean> {
  const row = await db
    .prepare(
      `SELECT 1 FROM member
        WHERE team_id = ?1 AND (role = 'admin' OR (approver = 1 AND ?2 = 'approver'))
          AND user_id NOT IN (SELECT value FROM json_each(?3)) LIMIT 1`,
    )
    .bind(team, approvers, JSON.stringify(owners))
    .first();
  return row !== null;
}
