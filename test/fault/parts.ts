import { env } from "cloudflare:test";
import { argumentKey } from "../../src/audit/argument_key.ts";
import { isFault } from "../../src/fault.ts";
import { Gate, type GateDeps } from "../../src/gate/gate.ts";
import type { GateStub } from "../../src/gate/rpc.ts";
import { unauthenticated } from "../../src/gateway/authenticate.ts";
import type { GatewayDeps } from "../../src/gateway/exchange.ts";
import { RequestStates } from "../../src/gateway/request_state.ts";
import { Sessions } from "../../src/gateway/session.ts";
import { Settlements } from "../../src/gateway/settlement.ts";
import type { TeamId } from "../../src/id.ts";
import { readSigningKeys } from "../../src/identity/keys.ts";
import { VerifiedTokens } from "../../src/identity/verified.ts";
import type { CounterStub } from "../../src/limit/reservation.ts";
import type { Db } from "../../src/store/database.ts";
import { loadSnapshot } from "../../src/store/snapshot.ts";
import type { MasterKeys } from "../../src/upstream/aead.ts";
import { openCredential } from "../../src/upstream/credential.ts";
import { openHeld, sealHeld } from "../../src/upstream/held_call.ts";
import { Traffic } from "../../src/upstream/traffic.ts";
import { parseMasterKeys } from "../../src/upstream/vault.ts";
import { origin } from "../api/control_plane.ts";

/** A dependency that a point may put something else in the place of. */
type Open<T> = { -readonly [K in keyof T]: T[K] };

/** Everything that a call depends on, each real until a point breaks it. */
export interface Parts {
  readonly worker: Open<GatewayDeps>;
  /** The gate's methods, as the Worker reaches them. */
  readonly stub: Open<Pick<GateStub, "admit" | "view" | "settle" | "stands" | "approvalState">>;
  readonly gate: Open<GateDeps>;
  /** The shared counters that the gate reserves at. */
  readonly counter: Open<CounterStub>;
  db: Db;
  /** Stands before the gate's own SQL: what it throws, the storage throws. */
  beforeSql: (query: string) => void;
  /** The gate's storage itself, for what stands in it before the gate wakes. */
  readonly storage: DurableObjectStorage;
}

export const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));

export function master(): MasterKeys {
  const keys = parseMasterKeys(env.MASTER_KEYS);
  if (isFault(keys)) throw new Error(keys.detail);
  return keys;
}

/** Everything as it should be. What the upstream sees goes to `sent`. */
export async function wholeParts(
  team: TeamId,
  storage: DurableObjectStorage,
  sent: string[],
): Promise<Omit<Parts, "stub">> {
  const keys = master();
  const counter: Parts["counter"] = {
    reserve: (reservation, notices) => pool(team).reserve(reservation, notices),
    tell: (notices) => pool(team).tell(notices),
    read: (caps, zone) => pool(team).read(caps, zone),
  };
  const log = () => env.LOGS.get(env.LOGS.idFromName(team));
  const parts: Omit<Parts, "stub"> = {
    db: env.DB,
    beforeSql: () => undefined,
    storage,
    counter,
    gate: {
      load: (grant) => loadSnapshot(parts.db, grant),
      ship: async (_, shipment) => void (await log().take(shipment)),
      argumentKey: (team) => argumentKey(new Uint8Array(32).fill(7), team),
      counter: () => counter,
      list: async (_, approvals) => log().file(approvals),
      announce: async () => undefined,
      seal: (team, id, plaintext) => sealHeld(keys, team, id, plaintext, random),
      open: (team, id, sealed) => openHeld(keys, team, id, sealed),
      now: () => Date.now(),
      random: Math.random,
    },
    worker: {
      origin,
      keys: await readSigningKeys(env.SIGNING_KEYS),
      verified: new VerifiedTokens(),
      issued: async () => unauthenticated,
      gate: () => {
        throw new Error("put in its place by the constructor");
      },
      settlements: new Settlements(),
      sessions: new Sessions(keys, random),
      refusals: { unknown: () => undefined, grant: () => undefined, ask: () => undefined },
      states: new RequestStates(keys, random),
      forward: {
        fetch: async (input, init) => upstream(sent, await new Request(input, init).text()),
        rules: { allowLoopback: false, ownOrigin: origin },
      },
      credential: async ({ team }, to) =>
        to.credential && "value" in to.credential
          ? openCredential(keys, to.credential.wrappedKey, team, to.serverId, to.credential.value)
          : {},
      wantScope: async () => undefined,
      look: async () => undefined,
      lookSoon: async () => undefined,
      traffic: new Traffic({ now: () => Date.now(), wait: async () => undefined }),
      noteFare: async () => undefined,
      now: () => Date.now(),
      random,
      waitUntil: (work) => void work.catch(() => undefined),
    },
  };
  return parts;
}

const pool = (team: TeamId): CounterStub =>
  env.COUNTERS.get(env.COUNTERS.idFromName(`${team} pool`)) as unknown as CounterStub;

function upstream(sent: string[], message: string): Response {
  sent.push(message);
  // A GET opens a stream on which the server never says anything.
  if (message === "")
    return new Response(new ReadableStream(), { headers: { "Content-Type": "text/event-stream" } });
  const result = { content: [{ type: "text", text: "done" }], tools: [] };
  return Response.json({ jsonrpc: "2.0", id: 1, result });
}

/** The gate over what is in the storage. */
export const wake = (state: DurableObjectState, parts: Parts): Gate =>
  new Gate(watched(state, parts), env, delegates(parts.gate));

/** The gate's own state, with a look at its SQL before it runs. */
function watched(state: DurableObjectState, parts: Parts): DurableObjectState {
  const sql = new Proxy(parts.storage.sql, {
    get: (target, name) =>
      name === "exec"
        ? (query: string, ...bindings: unknown[]) => {
            parts.beforeSql(query);
            return target.exec(query, ...bindings);
          }
        : Reflect.get(target, name, target),
  });
  const storage = new Proxy(parts.storage, {
    get: (target, name) => {
      if (name === "sql") return sql;
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  Object.defineProperty(state, "storage", { value: storage, configurable: true });
  return state;
}

/** Looks every dependency up anew at each use, so that it can break after the gate has woken. */
const delegates = (deps: GateDeps): GateDeps => ({
  load: (...all) => deps.load(...all),
  ship: (...all) => deps.ship(...all),
  argumentKey: (...all) => deps.argumentKey(...all),
  counter: (...all) => deps.counter(...all),
  list: (...all) => deps.list(...all),
  announce: (...all) => deps.announce(...all),
  seal: (...all) => deps.seal(...all),
  open: (...all) => deps.open(...all),
  now: () => deps.now(),
  random: () => deps.random(),
});
