import { env, runInDurableObject } from "cloudflare:test";
import { decodeJwt } from "jose";
import { vi } from "vitest";
import { argumentKey } from "../../src/audit/argument_key.ts";
import { isFault } from "../../src/fault.ts";
import { Gate, type GateDeps } from "../../src/gate/gate.ts";
import type { Caller, GateStub, Upstream } from "../../src/gate/rpc.ts";
import type { GatewayDeps } from "../../src/gateway/exchange.ts";
import { serve } from "../../src/gateway/pipeline.ts";
import { RequestStates } from "../../src/gateway/request_state.ts";
import { Sessions } from "../../src/gateway/session.ts";
import { Settlements } from "../../src/gateway/settlement.ts";
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
import { ControlPlane, origin, ready, seenTool } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";

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

/** What a client asks for: a call under limits, one that a person must approve, one that waits for the person, lists, a stream. */
export type Asked = "call" | "approval" | "held" | "list" | "stream";

/** What came of it. */
export interface Came {
  /** What the upstream has seen. */
  readonly sent: readonly string[];
  readonly status: number;
  readonly text: string;
  /** How far the timers had to be wound on before there was an answer. */
  readonly waitedMs: number;
}

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const realSleep = setTimeout;
const breathe = (ms: number) => new Promise<void>((done) => realSleep(done, ms));

/** What is read of a stream that the gateway broke off. */
export const brokenOff = "(broken off)";

/** No answer may take longer than this, whatever hangs. */
export const boundedMs = 15_000;

/** A policy whose call passes by a limit of its own and one that is shared. */
const policy = {
  version: "1",
  default: "deny",
  record: "values",
  tools: {
    send: {
      limits: [
        { counter: "own", window: "hour", max: 1_000_000 },
        { counter: "pool", window: "hour", max: 1_000_000, scope: "team" },
      ],
    },
    pay: { action: "approve" },
    wait: { action: "approve", approve: { hold: 60 } },
  },
};

/** A team with one server, one policy and one grant, saved through the API. */
export class Setting {
  readonly token: string;
  readonly caller: Caller;
  /** A session that was opened through the gateway before. */
  readonly session: string;

  private constructor(token: string, caller: Caller, session: string) {
    this.token = token;
    this.caller = caller;
    this.session = session;
  }

  static async start(): Promise<Setting> {
    const plane = await ControlPlane.start();
    const team = await TeamSetting.on(plane);
    const url = `https://${crypto.randomUUID()}.example/mcp`;
    plane.upstreams.set(url, ready(seenTool("send"), seenTool("pay"), seenTool("wait")));
    const auth = { type: "headers", headers: { Authorization: "Bearer upstream-secret" } };
    const server = await team.must(201, "POST", "/servers", { name: "Tools", url, auth });
    await team.policy(server.slug, "p", policy);
    const grant = await team.grant(server.slug, "p");
    const { id, slug } = team.person.team;
    const jti = decodeJwt(grant.token).jti ?? "";
    const caller = {
      grant: grant.id,
      team: id as Caller["team"],
      jti,
      teamSlug: slug,
      serverSlug: server.slug,
    };
    const opened = new Headers({ "Mcp-Session-Id": "upstream-session" });
    const route = { serverId: server.id } as Upstream;
    const session = await new Sessions(master(), random).seal(opened, caller, route, null, null, Date.now());
    return new Setting(grant.token, caller, session ?? "");
  }

  /** One message, as a client of this grant sends it. */
  request(asked: Asked): Request {
    const { caller, token, session } = this;
    const message = messages[asked];
    return new Request(`${origin}/mcp/${caller.teamSlug}/${caller.serverSlug}`, {
      method: message === null ? "GET" : "POST",
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/json",
        Accept: "application/json, text/event-stream",
        "Mcp-Session-Id": session,
      },
      ...(message === null ? {} : { body: JSON.stringify(message) }),
    });
  }

  /** The whole way over a gate with a storage of its own, for as long as `body` runs. */
  walk<T>(body: (way: Way) => Promise<T>): Promise<T> {
    const object = env.GATES.get(env.GATES.idFromName(crypto.randomUUID()));
    return runInDurableObject(object, async (_, state) => body(await Way.over(this, state)));
  }
}

export class Way {
  readonly parts: Parts;
  readonly #setting: Setting;
  readonly #state: DurableObjectState;
  readonly #sent: string[];
  #gate: Gate | null = null;

  private constructor(
    setting: Setting,
    state: DurableObjectState,
    parts: Omit<Parts, "stub">,
    sent: string[],
  ) {
    this.#setting = setting;
    this.#state = state;
    this.#sent = sent;
    const stub: Parts["stub"] = {
      admit: (caller, ask) => this.gate.admit(caller, ask),
      view: (caller, method) => this.gate.view(caller, method),
      settle: (outcomes) => this.gate.settle(outcomes),
      stands: (caller, epoch) => this.gate.stands(caller, epoch),
      approvalState: (seq) => this.gate.approvalState(seq),
    };
    this.parts = Object.assign(parts, { stub });
    this.parts.worker.gate = () => stub as GateStub;
  }

