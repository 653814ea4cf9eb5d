import { isFault } from "../fault.ts";
import type { TeamId } from "../id.ts";
import type { Db } from "../store/database.ts";
import { type Attempt, type Due, forgetDeliveries, recordAttempt, takeDue } from "../store/hook_delivery.ts";
import type { MasterKeys } from "./aead.ts";
import { type FetchDeps, guardedFetch } from "./fetch.ts";
import { openHookSecret, signHook } from "./hook_secret.ts";

/** What it takes to tell hooks of events. */
export interface HookDeps {
  readonly db: Db;
  readonly master: MasterKeys;
  readonly fetch: FetchDeps;
  readonly now: () => number;
}

const minuteMs = 60_000;
// After the first attempt, at once, these waits: a receiver that is away for half a day still hears of it.
const waitsMs = [1, 5, 15, 60, 240, 480].map((minutes) => minutes * minuteMs);
const attemptMs = 10_000;
const leaseMs = 2 * minuteMs;
const togetherMax = 20;
// A receiver that answers nothing must not take the turns of other teams'.
const turnsMax = 4;
const drainMs = 40_000;
const keptMs = 30 * 24 * 60 * minuteMs;

/** Attempts the next that are due, of one team or of all (null), and says how many. */
export async function drainHooks(deps: HookDeps, team: TeamId | null): Promise<number> {
  const perHook = team === null ? turnsMax : togetherMax;
  const due = await takeDue(deps.db, deps.now(), { limit: togetherMax, perHook, leaseMs, team });
  const attempts = await Promise.all(due.map((one) => attempt(deps, one)));
  if (due.length > 0) await deps.db.batch(attempts.map((one) => recordAttempt(deps.db, one)));
  return due.length;
}

/** Attempts what is due of all teams, for most of a minute, and forgets what ended long ago. Run every minute. */
export async function drainAllHooks(deps: HookDeps): Promise<void> {
  const startMs = deps.now();
  await forgetDeliveries(deps.db, startMs - keptMs).run();
  while ((await drainHooks(deps, null)) > 0 && deps.now() - startMs < drainMs);
}

async function attempt(deps: HookDeps, due: Due): Promise<Attempt> {
  const { status, problem } = await send(deps, due);
  const waitMs = problem === null ? undefined : waitsMs[due.attempts - 1];
  return {
    hook: due.hook,
    eventId: due.eventId,
    delivered: problem === null,
    status,
    problem,
    nextAtMs: waitMs === undefined ? null : deps.now() + waitMs,
  };
}

async function send(
  deps: HookDeps,
  due: Due,
): Promise<{ readonly status: number | null; readonly problem: string | null }> {
  const secret = await openHookSecret(deps.master, due.team, due.hook, due.secret);
  if (secret === null) return { status: null, problem: "The hook's secret cannot be opened." };
  const seconds = Math.floor(deps.now() / 1000);
  const headers = {
    "Content-Type": "application/json",
    "Webhook-Id": due.eventId,
    "Webhook-Timestamp": String(seconds),
    "Webhook-Signature": await signHook(secret, due.eventId, seconds, due.body),
  };
  const init = { method: "POST", headers, body: due.body };
  const answer = await guardedFetch(deps.fetch, due.url, init, { bytesMax: 65_536, timeoutMs: attemptMs });
  if (isFault(answer)) return { status: null, problem: answer.detail };
  await answer.body?.cancel().catch(() => undefined);
  const { ok, status } = answer;
  return { status, problem: ok ? null : `It answered with the status ${status}.` };
}
