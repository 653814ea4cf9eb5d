import type { ControlEntry } from "../audit/entry.ts";
import type { TeamId } from "../id.ts";
import { deleteEvents, takeEvents } from "../store/event.ts";
import type { ApiDeps } from "./deps.ts";

type OutboxDeps = Pick<ApiDeps, "db" | "log">;

const drainEventsMax = 500;

/**
 * Hands events that stand in the outbox to their team's log, which passes over what it has already. The change stands: a
 * log that is away is reported, and `drainEvents` tries again.
 */
export async function deliver(
  { db, log }: OutboxDeps,
  team: TeamId,
  events: readonly ControlEntry[],
): Promise<void> {
  try {
    await log(team).append(events);
    await deleteEvents(
      db,
      events.map(({ id }) => id),
    );
  } catch (error) {
    console.error("events did not reach the team's log yet", { team, count: events.length, error });
  }
}

/** Tries again the events that have waited longest. Run every minute. */
export async function drainEvents(deps: OutboxDeps, nowMs: number): Promise<void> {
  const waiting = await takeEvents(deps.db, nowMs, drainEventsMax);
  const byTeam = Map.groupBy(waiting, ({ team }) => team);
  await Promise.all(
    [...byTeam].map(([team, rows]) =>
      deliver(
        deps,
        team,
        rows.map(({ event }) => event),
      ),
    ),
  );
}
