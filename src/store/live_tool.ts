import type { ServerId, TeamId } from "../id.ts";
import type { Db } from "./database.ts";

/** A tool that the last look at its server saw: `definition` is canonical JSON, `server` the server's slug. */
export interface LiveDefinition {
  readonly server: string;
  readonly name: string;
  readonly category: string;
  readonly definition: string;
}

/** What is there now at one server of the team, or (`server` null) at all of them. */
export async function listLiveTools(
  db: Db,
  team: TeamId,
  server: ServerId | null,
  limit: number,
): Promise<LiveDefinition[]> {
  const { results } = await db
    .prepare(
      `SELECT s.slug AS server, o.name, o.category, d.body AS definition
         FROM server s JOIN tool o ON o.server_id = s.id JOIN document d ON d.hash = o.seen_document
        WHERE s.team_id = ?1 AND (?2 IS NULL OR s.id = ?2)
        ORDER BY s.slug, o.name LIMIT ?3`,
    )
    .bind(team, server, limit)
    .all<LiveDefinition>();
  return results;
}
