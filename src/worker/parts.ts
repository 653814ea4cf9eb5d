import { waitUntil } from "cloudflare:workers";
import type { ApiDeps } from "../api/deps.ts";
import { deliver } from "../api/event_outbox.ts";
import { isFault } from "../fault.ts";
import { storeFare, storeLook } from "../gate/look_again.ts";
import type { GatewayDeps } from "../gateway/exchange.ts";
import { RequestStates } from "../gateway/request_state.ts";
import { Sessions } from "../gateway/session.ts";
import { Settlements } from "../gateway/settlement.ts";
import type { ConnectionId, GrantId } from "../id.ts";
import { type KeySet, publicKeys, readSigningKeys } from "../identity/keys.ts";
import { mailPort } from "../identity/mail.ts";
import { Refusals } from "../identity/refusals.ts";
import type { TeamIssuers } from "../identity/team_issuers.ts";
import { VerifiedTokens } from "../identity/verified.ts";
import type { oauthServer } from "../oauth/server.ts";
import { shardOf } from "../store/database.ts";
import { countRefused } from "../store/refusal.ts";
import type { AccountStub } from "../upstream/account.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import { type FetchDeps, platformFetch } from "../upstream/fetch.ts";
import { judgeUrl } from "../upstream/guard.ts";
import { Looks } from "../upstream/looks.ts";
import { AccessTokens, type SignInDeps, signIn } from "../upstream/sign_in.ts";
import { Traffic } from "../upstream/traffic.ts";
import {
  accountOf,
  type Env,
  gateOf,
  logOf,
  masterKeys,
  now,
  originOf,
  random,
  throttleOf,
  wayOut,
} from "./env.ts";
import { logEvent } from "./events.ts";

/** What the surfaces share as long as the isolate lives. */
interface Shared {
  readonly env: Env;
  readonly origin: string;
  readonly master: MasterKeys;
  readonly keys: KeySet;
  readonly fetch: FetchDeps;
  readonly account: (connection: ConnectionId) => AccountStub;
  readonly accounts: SignInDeps;
  readonly refusals: Refusals;
  readonly issued: () => Promise<Issued>;
}

interface Issued {
  readonly issuers: TeamIssuers;
  readonly enter: GatewayDeps["issued"];
}

const clock = { now, wait: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)) };

/** Looks at servers are rare beside calls, and what classes their tools knows many words. */
const enrol: typeof import("../upstream/enrol.ts").enrol = async (...asked) =>
  (await import("../upstream/enrol.ts")).enrol(...asked);

