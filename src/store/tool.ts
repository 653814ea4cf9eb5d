import type { ServerId, TeamId } from "../id.ts";
import type { Category, Level } from "../risk/classify.ts";
import type { Db } from "./database.ts";
import { documentHash, putDocuments } from "./document.ts";

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
  readonly pinnedDefinition: string | null;
  readonly seenDefinition: string | null;
  readonly category: Category;
  readonly level: Level;
  readonly flags: readonly string[];
  readonly evidence: unknown;
}

interface Row {
  name: string;
  pinned_hash: string | null;
  seen_hash: string | null;
  pinned_definition: string | null;
  seen_definition: string | null;
  category: Category;
  level: Level;
  flags: string;
  evidence: string;
}

const tool = (row: Row): Tool => ({
  name: row.name,
  pinnedHash: row.pinned_hash,
  seenHash: row.seen_hash,
  pinnedDefinition: row.pinned_definition,
  seenDefinition: row.seen_definition,
  category: row.category,
  level: row.level,
  flags: JSON.parse(row.flags),
  evidence: JSON.parse(row.evidence),
});

/**
 * Stores a successful look. While the server is pending this is the first one and accepts what it saw; afterwards a
 * changed or new definition is only noted, and waits for a person. Whether it is the first is decided inside the
 * transaction, so two looks at once cannot both be.
 */
export function recordLook(
  db: Db,
  team: TeamId,
  server: ServerId,
  seen: readonly SeenTool[],
): D1PreparedStatement[] {
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
          WHERE server_id IN (SELECT id FROM server WHERE team_id = ?1 AND id = ?2)`,
      )
      .bind(team, server),
    db
      .prepare(
        `INSERT INTO tool (server_id, name, pinned_hash, pinned_document, seen_hash, seen_document,
                           category, level, flags, evidence)
         SELECT s.id, v.value ->> 'name',
                iif(s.state = 'pending', v.value ->> 'hash', NULL),
                iif(s.state = 'pending', v.value ->> 'document', NULL),
                v.value ->> 'hash', v.value ->> 'document', v.value ->> 'category', v.value ->> 'level',
                v.value ->> 'flags', v.value ->> 'evidence'
           FROM server s, json_each(?3) v
          WHERE s.team_id = ?1 AND s.id = ?2
         ON CONFLICT (server_id, name) DO UPDATE SET
           seen_hash = excluded.seen_hash, seen_document = excluded.seen_document,
           category = excluded.category, level = excluded.level,
           flags = excluded.flags, evidence = excluded.evidence`,
      )
      .bind(team, server, JSON.stringify(rows)),
    db
      .prepare("UPDATE server SET state = 'ready', why = NULL, detail = NULL WHERE team_id = ?1 AND id = ?2")
      .bind(team, server),
  ];
}

const select = `
  SELECT o.name, o.pinned_hash, o.seen_hash, p.body AS pinned_definition, n.body AS seen_definition,
         o.category, o.level, o.flags, o.evidence
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
      `UPDATE tool SET pinned_hash = seen_hash, pinned_document = seen_document
        WHERE server_id IN (SELECT id FROM server WHERE team_id = ?1 AND id = ?2)
          AND name = ?3 AND seen_hash = ?4`,
    )
    .bind(team, server, name, hash);
