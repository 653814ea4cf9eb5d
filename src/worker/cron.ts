import { drainErasures } from "../api/erasure.ts";
import { drainEvents } from "../api/event_outbox.ts";
import { rotateKeys } from "../api/key_rotation.ts";
import { type RecheckDeps, recheckServers } from "../api/server_recheck.ts";
import { drainOutbox } from "../gate/push.ts";
import type { ConnectionId, GrantId, TeamId } from "../id.ts";
import { enqueueForeseen } from "../store/foreseen.ts";
import { forgetKeys } from "../store/idempotency.ts";
import { enrol } from "../upstream/enrol.ts";
import { drainAllHooks } from "../upstream/hook_outbox.ts";
import { AccessTokens, signIn } from "../upstream/sign_in.ts";
import { accountOf, type Env, gateOf, logOf, masterKeys, now, originOf, random, wayOut } from "./env.ts";
import { hooksOf } from "./events.ts";

/** What is done each minute: what edits left over, what is due, what is old. Never throws. */
export async function runCron(env: Env): Promise<void> {
  const nowMs = now();
  const to = {
    db: env.DB,
    gate: (grant: GrantId) => gateOf(env, grant),
    log: (team: TeamId) => logOf(env, team),
    account: (connection: ConnectionId) => accountOf(env, connection),
  };
  const hooks = hooksOf(env);
  const work = [
    drainOutbox(to, nowMs),
    drainEvents(to, nowMs),
    drainErasures(to, nowMs),
    env.DB.batch(enqueueForeseen(env.DB, nowMs, originOf(env))).then(() => drainAllHooks(hooks)),
    recheckServers(recheckOf(env)),
    rotateKeys({ ...hooks, ...to, random }),
    forgetKeys(env.DB, nowMs).run(),
  ];
  // None waits for another, nor fails with it.
  for (const done of await Promise.allSettled(work)) {
    if (done.status === "rejected") console.error("a part of the cron failed", done.reason);
  }
}

// A server that is slower than this at listing its tools holds up the servers behind it.
const recheckMs = 10_000;

function recheckOf(env: Env): RecheckDeps {
  const master = masterKeys(env);
  const account = (connection: ConnectionId) => accountOf(env, connection);
  const kept = new AccessTokens();
  return {
    db: env.DB,
    signIn: (at, credential) => signIn({ master, account, kept, now }, at, credential),
    gate: (grant) => gateOf(env, grant),
    look: (url, headers) => enrol({ ...wayOut(env), deadlineMs: recheckMs }, url, headers),
    now,
    random,
  };
}
