import { waitUntil } from "cloudflare:workers";
import type { ApiDeps } from "./api/deps.ts";
import { drainErasures } from "./api/erasure.ts";
import { deliver, drainEvents } from "./api/event_outbox.ts";
import { type RecheckDeps, recheckServers } from "./api/server_recheck.ts";
import { argumentKey as argumentKeyBefore } from "./audit/argument_key.ts";
import type { ControlEntry } from "./audit/entry.ts";
import { Log } from "./audit/log.ts";
import { fault, isFault } from "./fault.ts";
import { inTime } from "./gate/deadline.ts";
import { Gate } from "./gate/gate.ts";
import { storeFare, storeLook } from "./gate/look_again.ts";
import { burstHappening, happeningOf } from "./gate/notice.ts";
import { drainOutbox } from "./gate/push.ts";
import type { GateStub } from "./gate/rpc.ts";
import type { GatewayDeps } from "./gateway/exchange.ts";
import { serve } from "./gateway/pipeline.ts";
import { RequestStates } from "./gateway/request_state.ts";
import { Sessions } from "./gateway/session.ts";
import { Settlements } from "./gateway/settlement.ts";
import { type ConnectionId, type GrantId, newId, type Random, type TeamId } from "./id.ts";
import { signCheckpoint } from "./identity/checkpoint.ts";
import { publicKeys, readSigningKeys } from "./identity/keys.ts";
import { mailPort } from "./identity/mail.ts";
import { Refusals } from "./identity/refusals.ts";
import { Throttle, type ThrottleStub } from "./identity/throttle.ts";
import { VerifiedTokens } from "./identity/verified.ts";
import type { CounterStub } from "./limit/reservation.ts";
import { Shared } from "./limit/shared.ts";
import type { oauthServer } from "./oauth/server.ts";
import { type RouteName, routeOf } from "./route.ts";
import { noteNeed } from "./store/connection.ts";
import { shardOf } from "./store/database.ts";
import { enqueueForeseen } from "./store/foreseen.ts";
import { enqueue, type Happening } from "./store/hook_delivery.ts";
import { forgetKeys } from "./store/idempotency.ts";
import { countRefused } from "./store/refusal.ts";
import { countBehind } from "./store/sealed.ts";
import { loadSnapshot } from "./store/snapshot.ts";
import { findDataKey } from "./store/team.ts";
import { Account, type AccountStub } from "./upstream/account.ts";
import type { MasterKeys } from "./upstream/aead.ts";
import { argumentKey } from "./upstream/data_key.ts";
import { platformFetch } from "./upstream/fetch.ts";
import { guardRules, judgeUrl } from "./upstream/guard.ts";
import { openHeld, sealHeld } from "./upstream/held_call.ts";
import { drainAllHooks, drainHooks, type HookDeps } from "./upstream/hook_outbox.ts";
import { Looks } from "./upstream/looks.ts";
import { clientDocument } from "./upstream/oauth_client.ts";
import { AccessTokens, type SignInDeps, signIn } from "./upstream/sign_in.ts";
import { Traffic } from "./upstream/traffic.ts";
import { parseMasterKeys } from "./upstream/vault.ts";

/** The Worker's bindings. No other file names them: the rooms get what they need as arguments. */
interface Env {
  readonly DB: D1Database;
  readonly GATES: DurableObjectNamespace<GrantGate>;
  readonly LOGS: DurableObjectNamespace<TeamLog>;
  readonly COUNTERS: DurableObjectNamespace<SharedCounter>;
  readonly ACCOUNTS: DurableObjectNamespace<UpstreamAccount>;
  readonly THROTTLES: DurableObjectNamespace<SignInThrottle>;
  /** `1:<32 bytes in base64url>[,2:…]`: seals credentials and sessions. Secret. */
  readonly MASTER_KEYS: string;
  /** A JSON array of private Ed25519 JWKs: signs every token. Secret. */
  readonly SIGNING_KEYS: string;
  /** Where people and agents reach this Worker, such as `https://gate.example.com`. */
  readonly PUBLIC_ORIGIN: string;
  /** `true` only in development: upstreams may be on this machine. */
  readonly ALLOW_LOOPBACK_UPSTREAMS?: string;
  /** Where mail is posted to, and the bearer token that goes with it (docs/teams.md). The token is secret. */
  readonly MAIL_URL?: string;
  readonly MAIL_TOKEN?: string;
}

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
        const { origin } = new URL(env.PUBLIC_ORIGIN);
        const happenings = notices.map((notice) => happeningOf(origin, notice));
        await tell(env, ctx, team, happenings);
      },
      seal: (team, id, plaintext) => sealHeld(master, team, id, plaintext, random),
      open: (team, id, sealed) => openHeld(master, team, id, sealed),
      now: () => Date.now(),
      random: Math.random,
    });
  }
}

