import type { ServerId, TeamId } from "../id.ts";
import type { Category, Level } from "../risk/classify.ts";
import type { Db } from "./database.ts";
import { documentHash, putDocuments } from "./document.ts";
import { recordSight, type Server } from "./server.ts";

/** A tool as a look at its server found it. `definition` is canonical JSON; `hash` is the pin's. */
export interface SeenTool {
  readonly name: string;
  readonly hash: string;
  readonly definition: string;
  readonly category: Category;
  readonly level: Level;
  readonly flags: readonly string[];
  readonly evidence: unknown;
}

/** A tool as it is stored: what was accepted, and what the last look saw (null = gone from the server). */
export interface Tool {
  readonly name: string;
  readonly pinnedHash: string | null;
  readonly seenHash: string | null;
  /** The definition that a person refused, if one was. */
  readonly rejectedHash: string | null;
  readonly pinnedDefinition: string | null;
  readonly seenDefinition: string | null;
  readonly category: Category;
  readonly level: Level;
}

interface Row {
  name: string;
  pinned_hash: string | null;
  seen_hash: string | null;
  rejected_hash: string | null;
  pinned_definition: string | null;
  seen_definition: string | null;
  category: Category;
  level: Level;
}

const tool = (row: Row): Tool => ({
  name: row.name,
  pinnedHash: row.pinned_hash,
  seenHash: row.seen_hash,
  rejectedHash: row.rejected_hash,
  pinnedDefinition: row.pinned_definition,
  seenDefinition: row.seen_definition,
  category: row.category,
  level: row.level,
});

/**
 * Stores a successful look. While the server is pending this is the first one and accepts what it saw; afterwards a
 * changed or new definition is only noted and waits for a person, unless the server accepts by itself and `harmless` says
 * that it may. Both are decided inside the transaction, so two looks at once cannot both be first; and a look at an
 * address that the server has left changes nothing.
 */
export function recordLook(
  db: Db,
  server: Pick<Server, "team" | "id" | "url">,
  seen: readonly SeenTool[],
  { harmless, nowMs }: { readonly harmless: boolean; readonly nowMs: number },
): D1PreparedStatement[] {
  const { team, id, url } = server;
  const rows = seen.map((found) => ({
    name: found.name,
    hash: found.hash,
    document: documentHash(found.definition),
    category: found.category,
    level: found.level,
    flags: JSON.stringify(found.flags),
    evidence: JSON.stringify(found.evidence),
  }));
  return [
    ...putDocuments(
      db,
      seen.map((found) => found.definition),
    ),
    db
      .prepare(
        `UPDATE tool SET seen_hash = NULL, seen_document = NULL
          WHERE server_id IN (SELECT id FROM server WHERE team_id = ?1 AND id = ?2 AND url = ?3)`,
      )
      .bind(team, id, url),
    db
      .prepare(
        `INSERT INTO tool (server_id, name, pinned_hash, pinned_document, seen_hash, seen_document,
                           category, level, flags, evidence)
         SELECT s.id, v.value ->> 'name',
                iif(s.state = 'pending' OR (s.auto_accept AND ?5), v.value ->> 'hash', NULL),
                iif(s.state = 'pending' OR (s.auto_accept AND ?5), v.value ->> 'document', NULL),
                v.value ->> 'hash', v.value ->> 'document', v.value ->> 'category', v.value ->> 'level',
                v.value ->> 'flags', v.value ->> 'evidence'
           FROM server s, json_each(?4) v
          WHERE s.team_id = ?1 AND s.id = ?2 AND s.url = ?3
         ON CONFLICT (server_id, name) DO UPDATE SET
           pinned_hash = iif(${acceptsItself}, excluded.pinned_hash, pinned_hash),
           pinned_document = iif(${acceptsItself}, excluded.pinned_document, pinned_document),
           seen_hash = excluded.seen_hash, seen_document = excluded.seen_document,
           category = excluded.category, level = excluded.level,
           flags = excluded.flags, evidence = excluded.evidence`,
      )
      .bind(team, id, url, JSON.stringify(rows), harmless ? 1 : 0),
    // What was never accepted and is gone again leaves nothing, or a server could fill the table with names.
    db
      .prepare(
        `DELETE FROM tool WHERE seen_hash IS NULL AND pinned_hash IS NULL
            AND server_id IN (SELECT id FROM server WHERE team_id = ?1 AND id = ?2 AND url = ?3)`,
      )
      .bind(team, id, url),
    recordSight(db, server, nowMs),
  ];
}

