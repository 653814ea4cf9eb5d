import type { HookId, TeamId } from "../id.ts";
import type { After, Db } from "./database.ts";

/** What a hook can be told of. */
export const hookEvents = [
  "approval.requested",
  "approval.approved",
  "approval.refused",
  "grant.denied_burst",
  "grant.expiring",
  "server.definition_changed",
  "server.credential_failing",
] as const;
export type HookEvent = (typeof hookEvents)[number];

/** An address of a team's that is told of events. Times are in ms. */
export interface Hook {
  readonly id: HookId;
  readonly team: TeamId;
  readonly url: string;
  readonly events: readonly string[];
  /** Sealed (`upstream/hook_secret.ts`). */
  readonly secret: string;
  readonly createdAt: number;
}

interface Row {
  id: HookId;
  team_id: TeamId;
  url: string;
  events: string;
  secret: string;
  created_at: number;
}

const hook = (row: Row): Hook => ({
  id: row.id,
  team: row.team_id,
  url: row.url,
  events: JSON.parse(row.events),
  secret: row.secret,
  createdAt: row.created_at,
});

export const insertHook = (db: Db, given: Hook): D1PreparedStatement =>
  db
    .prepare(
      "INSERT INTO hook (id, team_id, url, events, secret, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(given.id, given.team, given.url, JSON.stringify(given.events), given.secret, given.createdAt);

/** Removes a hook with all that it was told, or is yet to be told. */
export const deleteHook = (db: Db, team: TeamId, id: HookId): D1PreparedStatement[] => [
  db.prepare("DELETE FROM hook_delivery WHERE team_id = ?1 AND hook_id = ?2").bind(team, id),
  db.prepare("DELETE FROM hook WHERE team_id = ?1 AND id = ?2").bind(team, id),
];

const columns = "id, team_id, url, events, secret, created_at";

export async function findHook(db: Db, team: TeamId, id: string): Promise<Hook | null> {
  const row = await db
    .prepare(`SELECT ${columns} FROM hook WHERE team_id = ?1 AND id = ?2`)
    .bind(team, id)
    .first<Row>();
  return row && hook(row);
}

/** The team's hooks, oldest first. */
export async function listHooks(db: Db, team: TeamId, after: After, limit: number): Promise<Hook[]> {
  const { results } = await db
    .prepare(
      `SELECT ${columns} FROM hook WHERE team_id = ?1 AND (created_at, id) > (?2, ?3)
        ORDER BY created_at, id LIMIT ?4`,
    )
    .bind(team, after.createdAt, after.id, limit)
    .all<Row>();
  return results.map(hook);
}