export class TeamLog extends Log {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, {
      sign: async (statement) => signCheckpoint(statement, await readSigningKeys(env.SIGNING_KEYS)),
      warn: (team, bursts) => tell(env, ctx, team, bursts.map(burstHappening)),
      now: () => Date.now(),
    });
  }
}

export class SharedCounter extends Shared {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, {
      ask: (gate, ids) => inTime(gateOf(env, gate).resolve(ids), gateDeadlineMs),
      now: () => Date.now(),
    });
  }
}

export class SignInThrottle extends Throttle {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, () => Date.now());
  }
}

export class UpstreamAccount extends Account {
  constructor(ctx: DurableObjectState, env: Env) {
    const { master, fetch, now } = hooksOf(env);
    super(ctx, env, {
      master,
      fetch,
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

const gateDeadlineMs = 5_000;

const random: Random = (count) => crypto.getRandomValues(new Uint8Array(count));

const logOf = (env: Env, team: TeamId) => env.LOGS.get(env.LOGS.idFromName(team));

// The stub's own type wraps every answer for RPC; what it offers is exactly this.
const gateOf = (env: Env, grant: GrantId): GateStub =>
  env.GATES.get(env.GATES.idFromName(grant)) as unknown as GateStub;

const accountOf = (env: Env, connection: ConnectionId): AccountStub =>
  env.ACCOUNTS.get(env.ACCOUNTS.idFromName(connection)) as unknown as AccountStub;

const counterOf = (env: Env, team: TeamId, series: string): CounterStub =>
  env.COUNTERS.get(env.COUNTERS.idFromName(`${team} ${series}`)) as unknown as CounterStub;

const throttleOf = (env: Env, subject: string): ThrottleStub =>
  env.THROTTLES.get(env.THROTTLES.idFromName(subject)) as unknown as ThrottleStub;

/** Puts what happened before the team's webhooks; they are told behind the object's own work, which slow ones must not keep. */
async function tell(
  env: Env,
  ctx: DurableObjectState,
  team: TeamId,
  happenings: readonly Happening[],
): Promise<void> {
  await enqueue(shardOf(team, env.DB), team, happenings, Date.now());
  ctx.waitUntil(drainHooks(hooksOf(env), team).catch((error) => console.error("hooks wait", error)));
}

function hooksOf(env: Env): HookDeps {
  const rules = guardRules(new URL(env.PUBLIC_ORIGIN).origin, env.ALLOW_LOOPBACK_UPSTREAMS);
  if (isFault(rules)) throw new Error(rules.detail);
  const fetch = { fetch: platformFetch, rules };
  return { db: env.DB, master: masterKeys(env), fetch, now: () => Date.now() };
}

// A server that is slower than this at listing its tools holds up the servers behind it.
const recheckMs = 10_000;

/** Looks at servers are rare beside calls, and what classes their tools knows many words. */
const enrol: typeof import("./upstream/enrol.ts").enrol = async (...asked) =>
  (await import("./upstream/enrol.ts")).enrol(...asked);

function recheckOf(env: Env): RecheckDeps {
  const { db, master, fetch, now } = hooksOf(env);
  const account = (connection: ConnectionId) => accountOf(env, connection);
  return {
    db,
    signIn: (at, credential) => signIn({ master, account, kept: new AccessTokens(), now }, at, credential),
    gate: (grant) => gateOf(env, grant),
    look: (url, headers) => enrol({ ...fetch, deadlineMs: recheckMs }, url, headers),
    now,
    random,
  };
}

function masterKeys(env: Env): MasterKeys {
  const keys = parseMasterKeys(env.MASTER_KEYS ?? "");
  if (isFault(keys)) throw new Error(keys.detail);
  return keys;
}

function currentKey(master: MasterKeys): Uint8Array {
  const key = master.keys.get(master.current);
  if (!key) throw new Error("the current master key is not among the master keys");
  return key;
}

// What runs behind an answer gets 30 s from the platform.
const countRefusalsMs = 20_000;

/** An event of the team's that nobody of the team made. */
const logEvent = (env: Env, team: TeamId, event: Happened) => logOf(env, team).append([systemEvent(event)]);

type Happened = Pick<ControlEntry, "action" | "subject" | "detail">;

const systemEvent = (event: Happened): ControlEntry => ({
  kind: "control",
  id: newId("evt", random),
  atMs: Date.now(),
  requestId: "",
  actor: "system",
  ...event,
});

const refusalsOf = (env: Env): Refusals =>
  new Refusals({
    saveUnknown: (counts) => countRefused(env.DB, Date.now(), counts),
    tellTeam: async ({ team, grant, count, sinceMs }) => {
      const since = new Date(sinceMs).toISOString();
      await logEvent(env, team, { action: "sign_in.refused", subject: grant, detail: { count, since } });
    },
    tellAsked: async ({ team, grant, server, rule, count, sinceMs }) => {
      const since = new Date(sinceMs).toISOString();
      const detail = { grant, rule, count, since };
      await logEvent(env, team, { action: "server_request.refused", subject: server, detail });
    },
    behind: waitUntil,
    wait: () => new Promise((resolve) => setTimeout(resolve, countRefusalsMs)),
    now: () => Date.now(),
  });

/** Everything that lives as long as the isolate: keys read once, verified tokens, outcomes on their way. */
async function assemble(env: Env) {
  const origin = new URL(env.PUBLIC_ORIGIN).origin;
  const rules = guardRules(origin, env.ALLOW_LOOPBACK_UPSTREAMS);
  if (isFault(rules)) throw new Error(rules.detail);
  const master = masterKeys(env);
  const keys = await readSigningKeys(env.SIGNING_KEYS ?? "");
  const upstream = { fetch: platformFetch, rules };
  const clock = {
    now: () => Date.now(),
    wait: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)),
  };
  const looks = new Looks(clock);
  const gate = (grant: GrantId) => gateOf(env, grant);
  const account = (connection: ConnectionId) => accountOf(env, connection);
  const signInDeps: SignInDeps = { master, account, kept: new AccessTokens(), now: () => Date.now() };
  const credential: GatewayDeps["credential"] = ({ team }, { serverId: server, url, credential }, refused) =>
    signIn(signInDeps, { team, server, url }, credential, refused);
  const refusals = refusalsOf(env);
  const look: GatewayDeps["look"] = async (caller, to) => {
    const { team } = caller;
    const { serverId, url } = to;
    const headers = await credential(caller, to, null);
    if (isFault(headers)) return;
    const seen = await enrol(upstream, url, headers);
    const at = { team, server: serverId, url };
    await storeLook({ db: shardOf(team, env.DB), gate, random }, at, seen, Date.now());
  };
  const issued = lazily(async () => {
    const { issuedBy, teamIssuers } = await import("./gateway/issued.ts");
    const behind = (work: Promise<void>) => waitUntil(work);
    const issuers = teamIssuers({ db: env.DB, gate, fetch: upstream, origin, random, behind, ...clock });
    return { issuers, enter: issuedBy(issuers) };
  });
  const gateway: Omit<GatewayDeps, "waitUntil"> = {
    origin,
    keys,
    verified: new VerifiedTokens(),
    issued: async (token, at) => (await issued()).enter(token, at),
    gate,
    settlements: new Settlements(),
    sessions: new Sessions(master, random),
    refusals,
    states: new RequestStates(master, random),
    forward: upstream,
    credential,
    wantScope: async ({ credential: how }, scope) => {
      const connection = how && "account" in how ? how.account.connection : null;
      if (connection) await account(connection).want(scope);
    },
    look,
    lookSoon: (caller, to) => looks.ask(to.serverId, () => look(caller, to)),
    traffic: new Traffic(clock),
    noteFare: ({ team }, { serverId: server }, fare) =>
      storeFare(shardOf(team, env.DB), { team, server }, fare, Date.now()).catch((error) =>
        console.error("a server's state is not written", { server, error }),
      ),
    now: () => Date.now(),
    random,
  };
  const apiDeps: ApiDeps = {
    db: env.DB,
    gate,
    log: (team) => logOf(env, team),
    judgeUrl: (url) => {
      const judged = judgeUrl(url, rules);
      return isFault(judged) ? judged : null;
    },
    approvals: gate,
    inbox: (team) => logOf(env, team),
    keys,
    origin,
    masterKeys: master,
    account,
    signIn: (at, credential) => signIn(signInDeps, at, credential),
    fetch: upstream,
    refusals,
    throttle: (subject) => throttleOf(env, subject),
    behind: (work) => waitUntil(work.catch((error) => console.error("work behind an answer failed", error))),
    look: (url, headers) => enrol(upstream, url, headers),
    mail: mailPort({ url: env.MAIL_URL, token: env.MAIL_TOKEN }, rules.allowLoopback, {
      fetch: platformFetch,
      print: (text) => console.warn(text),
    }),
    now: () => Date.now(),
    random,
  };
  const oauthDeps: Parameters<typeof oauthServer>[0] = {
    db: env.DB,
    gate,
    tell: (team, events) => deliver({ db: env.DB, log: (of) => logOf(env, of) }, team, events),
    assertion: async (token, team, checks) => (await issued()).issuers.assertion(token, team, checks),
    throttle: (subject) => throttleOf(env, subject),
    keys,
    origin,
    fetch: upstream,
    now: () => Date.now(),
    random,
  };
  return {
    gateway,
    api: lazily(async () => (await import("./api/rest.ts")).restApi(apiDeps)),
    oauth: lazily(async () => (await import("./oauth/server.ts")).oauthServer(oauthDeps)),
    sso: lazily(async () => (await import("./api/sso.ts")).sso(apiDeps)),
    connect: lazily(async () => (await import("./api/connect_callback.ts")).connectCallback(apiDeps)),
    published: publicKeys(keys),
  };
}

/** A module of its own, which its first request loads: what carries agents' calls starts without it (ADR 8). */
function lazily<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | null = null;
  return () => {
    loaded ??= load();
    return loaded;
  };
}

let assembled: { env: Env; parts: ReturnType<typeof assemble> } | null = null;

function partsOf(env: Env): ReturnType<typeof assemble> {
  if (assembled?.env !== env) assembled = { env, parts: assemble(env) };
  return assembled.parts;
}

interface Visit {
  readonly request: Request;
  readonly pathname: string;
  readonly env: Env;
  readonly ctx: ExecutionContext;
}

const handlers: Readonly<Record<RouteName, (visit: Visit) => Response | Promise<Response>>> = {
  gateway: async ({ request, env, ctx }) => {
    const { gateway } = await partsOf(env);
    return serve(request, { ...gateway, waitUntil: (work) => ctx.waitUntil(work) });
  },
  api: async ({ request, env, ctx }) => {
    const { api } = await partsOf(env);
    return (await api()).fetch(request, env, ctx);
  },
  keys: async ({ env }) => {
    const { published } = await partsOf(env);
    return Response.json(published, { headers: { "Cache-Control": "public, max-age=300" } });
  },
  page: async ({ request, env }) =>
    (await import("./web/pages.ts")).servePage(request, new URL(env.PUBLIC_ORIGIN).origin),
  connect_callback: async ({ request, env }) => {
    const { connect } = await partsOf(env);
    return (await connect())(request);
  },
  connect_client: ({ env }) =>
    Response.json(clientDocument(new URL(env.PUBLIC_ORIGIN).origin), {
      headers: { "Cache-Control": "public, max-age=300" },
    }),
  oauth: async ({ request, env }) => {
    const { oauth } = await partsOf(env);
    return (await oauth())(request);
  },
  sso: async ({ request, env }) => {
    const { sso } = await partsOf(env);
    return (await sso())(request);
  },
  healthz: () => Response.json({ alive: true }),
  readyz: ({ env }) => ready(env),
};

async function respond(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const { pathname } = new URL(request.url);
  const route = routeOf(pathname);
  if (route === "gateway") return handlers.gateway({ request, pathname, env, ctx });
  const answer = route
    ? await handlers[route]({ request, pathname, env, ctx })
    : new Response("There is nothing here.\n", { status: 404 });
  return forBrowsers(answer);
}

/** What every browser is told by every answer, pages or not: agents' calls go without, as no browser makes them. */
function forBrowsers(answer: Response): Response {
  const headers = new Headers(answer.headers);
  headers.set("X-Content-Type-Options", "nosniff");
  // Over http browsers pass over it (RFC 6797 §8.1), so it needs no condition.
  headers.set("Strict-Transport-Security", "max-age=63072000; includeSubDomains");
  return new Response(answer.body, { status: answer.status, headers });
}

/** Whether the parts that every call needs answer: the keys, D1, a gate and a log. */
async function ready(env: Env): Promise<Response> {
  const checks: Record<string, () => Promise<unknown>> = {
    keys: () => partsOf(env),
    d1: () => env.DB.prepare("SELECT id FROM team LIMIT 1").all(),
    gates: () => gateOf(env, "readyz" as GrantId).find(0),
    logs: () => logOf(env, "readyz" as TeamId).list({ limit: 1 }),
  };
  const failed: string[] = [];
  for (const [part, check] of Object.entries(checks)) {
    await check().catch((error: unknown) => {
      failed.push(part);
      console.error("not ready", { part, error });
    });
  }
  const answer = { ready: failed.length === 0, failed, master_key: await masterKeyInUse(env) };
  return Response.json(answer, { status: failed.length === 0 ? 200 : 503 });
}

/** Which master key seals, and whether all that lasts is sealed by it: then older ones can go (docs/runbooks.md). */
async function masterKeyInUse(env: Env): Promise<{ version: number; rotated: boolean } | null> {
  try {
    const { current } = masterKeys(env);
    const behind = await countBehind(env.DB, current);
    return { version: current, rotated: Object.values(behind).every((count) => count === 0) };
  } catch {
    return null;
  }
}

export default {
  async fetch(request, env, ctx) {
    try {
      return await respond(request, env, ctx);
    } catch (error) {
      console.error("the Worker is not set up", error);
      const { fault: code, detail } = fault(
        "misconfigured",
        "The gateway is not set up: see its log, and /readyz.",
      );
      return Response.json({ code, detail }, { status: 500 });
    }
  },
  async scheduled(_event, env) {
    const nowMs = Date.now();
    const work = [
      drainOutbox({ db: env.DB, gate: (grant) => gateOf(env, grant) }, nowMs),
      drainEvents({ db: env.DB, log: (team) => logOf(env, team) }, nowMs),
      drainErasures(
        {
          db: env.DB,
          gate: (grant) => gateOf(env, grant),
          log: (team) => logOf(env, team),
          account: (connection) => accountOf(env, connection),
        },
        nowMs,
      ),
      env.DB.batch(enqueueForeseen(env.DB, nowMs, new URL(env.PUBLIC_ORIGIN).origin)).then(() =>
        drainAllHooks(hooksOf(env)),
      ),
      recheckServers(recheckOf(env)),
      import("./api/key_rotation.ts").then(({ rotateKeys }) =>
        rotateKeys({ ...hooksOf(env), gate: (grant) => gateOf(env, grant), random }),
      ),
      forgetKeys(env.DB, nowMs).run(),
    ];
    // None waits for another, nor fails with it.
    for (const done of await Promise.allSettled(work)) {
      if (done.status === "rejected") console.error("a part of the cron failed", done.reason);
    }
  },
} satisfies ExportedHandler<Env>;