/** Everything that lives as long as the isolate: keys read once, verified tokens, outcomes on their way. */
async function assemble(env: Env) {
  const shared = await share(env);
  const api = apiDeps(shared);
  return {
    gateway: gatewayDeps(shared),
    api: lazily(async () => (await import("../api/rest.ts")).restApi(api)),
    oauth: lazily(async () => (await import("../oauth/server.ts")).oauthServer(oauthDeps(shared))),
    sso: lazily(async () => (await import("../api/sso.ts")).sso(api)),
    connect: lazily(async () => (await import("../api/connect_callback.ts")).connectCallback(api)),
    published: publicKeys(shared.keys),
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

export function partsOf(env: Env): ReturnType<typeof assemble> {
  if (assembled?.env !== env) assembled = { env, parts: assemble(env) };
  return assembled.parts;
}

async function share(env: Env): Promise<Shared> {
  const origin = originOf(env);
  const master = masterKeys(env);
  const fetch = wayOut(env);
  const account = (connection: ConnectionId) => accountOf(env, connection);
  const issued = lazily(async () => {
    const { issuedBy, teamIssuers } = await import("../gateway/issued.ts");
    const gate = (grant: GrantId) => gateOf(env, grant);
    const issuers = teamIssuers({ db: env.DB, gate, fetch, origin, random, behind: waitUntil, ...clock });
    return { issuers, enter: issuedBy(issuers) };
  });
  return {
    env,
    origin,
    master,
    keys: await readSigningKeys(env.SIGNING_KEYS ?? ""),
    fetch,
    account,
    accounts: { master, account, kept: new AccessTokens(), now },
    refusals: refusalsOf(env),
    issued,
  };
}

// What runs behind an answer gets 30 s from the platform.
const countRefusalsMs = 20_000;

const refusalsOf = (env: Env): Refusals =>
  new Refusals({
    saveUnknown: (counts) => countRefused(env.DB, now(), counts),
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
    wait: () => clock.wait(countRefusalsMs),
    now,
  });

function gatewayDeps(shared: Shared): Omit<GatewayDeps, "waitUntil"> {
  const { env, master, accounts } = shared;
  const gate = (grant: GrantId) => gateOf(env, grant);
  const looks = new Looks(clock);
  const credential: GatewayDeps["credential"] = (
    { team },
    { serverId: server, url, credential: how },
    refused,
  ) => signIn(accounts, { team, server, url }, how, refused);
  const look: GatewayDeps["look"] = async (caller, to) => {
    const headers = await credential(caller, to, null);
    if (isFault(headers)) return;
    const seen = await enrol(shared.fetch, to.url, headers);
    const at = { team: caller.team, server: to.serverId, url: to.url };
    await storeLook({ db: shardOf(caller.team, env.DB), gate, random }, at, seen, now());
  };
  return {
    origin: shared.origin,
    keys: shared.keys,
    verified: new VerifiedTokens(),
    issued: async (token, at) => (await shared.issued()).enter(token, at),
    gate,
    settlements: new Settlements(),
    sessions: new Sessions(master, random),
    refusals: shared.refusals,
    states: new RequestStates(master, random),
    forward: shared.fetch,
    credential,
    wantScope: async ({ credential: how }, scope) => {
      const connection = how && "account" in how ? how.account.connection : null;
      if (connection) await shared.account(connection).want(scope);
    },
    look,
    lookSoon: (caller, to) => looks.ask(to.serverId, () => look(caller, to)),
    traffic: new Traffic(clock),
    noteFare: ({ team }, { serverId: server }, fare) =>
      storeFare(shardOf(team, env.DB), { team, server }, fare, now()).catch((error) =>
        console.error("a server's state is not written", { server, error }),
      ),
    now,
    random,
  };
}

function apiDeps({ env, origin, master, keys, fetch, account, accounts, refusals }: Shared): ApiDeps {
  const gate = (grant: GrantId) => gateOf(env, grant);
  return {
    db: env.DB,
    gate,
    log: (team) => logOf(env, team),
    judgeUrl: (url) => {
      const judged = judgeUrl(url, fetch.rules);
      return isFault(judged) ? judged : null;
    },
    approvals: gate,
    inbox: (team) => logOf(env, team),
    keys,
    origin,
    masterKeys: master,
    account,
    signIn: (at, credential) => signIn(accounts, at, credential),
    fetch,
    refusals,
    throttle: (subject) => throttleOf(env, subject),
    behind: (work) => waitUntil(work.catch((error) => console.error("work behind an answer failed", error))),
    look: (url, headers) => enrol(fetch, url, headers),
    mail: mailPort({ url: env.MAIL_URL, token: env.MAIL_TOKEN }, fetch.rules.allowLoopback, {
      fetch: platformFetch,
      print: (text) => console.warn(text),
    }),
    now,
    random,
  };
}

function oauthDeps({ env, origin, keys, fetch, issued }: Shared): Parameters<typeof oauthServer>[0] {
  return {
    db: env.DB,
    gate: (grant) => gateOf(env, grant),
    tell: (team, events) => deliver({ db: env.DB, log: (of) => logOf(env, of) }, team, events),
    assertion: async (token, team, checks) => (await issued()).issuers.assertion(token, team, checks),
    throttle: (subject) => throttleOf(env, subject),
    keys,
    origin,
    fetch,
    now,
    random,
  };
}
