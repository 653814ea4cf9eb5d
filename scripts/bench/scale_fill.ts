import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { GrantId, PolicyId, ServerId, TeamId, UserId } from "../../src/id.ts";
import { root } from "../start/wrangler.ts";
import { documents } from "./snapshot.ts";

/** How many there are of each: architecture.md §4 promises one indexed look-up at this size. */
export const perTeam = { servers: 10, tools: 5, policies: 5, grants: 10 };
const members = 3;
const documentsMax = 50;
const farMs = 365 * 86_400_000;

/** The team that is measured: it stands in the middle, and has more grants than the others. */
export interface Known {
  readonly email: string;
  readonly user: UserId;
  readonly team: TeamId;
  readonly slug: string;
  /** All of `grants` have this server with this policy. */
  readonly server: ServerId;
  readonly policy: PolicyId;
  readonly grants: readonly GrantId[];
}

const idOf = (prefix: string, n: number): string => `${prefix}_${String(n).padStart(26, "0")}`;
/** The same in SQL. */
const idSql = (prefix: string, n: string): string => `printf('${prefix}_%026d', ${n})`;
/** Rows numbered from 1. */
const numbers = (count: number): string =>
  `WITH RECURSIVE k (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < ${count})`;

/** Fills D1's file, which no Worker may have open, with teams of ordinary size; `password` is stored for everybody. */
export function fillDatabase(file: string, teams: number, grants: number, password: string): Known {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000");
  for (const name of readdirSync(join(root, "migrations")).sort()) {
    db.exec(readFileSync(join(root, "migrations", name), "utf8"));
  }
  const known = knownOf(teams, grants);
  db.exec("BEGIN");
  for (const sql of rowsOf(teams, password, Date.now())) db.exec(sql);
  fillDocuments(db);
  for (const sql of grantsOf(teams, known, Date.now())) db.exec(sql);
  db.exec("COMMIT; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  return known;
}

function knownOf(teams: number, grants: number): Known {
  const n = Math.ceil(teams / 2);
  const server = (n - 1) * perTeam.servers + 1;
  return {
    email: `user${n}@example.com`,
    user: idOf("usr", n) as UserId,
    team: idOf("tm", n) as TeamId,
    slug: `team-${n}`,
    server: idOf("srv", server) as ServerId,
    policy: idOf("pol", (server - 1) * perTeam.policies + 1) as PolicyId,
    // One of the team's ordinary grants has the first server, too.
    grants: Array.from(
      { length: grants - 1 },
      (_, i) => idOf("grt", teams * perTeam.grants + 1 + i) as GrantId,
    ),
  };
}

function rowsOf(teams: number, password: string, nowMs: number): string[] {
  const servers = teams * perTeam.servers;
  const policies = servers * perTeam.policies;
  const teamOf = (per: number): string => idSql("tm", `(n - 1) / ${per} + 1`);
  return [
    `${numbers(teams)} INSERT INTO user (id, email, password, created_at)
       SELECT ${idSql("usr", "n")}, 'user' || n || '@example.com', '${password}', ${nowMs} FROM k`,
    `${numbers(teams)} INSERT INTO team (id, slug, name, data_key, created_at)
       SELECT ${idSql("tm", "n")}, 'team-' || n, 'Team ' || n, 'key', ${nowMs} FROM k`,
    `${numbers(teams * members)} INSERT OR IGNORE INTO member (team_id, user_id, role, created_at)
       SELECT ${teamOf(members)}, ${idSql("usr", `((n - 1) / ${members} + (n - 1) % ${members}) % ${teams} + 1`)}, 'admin', ${nowMs} FROM k`,
    `${numbers(servers)} INSERT INTO server (id, team_id, slug, name, url, auth_type, state, created_at, look_at)
       SELECT ${idSql("srv", "n")}, ${teamOf(perTeam.servers)}, 's' || ((n - 1) % ${perTeam.servers}), 'Server', 'https://s.example/mcp',
              'none', 'ready', ${nowMs} + n, ${nowMs + farMs} FROM k`,
    `${numbers(servers * perTeam.tools)} INSERT INTO tool (server_id, name, pinned_hash, seen_hash, category, level, flags, evidence)
       SELECT ${idSql("srv", `(n - 1) / ${perTeam.tools} + 1`)}, 'tool_' || ((n - 1) % ${perTeam.tools}), 'h', 'h', 'Execute', 'high', '[]', '[]' FROM k`,
    `${numbers(policies)} INSERT INTO policy
       SELECT ${idSql("pol", "n")}, ${teamOf(perTeam.servers * perTeam.policies)}, ${idSql("srv", `(n - 1) / ${perTeam.policies} + 1`)},
              'p' || ((n - 1) % ${perTeam.policies}), 'P' || ((n - 1) % ${perTeam.policies}), 1, ${nowMs} + n FROM k`,
    `${numbers(policies)} INSERT INTO policy_revision (policy_id, revision, document, author_id, created_at)
       SELECT ${idSql("pol", "n")}, 1, 'document ' || (n % ${documentsMax}), ${idSql("usr", `(n - 1) / ${perTeam.servers * perTeam.policies} + 1`)}, ${nowMs} FROM k`,
  ];
}

/** The texts that the revisions name: each of them many times over, as templates are. */
function fillDocuments(db: DatabaseSync): void {
  const insert = db.prepare("INSERT INTO document (hash, body) VALUES (?, ?)");
  for (let i = 0; i < documentsMax; i++) {
    const body = JSON.stringify({ ...documents.full, hide: [`tool_${i}_*`] });
    insert.run(`document ${i}`, body);
  }
}

function grantsOf(teams: number, { team, user, server, policy, grants }: Known, nowMs: number): string[] {
  const count = teams * perTeam.grants;
  const expires = nowMs + farMs;
  const serverNumber = `(n - 1) / ${perTeam.grants} * ${perTeam.servers} + (n - 1) % ${perTeam.servers} + 1`;
  const more = `${numbers(grants.length)} `;
  const moreId = idSql("grt", `${count} + n`);
  const token = (grant: string, of: string): string =>
    `${of} INSERT INTO grant_token SELECT ${grant}, printf('jti_%026d', n), ${expires} FROM k`;
  const columns = "(id, team_id, label, tags, creator_id, expires_at, created_at)";
  return [
    `${numbers(count)} INSERT INTO "grant" ${columns}
       SELECT ${idSql("grt", "n")}, ${idSql("tm", `(n - 1) / ${perTeam.grants} + 1`)}, 'agent', '[]', ${idSql("usr", `(n - 1) / ${perTeam.grants} + 1`)}, ${expires}, ${nowMs} + n FROM k`,
    `${numbers(count)} INSERT INTO grant_server
       SELECT ${idSql("grt", "n")}, ${idSql("srv", serverNumber)}, ${idSql("pol", `(${serverNumber} - 1) * ${perTeam.policies} + 1`)} FROM k`,
    token(idSql("grt", "n"), numbers(count)),
    `${more} INSERT INTO "grant" ${columns}
       SELECT ${moreId}, '${team}', 'agent', '[]', '${user}', ${expires}, ${nowMs} + n FROM k`,
    `${more} INSERT INTO grant_server SELECT ${moreId}, '${server}', '${policy}' FROM k`,
    token(moreId, more),
  ];
}