// What a person refused is not taken back by a server that accepts by itself.
const acceptsItself = "excluded.pinned_hash IS NOT NULL AND excluded.seen_hash IS NOT rejected_hash";

const select = `
  SELECT o.name, o.pinned_hash, o.seen_hash, o.rejected_hash, p.body AS pinned_definition, n.body AS seen_definition,
         o.category, o.level
    FROM server s
    JOIN tool o ON o.server_id = s.id
    LEFT JOIN document p ON p.hash = o.pinned_document
    LEFT JOIN document n ON n.hash = o.seen_document
   WHERE s.team_id = ?1 AND s.id = ?2`;

/** A server's tools by name, from `after` (exclusive) on. */
export async function listTools(
  db: Db,
  team: TeamId,
  server: ServerId,
  after: string,
  limit: number,
): Promise<Tool[]> {
  const { results } = await db
    .prepare(`${select} AND o.name > ?3 ORDER BY o.name LIMIT ?4`)
    .bind(team, server, after, limit)
    .all<Row>();
  return results.map(tool);
}

/** One tool of a server, or null. */
export async function findTool(db: Db, team: TeamId, server: ServerId, name: string): Promise<Tool | null> {
  const row = await db.prepare(`${select} AND o.name = ?3`).bind(team, server, name).first<Row>();
  return row && tool(row);
}

/** The server's tools whose accepted definition is the one that it has now, with their risk. */
export async function listPins(
  db: Db,
  team: TeamId,
  server: ServerId,
): Promise<Pick<Tool, "name" | "category" | "level">[]> {
  const { results } = await db
    .prepare(
      `SELECT o.name, o.category, o.level FROM server s JOIN tool o ON o.server_id = s.id
        WHERE s.team_id = ?1 AND s.id = ?2 AND o.pinned_hash = o.seen_hash`,
    )
    .bind(team, server)
    .all<Pick<Row, "name" | "category" | "level">>();
  return results;
}

/** What was seen of a tool, and what of it is accepted, without its texts. */
export type Sighting = Pick<Tool, "name" | "pinnedHash" | "seenHash" | "category" | "level">;

/** Every tool of a server as the look before left it. */
export async function listSightings(db: Db, team: TeamId, server: ServerId): Promise<Sighting[]> {
  const { results } = await db
    .prepare(
      `SELECT o.name, o.pinned_hash AS pinnedHash, o.seen_hash AS seenHash, o.category, o.level
         FROM server s JOIN tool o ON o.server_id = s.id WHERE s.team_id = ?1 AND s.id = ?2`,
    )
    .bind(team, server)
    .all<Sighting>();
  return results;
}

/** The names of the tools that the team's servers show, each with its server's slug. */
export async function listToolNames(
  db: Db,
  team: TeamId,
  limit: number,
): Promise<{ server: string; name: string }[]> {
  const { results } = await db
    .prepare(
      `SELECT s.slug AS server, o.name FROM server s JOIN tool o ON o.server_id = s.id
        WHERE s.team_id = ?1 AND o.seen_hash IS NOT NULL ORDER BY s.slug, o.name LIMIT ?2`,
    )
    .bind(team, limit)
    .all<{ server: string; name: string }>();
  return results;
}

const ofSeen = `WHERE server_id IN (SELECT id FROM server WHERE team_id = ?1 AND id = ?2)
          AND name = ?3 AND seen_hash = ?4`;

/** Accepts the definition of that hash, if it is still the one that was seen last. */
export const acceptTool = (
  db: Db,
  team: TeamId,
  server: ServerId,
  name: string,
  hash: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE tool SET pinned_hash = seen_hash, pinned_document = seen_document, rejected_hash = NULL ${ofSeen}`,
    )
    .bind(team, server, name, hash);

/** Refuses the definition of that hash, if it is still the one that was seen last and nobody has accepted it. */
export const rejectTool = (
  db: Db,
  team: TeamId,
  server: ServerId,
  name: string,
  hash: string,
): D1PreparedStatement =>
  db
    .prepare(`UPDATE tool SET rejected_hash = seen_hash ${ofSeen} AND seen_hash IS NOT pinned_hash`)
    .bind(team, server, name, hash);
