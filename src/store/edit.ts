import type { GrantId, PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** Whose gates must know of an edit. */
export type Concern =
  | { readonly of: "team" }
  | { readonly of: "server"; readonly server: ServerId }
  | { readonly of: "policy"; readonly policy: PolicyId }
  | { readonly of: "member"; readonly member: UserId }
  | { readonly of: "grant"; readonly grant: GrantId };

/** A committed edit: the team's new epoch, and the grants whose gates must reach it. */
export interface Edit {
  readonly team: TeamId;
  readonly epoch: number;
  readonly grants: readonly GrantId[];
}

/**
 * Commits a change together with the team's next epoch and one outbox row per gate concerned, in one transaction: there
 * is no change without the duty to tell its gates. The rows are chosen before the change, so that what it detaches is
 * told too. Throws D1's error, with nothing written, where a statement fails.
 */
export async function commitEdit(
  db: Db,
  team: TeamId,
  concern: Concern,
  nowMs: number,
  changes: readonly D1PreparedStatement[],
): Promise<Edit> {
  const [edit] = await commitEdits(db, [team], concern, nowMs, changes);
  if (!edit) throw new Error(`no team ${team}`);
  return edit;
}

/** The same for a change that concerns several teams, in one transaction for all. */
export async function commitEdits(
  db: Db,
  teams: readonly TeamId[],
  concern: Concern,
  nowMs: number,
  changes: readonly D1PreparedStatement[],
): Promise<Edit[]> {
  const raise = db.prepare("UPDATE team SET epoch = epoch + 1 WHERE id = ?1 RETURNING epoch");
  const results = await db.batch<{ epoch: number; grant_id: GrantId }>([
    ...teams.flatMap((team) => [raise.bind(team), concernedGates(db, team, concern, nowMs)]),
    ...changes,
  ]);
  return teams.map((team, i) => {
    const epoch = results[2 * i]?.results[0]?.epoch;
    if (epoch === undefined) throw new Error(`no team ${team}`);
    return { team, epoch, grants: (results[2 * i + 1]?.results ?? []).map((row) => row.grant_id) };
  });
}

const intoOutbox = "INSERT INTO outbox (grant_id, team_id, epoch, tried_at)";
const orRaise = "ON CONFLICT (grant_id) DO UPDATE SET epoch = excluded.epoch RETURNING grant_id";
// A revoked or expired grant denies whatever else changes; bringing one back is an edit of that grant.
const standing = `g.team_id = ?1 AND g.revoked_at IS NULL AND g.expires_at > ?2`;

function concernedGates(db: Db, team: TeamId, concern: Concern, nowMs: number): D1PreparedStatement {
  switch (concern.of) {
    case "team":
      return db.prepare(ofTeam("TRUE")).bind(team, nowMs);
    case "member":
      return db
        .prepare(ofTeam("(g.member_id = ?3 OR g.id IN (SELECT grant_id FROM subject WHERE user_id = ?3))"))
        .bind(team, nowMs, concern.member);
    case "server":
      return db.prepare(attached("a.server_id")).bind(team, nowMs, concern.server);
    case "policy":
      return db.prepare(attached("a.policy_id")).bind(team, nowMs, concern.policy);
    case "grant":
      return db
        .prepare(`${intoOutbox} SELECT ?3, t.id, t.epoch, ?2 FROM team t WHERE t.id = ?1 ${orRaise}`)
        .bind(team, nowMs, concern.grant);
  }
}

const ofTeam = (condition: string): string =>
  `${intoOutbox} SELECT g.id, t.id, t.epoch, ?2 FROM team t JOIN "grant" g ON g.team_id = t.id
    WHERE ${standing} AND ${condition} ${orRaise}`;

const attached = (column: string): string =>
  `${intoOutbox} SELECT g.id, t.id, t.epoch, ?2
     FROM grant_server a JOIN "grant" g ON g.id = a.grant_id JOIN team t ON t.id = g.team_id
    WHERE ${column} = ?3 AND ${standing} ${orRaise}`;
