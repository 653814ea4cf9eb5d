import type { Pin, PolicyText, Route, Snapshot } from "../gate/snapshot.ts";
import type { GrantId, PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { Category, Level } from "../risk/classify.ts";
import type { Db } from "./database.ts";

const standing = `
  SELECT t.id AS team_id, t.slug, t.zone, t.frozen, t.epoch, t.data_key,
         g.label, g.tags, g.expires_at,
         g.revoked_at IS NOT NULL OR (g.member_id IS NOT NULL AND m.user_id IS NULL) AS revoked,
         m.user_id, m.role, u.email,
         p.id AS policy_id, p.name AS policy_name, p.revision AS policy_revision, d.body AS policy_text
    FROM "grant" g
    JOIN team t ON t.id = g.team_id
    LEFT JOIN member m ON m.team_id = g.team_id AND m.user_id = g.member_id
    LEFT JOIN user u ON u.id = m.user_id
    LEFT JOIN policy p ON p.team_id = g.team_id AND p.server_id IS NULL
    LEFT JOIN policy_revision r ON r.policy_id = p.id AND r.revision = p.revision
    LEFT JOIN document d ON d.hash = r.document
   WHERE g.id = ?1`;

const tokens = `SELECT jti, not_after FROM grant_token WHERE grant_id = ?1`;

const routes = `
  SELECT s.id, s.slug, s.name, s.url, s.credential, s.state,
         p.id AS policy_id, p.name AS policy_name, p.revision AS policy_revision, d.body AS policy_text
    FROM grant_server a
    JOIN "grant" g ON g.id = a.grant_id
    JOIN server s ON s.team_id = g.team_id AND s.id = a.server_id
    LEFT JOIN policy p ON p.team_id = g.team_id AND p.id = a.policy_id AND p.server_id = s.id
    LEFT JOIN policy_revision r ON r.policy_id = p.id AND r.revision = p.revision
    LEFT JOIN document d ON d.hash = r.document
   WHERE a.grant_id = ?1
   ORDER BY s.slug`;

const pins = `
  SELECT o.server_id, o.name, o.pinned_hash, o.category, o.level
    FROM grant_server a JOIN tool o ON o.server_id = a.server_id
   WHERE a.grant_id = ?1 AND o.pinned_hash = o.seen_hash
   ORDER BY o.server_id, o.name`;

interface PolicyColumns {
  policy_id: PolicyId | null;
  policy_name: string | null;
  policy_revision: number | null;
  policy_text: string | null;
}

interface StandingRow extends PolicyColumns {
  team_id: TeamId;
  slug: string;
  zone: string;
  frozen: Snapshot["team"]["frozen"];
  epoch: number;
  data_key: string;
  label: string;
  tags: string;
  revoked: number;
  expires_at: number;
  user_id: UserId | null;
  role: string | null;
  email: string | null;
}

interface RouteRow extends PolicyColumns {
  id: ServerId;
  slug: string;
  name: string;
  url: string;
  credential: string | null;
  state: string;
}

interface PinRow {
  server_id: ServerId;
  name: string;
  pinned_hash: string;
  category: Category;
  level: Level;
}

/**
 * All that a grant's gate decides by, with the team's epoch, in one batch (one transaction on the primary), so that no
 * edit can fall between its parts. Null where there is no such grant; a revoked one is given, and says so, and so is one
 * whose member has left the team: without its person it would count, and be judged, as another's.
 */
export async function loadSnapshot(db: Db, grant: GrantId): Promise<Snapshot | null> {
  const results = await db.batch<unknown>(
    [standing, tokens, routes, pins].map((sql) => db.prepare(sql).bind(grant)),
  );
  const row = rowsOf<StandingRow>(results[0])[0];
  if (!row) return null;
  const pinned = Map.groupBy(rowsOf<PinRow>(results[3]), (pin) => pin.server_id);
  return {
    epoch: row.epoch,
    team: { id: row.team_id, slug: row.slug, zone: row.zone, frozen: row.frozen, policy: policyText(row) },
    grant: {
      id: grant,
      label: row.label,
      tags: JSON.parse(row.tags),
      revoked: row.revoked === 1,
      expiresAtMs: row.expires_at,
      tokens: rowsOf<{ jti: string; not_after: number }>(results[1]).map((token) => ({
        jti: token.jti,
        notAfterMs: token.not_after,
      })),
      member: memberOf(row),
    },
    routes: rowsOf<RouteRow>(results[2]).map((route) =>
      routeOf(route, row.data_key, pinned.get(route.id) ?? []),
    ),
  };
}

const rowsOf = <T>(result: D1Result<unknown> | undefined): T[] => (result?.results ?? []) as T[];

function policyText(row: PolicyColumns): PolicyText | null {
  const { policy_id: id, policy_name: name, policy_revision: revision, policy_text: text } = row;
  if (id === null) return null;
  // A saved policy without its text must not read as "none attached": for the team's policy that would permit more.
  if (name === null || revision === null || text === null) throw new Error(`policy ${id} has no document`);
  return { id, name, revision, text };
}

function memberOf(row: StandingRow): Snapshot["grant"]["member"] {
  const { user_id: id, email, role } = row;
  return id === null || email === null || role === null ? null : { id, email, role };
}

function routeOf(row: RouteRow, wrappedKey: string, found: PinRow[]): Route {
  return {
    server: { id: row.id, slug: row.slug, name: row.name, url: row.url },
    credential: row.credential === null ? null : { wrappedKey, value: row.credential },
    policy: policyText(row),
    pins: found.map(
      (pin): Pin => ({ name: pin.name, hash: pin.pinned_hash, category: pin.category, level: pin.level }),
    ),
    unpinned: row.state === "pending",
  };
}
