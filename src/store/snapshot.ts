import type { AccountCredential, Pin, PolicyText, Route, Snapshot, SubjectState } from "../gate/snapshot.ts";
import type { ConnectionId, FamilyId, GrantId, PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { Category, Level } from "../risk/classify.ts";
import type { Db } from "./database.ts";

// All of them take the grants' ids as one JSON array. A document is read once, however many grants are judged by it.
const these = "(SELECT value FROM json_each(?1))";

const standing = `
  SELECT g.id, t.id AS team_id, t.slug, t.zone, t.frozen, t.epoch, t.data_key, q.max AS calls_a_day,
         g.label, g.tags, g.expires_at,
         g.revoked_at IS NOT NULL OR CASE WHEN b.sub IS NULL THEN g.member_id IS NOT NULL AND m.user_id IS NULL
                                          ELSE i.team_id IS NULL OR b.refused_at IS NOT NULL END AS revoked,
         CASE WHEN b.sub IS NULL THEN m.user_id ELSE b.user_id END AS user_id,
         CASE WHEN b.sub IS NULL THEN m.role ELSE b.role END AS role, u.email,
         b.issuer, b.sub, b.mapped, b.mapped_revision, b.mapped_iat, i.revision AS identity_revision,
         p.id AS policy_id, p.name AS policy_name, p.revision AS policy_revision, r.document AS policy_document
    FROM "grant" g
    JOIN team t ON t.id = g.team_id
    LEFT JOIN team_quota q ON q.team_id = t.id AND q.name = 'calls_a_day'
    LEFT JOIN member m ON m.team_id = g.team_id AND m.user_id = g.member_id
    LEFT JOIN user u ON u.id = m.user_id
    LEFT JOIN subject b ON b.grant_id = g.id
    LEFT JOIN identity i ON i.team_id = b.team_id AND i.issuer = b.issuer
    LEFT JOIN policy p ON p.team_id = g.team_id AND p.server_id IS NULL
    LEFT JOIN policy_revision r ON r.policy_id = p.id AND r.revision = p.revision
   WHERE g.id IN ${these}`;

const tokens = `SELECT grant_id, jti, not_after FROM grant_token WHERE grant_id IN ${these}`;

const families = `SELECT grant_id, id, not_after FROM oauth_family WHERE grant_id IN ${these}`;

const routes = `
  SELECT a.grant_id, s.id, s.slug, s.name, s.url, s.credential, s.oauth ->> 'per' AS per, c.id AS connection, s.state,
         p.id AS policy_id, p.name AS policy_name, p.revision AS policy_revision, r.document AS policy_document
    FROM grant_server a
    JOIN "grant" g ON g.id = a.grant_id
    JOIN server s ON s.team_id = g.team_id AND s.id = a.server_id
    LEFT JOIN connection c ON c.server_id = s.id
         AND c.member_id = CASE s.oauth ->> 'per' WHEN 'team' THEN '' WHEN 'member' THEN g.member_id END
    LEFT JOIN policy p ON p.team_id = g.team_id AND p.id = a.policy_id AND p.server_id = s.id
    LEFT JOIN policy_revision r ON r.policy_id = p.id AND r.revision = p.revision
   WHERE a.grant_id IN ${these}
   ORDER BY s.slug`;

const pins = `
  SELECT o.server_id, o.name, o.seen_hash, o.pinned_hash IS o.seen_hash AS accepted, o.category, o.level
    FROM tool o
   WHERE o.server_id IN (SELECT server_id FROM grant_server WHERE grant_id IN ${these})
     AND o.seen_hash IS NOT NULL
   ORDER BY o.server_id, o.name`;

const documents = `
  SELECT hash, body FROM document WHERE hash IN (
    SELECT r.document FROM grant_server a
      JOIN policy p ON p.id = a.policy_id
      JOIN policy_revision r ON r.policy_id = p.id AND r.revision = p.revision
     WHERE a.grant_id IN ${these}
    UNION
    SELECT r.document FROM "grant" g
      JOIN policy p ON p.team_id = g.team_id AND p.server_id IS NULL
      JOIN policy_revision r ON r.policy_id = p.id AND r.revision = p.revision
     WHERE g.id IN ${these})`;

interface PolicyColumns {
  policy_id: PolicyId | null;
  policy_name: string | null;
  policy_revision: number | null;
  policy_document: string | null;
}

interface StandingRow extends PolicyColumns {
  id: GrantId;
  team_id: TeamId;
  slug: string;
  zone: string;
  frozen: Snapshot["team"]["frozen"];
  epoch: number;
  data_key: string;
  calls_a_day: number | null;
  label: string;
  tags: string;
  revoked: number;
  expires_at: number;
  user_id: UserId | null;
  role: string | null;
  email: string | null;
  issuer: string | null;
  sub: string | null;
  mapped: string | null;
  mapped_revision: number | null;
  mapped_iat: number | null;
  identity_revision: number | null;
}

interface RouteRow extends PolicyColumns {
  grant_id: GrantId;
  id: ServerId;
  slug: string;
  name: string;
  url: string;
  credential: string | null;
  per: AccountCredential["account"]["per"] | null;
  connection: ConnectionId | null;
  state: string;
}

interface PinRow {
  server_id: ServerId;
  name: string;
  seen_hash: string;
  accepted: number;
  category: Category;
  level: Level;
}

interface TokenRow {
  grant_id: GrantId;
  jti: string;
  not_after: number;
}

interface FamilyRow {
  grant_id: GrantId;
  id: FamilyId;
  not_after: number;
}

/**
 * The grant's snapshot, or null where there is no such grant. A revoked one is given, and says so, and so is one whose
 * member has left the team: without its person it would count, and be judged, as another's.
 */
export type Snapshots = (grant: GrantId) => Snapshot | null;

/** One grant's snapshot, as `loadSnapshots` reads it. */
export const loadSnapshot = async (db: Db, grant: GrantId): Promise<Snapshot | null> =>
  (await loadSnapshots(db, [grant]))(grant);

/**
 * All that these grants' gates decide by, with their teams' epochs, in one batch (one transaction on the primary), so that
 * no edit can fall between its parts. What is broken throws when it is asked for, and not before.
 */
export async function loadSnapshots(db: Db, grants: readonly GrantId[]): Promise<Snapshots> {
  const ids = JSON.stringify(grants);
  const results = await db.batch<unknown>(
    [standing, tokens, routes, pins, documents, families].map((sql) => db.prepare(sql).bind(ids)),
  );
  const rows = new Map(rowsOf<StandingRow>(results[0]).map((row) => [row.id, row]));
  const texts = new Map(
    rowsOf<{ hash: string; body: string }>(results[4]).map(({ hash, body }) => [hash, body]),
  );
  const parts: Parts = {
    tokens: Map.groupBy(rowsOf<TokenRow>(results[1]), (token) => token.grant_id),
    routes: Map.groupBy(rowsOf<RouteRow>(results[2]), (route) => route.grant_id),
    pins: Map.groupBy(rowsOf<PinRow>(results[3]), (pin) => pin.server_id),
    families: Map.groupBy(rowsOf<FamilyRow>(results[5]), (family) => family.grant_id),
    text: (document) => (document === null ? null : (texts.get(document) ?? null)),
  };
  return (grant) => {
    const row = rows.get(grant);
    return row ? snapshotOf(row, parts) : null;
  };
}

/** What belongs to the grants, by grant or server. */
interface Parts {
  readonly tokens: ReadonlyMap<GrantId, readonly TokenRow[]>;
  readonly routes: ReadonlyMap<GrantId, readonly RouteRow[]>;
  readonly pins: ReadonlyMap<ServerId, readonly PinRow[]>;
  readonly families: ReadonlyMap<GrantId, readonly FamilyRow[]>;
  readonly text: (document: string | null) => string | null;
}

function snapshotOf(row: StandingRow, { tokens, routes, pins, families, text }: Parts): Snapshot {
  const { id, team_id: team, slug, zone, frozen } = row;
  const signIns = (families.get(id) ?? []).map((family) => ({ id: family.id, notAfterMs: family.not_after }));
  return {
    epoch: row.epoch,
    team: {
      id: team,
      slug,
      zone,
      frozen,
      dataKey: row.data_key,
      ...(row.calls_a_day !== null && { callsADay: row.calls_a_day }),
      policy: policyText(row, text),
    },
    grant: {
      id,
      label: row.label,
      tags: JSON.parse(row.tags),
      revoked: row.revoked === 1,
      expiresAtMs: row.expires_at,
      tokens: (tokens.get(id) ?? []).map(({ jti, not_after: notAfterMs }) => ({ jti, notAfterMs })),
      ...(signIns.length > 0 && { families: signIns }),
      ...(row.sub !== null && { subject: subjectOf(row, row.sub) }),
      member: memberOf(row),
    },
    routes: (routes.get(id) ?? []).map((route) =>
      routeOf(route, row.data_key, policyText(route, text), pins.get(route.id) ?? []),
    ),
  };
}

const rowsOf = <T>(result: D1Result<unknown> | undefined): T[] => (result?.results ?? []) as T[];

function policyText(row: PolicyColumns, textOf: Parts["text"]): PolicyText | null {
  const { policy_id: id, policy_name: name, policy_revision: revision } = row;
  if (id === null) return null;
  const text = textOf(row.policy_document);
  // A saved policy without its text must not read as "none attached": for the team's policy that would permit more.
  if (name === null || revision === null || text === null) throw new Error(`policy ${id} has no document`);
  return { id, name, revision, text };
}

function memberOf({ user_id: id, email, role }: StandingRow): Snapshot["grant"]["member"] {
  return id === null || role === null ? null : { id, email, role };
}

/** Of a subject whose grant is not mapped, or whose issuer the team has no more, no token stands. */
const subjectOf = (row: StandingRow, sub: string): SubjectState => ({
  issuer: row.issuer ?? "",
  sub,
  fingerprint: row.mapped ?? "",
  mappedRevision: row.mapped_revision ?? 0,
  mappedIat: row.mapped_iat ?? 0,
  revision: row.identity_revision ?? 0,
});

function credentialOf({ per, connection, credential }: RouteRow, wrappedKey: string): Route["credential"] {
  // The credential of a server with accounts is a client's secret, which is no business of its calls.
  if (per !== null) return { wrappedKey, account: { per, connection } };
  return credential === null ? null : { wrappedKey, value: credential };
}

function routeOf(
  row: RouteRow,
  wrappedKey: string,
  policy: PolicyText | null,
  found: readonly PinRow[],
): Route {
  return {
    server: { id: row.id, slug: row.slug, name: row.name, url: row.url },
    credential: credentialOf(row, wrappedKey),
    policy,
    pins: found
      .filter((tool) => tool.accepted)
      .map(({ name, seen_hash: hash, category, level }): Pin => ({ name, hash, category, level })),
    held: found.filter((tool) => !tool.accepted).map((tool) => tool.seen_hash),
    unpinned: row.state === "pending",
  };
}
