import type { ControlEntry } from "../audit/entry.ts";
import { newId, type TeamId } from "../id.ts";
import { shardOf } from "../store/database.ts";
import { enqueue, type Happening } from "../store/hook_delivery.ts";
import { drainHooks, type HookDeps } from "../upstream/hook_outbox.ts";
import { type Env, logOf, masterKeys, now, random, wayOut } from "./env.ts";

type Happened = Pick<ControlEntry, "action" | "subject" | "detail">;

/** An event of the team's that nobody of the team made. */
export const systemEvent = (event: Happened): ControlEntry => ({
  kind: "control",
  id: newId("evt", random),
  atMs: now(),
  requestId: "",
  actor: "system",
  ...event,
});

export const logEvent = (env: Env, team: TeamId, event: Happened) =>
  logOf(env, team).append([systemEvent(event)]);

export const hooksOf = (env: Env): HookDeps => ({
  db: env.DB,
  master: masterKeys(env),
  fetch: wayOut(env),
  now,
});

/** Puts what happened before the team's webhooks; they are told behind the object's own work, which slow ones must not keep. */
export async function tell(
  env: Env,
  ctx: DurableObjectState,
  team: TeamId,
  happenings: readonly Happening[],
): Promise<void> {
  await enqueue(shardOf(team, env.DB), team, happenings, now());
  ctx.waitUntil(drainHooks(hooksOf(env), team).catch((error) => console.error("hooks wait", error)));
}