  static async over(setting: Setting, state: DurableObjectState): Promise<Way> {
    const sent: string[] = [];
    const keys = master();
    const counter: Parts["counter"] = {
      reserve: (reservation, notices) => pool(setting).reserve(reservation, notices),
      tell: (notices) => pool(setting).tell(notices),
      read: (caps, zone) => pool(setting).read(caps, zone),
    };
    const log = () => env.LOGS.get(env.LOGS.idFromName(setting.caller.team));
    const parts: Omit<Parts, "stub"> = {
      db: env.DB,
      beforeSql: () => undefined,
      storage: state.storage,
      counter,
      gate: {
        load: (grant) => loadSnapshot(parts.db, grant),
        ship: async (_, entries) => void (await log().append(entries)),
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
        gate: () => {
          throw new Error("put in its place by the constructor");
        },
        settlements: new Settlements(),
        sessions: new Sessions(keys, random),
        refusals: { unknown: () => undefined, grant: () => undefined },
        states: new RequestStates(keys, random),
        forward: {
          fetch: async (input, init) => upstream(sent, await new Request(input, init).text()),
          rules: { allowLoopback: false, ownOrigin: origin },
        },
        credential: async ({ team }, to) =>
          to.credential
            ? openCredential(keys, to.credential.wrappedKey, team, to.serverId, to.credential.value)
            : {},
        look: async () => undefined,
        lookSoon: async () => undefined,
        traffic: new Traffic({ now: () => Date.now(), wait: async () => undefined }),
        noteFare: async () => undefined,
        now: () => Date.now(),
        random,
        waitUntil: (work) => void work.catch(() => undefined),
      },
    };
    return new Way(setting, state, parts, sent);
  }

  /** The gate over what is in the storage; one that is made anew is one that was evicted. */
  get gate(): Gate {
    this.#gate ??= new Gate(watched(this.#state, this.parts), env, delegates(this.parts.gate));
    return this.#gate;
  }

  evict(): void {
    this.#gate = null;
  }

  /** Sends one message, and winds the timers on until there is an answer. */
  ask(asked: Asked): Promise<Came> {
    return this.#ask(asked, 300);
  }

  /** The same for a message that is to go through: however slow this machine is, no deadline passes meanwhile. */
  askPatiently(asked: Asked): Promise<Came> {
    return this.#ask(asked, 10_000);
  }

  async #ask(asked: Asked, patienceMs: number): Promise<Came> {
    const before = this.#sent.length;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const answer = serve(this.#setting.request(asked), this.parts.worker).catch(() => thrown());
      const { value, waitedMs } = await wound(answer.then(read), patienceMs);
      return { ...value, sent: this.#sent.slice(before), waitedMs };
    } finally {
      vi.useRealTimers();
    }
  }

  /** How many calls the gate's own record says it let through. */
  get allowed(): number {
    const { sql } = this.#state.storage;
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'decision'").toArray();
    if (tables.length === 0) return 0;
    const rows = `SELECT count(*) AS n FROM decision WHERE json_extract(body, '$.verdict') = 'allowed'`;
    return sql.exec<{ n: number }>(rows).one().n;
  }
}

const messages: Readonly<Record<Asked, unknown>> = {
  call: {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "send", arguments: { text: "hello" } },
  },
  approval: {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "pay", arguments: { amount: 1 } },
  },
  held: { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "wait", arguments: {} } },
  list: { jsonrpc: "2.0", id: 1, method: "tools/list" },
  stream: null,
};

const pool = ({ caller }: Setting): CounterStub =>
  env.COUNTERS.get(env.COUNTERS.idFromName(`${caller.team} pool`)) as unknown as CounterStub;

function master(): MasterKeys {
  const keys = parseMasterKeys(env.MASTER_KEYS);
  if (isFault(keys)) throw new Error(keys.detail);
  return keys;
}

function upstream(sent: string[], message: string): Response {
  sent.push(message);
  // A GET opens a stream on which the server never says anything.
  if (message === "")
    return new Response(new ReadableStream(), { headers: { "Content-Type": "text/event-stream" } });
  const result = { content: [{ type: "text", text: "done" }], tools: [] };
  return Response.json({ jsonrpc: "2.0", id: 1, result });
}

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

/** What the Worker answers where even the pipeline throws (`src/index.ts`). */
const thrown = (): Response => Response.json({ code: "misconfigured", detail: "It threw." }, { status: 500 });

async function read(answer: Response): Promise<{ status: number; text: string }> {
  return { status: answer.status, text: await answer.text().catch(() => brokenOff) };
}

/** Lets real work go on, and winds the timers on only while nothing else moves. */
async function wound<T>(work: Promise<T>, patienceMs: number): Promise<{ value: T; waitedMs: number }> {
  let done = false;
  void work.finally(() => {
    done = true;
  });
  for (let i = 0; i < patienceMs / 5 && !done; i++) await breathe(5);
  let waitedMs = 0;
  for (; !done && waitedMs < 4 * boundedMs; waitedMs += 500) {
    await vi.advanceTimersByTimeAsync(500);
    await breathe(1);
  }
  if (!done) throw new Error(`no answer within ${waitedMs} ms`);
  return { value: await work, waitedMs };
}
