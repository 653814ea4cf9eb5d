import type { HookId, TeamId } from "../id.ts";
import type { Db } from "./database.ts";
import type { HookEvent } from "./hook.ts";

/** Something that happened in a team. `id` is the same however often it is told, so a hook hears of it once. */
export interface Happening {
  readonly id: string;
  readonly event: HookEvent;
  /** JSON, as it is sent. */
  readonly body: string;
}

/** A happening from what is to be told of it; `id` names it for good. */
export const happening = (id: string, event: HookEvent, atMs: number, data: object): Happening => ({
  id,
  event,
  body: JSON.stringify({ type: event, timestamp: new Date(atMs).toISOString(), data }),
});

/** Puts happenings before every hook of the team that wants them; what stands there already is passed over. */
export async function enqueue(
  db: Db,
  team: TeamId,
  happenings: readonly Happening[],
  nowMs: number,
): Promise<void> {
  await db.batch(happenings.map((one) => enqueueOne(db, team, one, nowMs)));
}

/** The same for one, in the batch of the change that it tells of. */
export const enqueueOne = (
  db: Db,
  team: TeamId,
  { id, event, body }: Happening,
  nowMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT OR IGNORE INTO hook_delivery (hook_id, event_id, team_id, event, body, state, next_at, created_at)
       SELECT h.id, ?2, h.team_id, ?3, ?4, 'waiting', ?5, ?5 FROM hook h
        WHERE h.team_id = ?1 AND ?3 IN (SELECT value FROM json_each(h.events))`,
    )
    .bind(team, id, event, body, nowMs);

/** A delivery to attempt now. */
export interface Due {
  readonly hook: HookId;
  readonly team: TeamId;
  readonly event: string;
  readonly eventId: string;
  readonly body: string;
  /** This one included. */
  readonly attempts: number;
  readonly url: string;
  readonly secret: string;
}

/**
 * Takes what is due, the longest waiting first and of one hook no more than `perHook` (only the team's where one is named):
 * until `leaseMs` have passed nobody else takes it, and if whoever took it is lost it is due again.
 */
export async function takeDue(
  db: Db,
  nowMs: number,
  {
    limit,
    perHook,
    leaseMs,
    team,
  }: {
    readonly limit: number;
    readonly perHook: number;
    readonly leaseMs: number;
    readonly team: TeamId | null;
  },
): Promise<Due[]> {
  const { results } = await db
    .prepare(
      `UPDATE hook_delivery SET attempts = attempts + 1, next_at = ?1 + ?2, tried_at = ?1
        WHERE (hook_id, event_id) IN (
          SELECT hook_id, event_id FROM (
            SELECT hook_id, event_id, next_at, row_number() OVER (PARTITION BY hook_id ORDER BY next_at) AS turn
              FROM hook_delivery WHERE state = 'waiting' AND next_at <= ?1 AND (?4 IS NULL OR team_id = ?4))
           WHERE turn <= ?5 ORDER BY next_at LIMIT ?3)
        RETURNING hook_id, team_id, event, event_id, body, attempts,
          (SELECT url FROM hook WHERE id = hook_id) AS url, (SELECT secret FROM hook WHERE id = hook_id) AS secret`,
    )
    .bind(nowMs, leaseMs, limit, team, perHook)
    .all<{
      hook_id: HookId;
      team_id: TeamId;
      event: string;
      event_id: string;
      body: string;
      attempts: number;
      url: string;
      secret: string;
    }>();
  return results.map(({ hook_id, team_id, event_id, ...due }) => ({
    ...due,
    hook: hook_id,
    team: team_id,
    eventId: event_id,
  }));
}

/** How an attempt ended. `nextAtMs` null: there will be no other. */
export interface Attempt {
  readonly hook: HookId;
  readonly eventId: string;
  readonly delivered: boolean;
  readonly status: number | null;
  readonly problem: string | null;
  readonly nextAtMs: number | null;
}

export const recordAttempt = (db: Db, attempt: Attempt): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE hook_delivery SET state = ?3, status = ?4, problem = ?5, next_at = coalesce(?6, next_at)
        WHERE hook_id = ?1 AND event_id = ?2`,
    )
    .bind(attempt.hook, attempt.eventId, stateOf(attempt), attempt.status, attempt.problem, attempt.nextAtMs);

const stateOf = ({ delivered, nextAtMs }: Attempt): Delivery["state"] => {
  if (delivered) return "delivered";
  return nextAtMs === null ? "failed" : "waiting";
};

/** A line of a hook's delivery log. */
export interface Delivery {
  readonly eventId: string;
  readonly event: string;
  readonly state: "waiting" | "delivered" | "failed";
  readonly attempts: number;
  readonly status: number | null;
  readonly problem: string | null;
  readonly createdAt: number;
  readonly triedAt: number | null;
  readonly nextAt: number;
}

/** What a hook was told, newest first, before a place. */
export async function listDeliveries(
  db: Db,
  team: TeamId,
  hook: HookId,
  before: { readonly createdAt: number; readonly id: string } | null,
  limit: number,
): Promise<Delivery[]> {
  const { results } = await db
    .prepare(
      `SELECT event_id AS eventId, event, state, attempts, status, problem, created_at AS createdAt,
              tried_at AS triedAt, next_at AS nextAt
         FROM hook_delivery
        WHERE team_id = ?1 AND hook_id = ?2 AND (?3 IS NULL OR (created_at, event_id) < (?3, ?4))
        ORDER BY created_at DESC, event_id DESC LIMIT ?5`,
    )
    .bind(team, hook, before?.createdAt ?? null, before?.id ?? null, limit)
    .all<Delivery>();
  return results;
}

/** Forgets what ended before that time. */
export const forgetDeliveries = (db: Db, beforeMs: number): D1PreparedStatement =>
  db.prepare("DELETE FROM hook_delivery WHERE state <> 'waiting' AND created_at < ?1").bind(beforeMs);
