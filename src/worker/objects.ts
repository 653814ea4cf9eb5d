import { argumentKey as argumentKeyBefore } from "../audit/argument_key.ts";
import { Log } from "../audit/log.ts";
import { inTime } from "../gate/deadline.ts";
import { Gate } from "../gate/gate.ts";
import { burstHappening, happeningOf } from "../gate/notice.ts";
import { signCheckpoint } from "../identity/checkpoint.ts";
import { readSigningKeys } from "../identity/keys.ts";
import { Throttle } from "../identity/throttle.ts";
import { Shared } from "../limit/shared.ts";
import { noteNeed } from "../store/connection.ts";
import { shardOf } from "../store/database.ts";
import { loadSnapshot } from "../store/snapshot.ts";
import { findDataKey } from "../store/team.ts";
import { Account } from "../upstream/account.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import { argumentKey } from "../upstream/data_key.ts";
import { openHeld, sealHeld } from "../upstream/held_call.ts";
import { counterOf, type Env, gateOf, logOf, masterKeys, now, originOf, random, wayOut } from "./env.ts";
import { systemEvent, tell } from "./events.ts";

// The Durable Objects, each given what it needs from outside.

const gateDeadlineMs = 5_000;

export class GrantGate extends Gate {
  constructor(ctx: DurableObjectState, env: Env) {
    const master = masterKeys(env);
    super(ctx, env, {
      // Only its own, so that no mistake in a name has one grant's object judge for another.
      load: async (grant) => (grant === (ctx.id.name ?? grant) ? loadSnapshot(env.DB, grant) : null),
      ship: async (team, shipment) => {
        await logOf(env, team).take(shipment);
      },
      argumentKey: (team, dataKey) =>
        dataKey === null ? argumentKeyBefore(currentKey(master), team) : argumentKey(master, team, dataKey),
      counter: (team, series) => counterOf(env, team, series),
      list: async (team, approvals) => {
        await logOf(env, team).file(approvals);
      },
      announce: async (team, notices) => {
        const happenings = notices.map((notice) => happeningOf(originOf(env), notice));
        await tell(env, ctx, team, happenings);
      },
      seal: (team, id, plaintext) => sealHeld(master, team, id, plaintext, random),
      open: (team, id, sealed) => openHeld(master, team, id, sealed),
      now,
      random: Math.random,
    });
  }
}

export class TeamLog extends Log {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, {
      sign: async (statement) => signCheckpoint(statement, await readSigningKeys(env.SIGNING_KEYS)),
      warn: (team, bursts) => tell(env, ctx, team, bursts.map(burstHappening)),
      now,
    });
  }
}

export class SharedCounter extends Shared {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, {
      ask: (gate, ids) => inTime(gateOf(env, gate).resolve(ids), gateDeadlineMs),
      now,
    });
  }
}

export class SignInThrottle extends Throttle {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, now);
  }
}

export class UpstreamAccount extends Account {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, {
      master: masterKeys(env),
      fetch: wayOut(env),
      note: async ({ team, server, connection, member }, need) => {
        const detail = { connection, member: member ?? "", why: need.detail };
        const event = systemEvent({ action: "connection.needs_sign_in", subject: server, detail });
        await shardOf(team, env.DB).batch(
          noteNeed(env.DB, team, connection, { ...need, nowMs: now() }, event),
        );
      },
      dataKey: (team) => findDataKey(shardOf(team, env.DB), team),
      now,
      random,
    });
  }
}

function currentKey(master: MasterKeys): Uint8Array {
  const key = master.keys.get(master.current);
  if (!key) throw new Error("the current master key is not among the master keys");
  return key;
}
