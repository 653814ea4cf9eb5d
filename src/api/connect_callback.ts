import { type Fault, fault, isFault } from "../fault.ts";
import { storeLook } from "../gate/look_again.ts";
import { newId } from "../id.ts";
import { type SignedIn, visitor } from "../identity/sign_in.ts";
import { type ConnectAttempt, takeAttempt } from "../store/connect_attempt.ts";
import { type Connection, findConnection, replaceConnection } from "../store/connection.ts";
import { type Db, shardOf } from "../store/database.ts";
import { findServer, type Server } from "../store/server.ts";
import { findSession } from "../store/session.ts";
import { findMembership, type Team } from "../store/team.ts";
import { forgetClients } from "../store/upstream_client.ts";
import { type Attempt, codeIn, stateHash } from "../upstream/authorize.ts";
import { exchangeCode, type Tokens } from "../upstream/token_request.ts";
import { open } from "../upstream/vault.ts";
import { concernOf } from "./connection.ts";
import { howOf, lookSignedIn } from "./credential.ts";
import type { ApiDeps } from "./deps.ts";
import { commit, save } from "./edit.ts";
import { atLeast } from "./operation.ts";

/** How coming back from an authorization server ended; `src/web/connection.ts` has the words for it. */
type Ending = "connected" | "over" | "other_person" | "failed";

/**
 * Where people come back to from an authorization server. The state is good once, for the person who began: a code that
 * somebody else was given at the authorization server would connect their account for us.
 */
export const connectCallback =
  (deps: ApiDeps) =>
  async (request: Request): Promise<Response> => {
    if (request.method !== "GET") {
      return new Response("This address is come back to with GET.\n", {
        status: 405,
        headers: { Allow: "GET" },
      });
    }
    const location = `${deps.origin}/connections/${await finish(request, deps)}`;
    const headers = { Location: location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" };
    return new Response(null, { status: 303, headers });
  };

async function finish(request: Request, deps: ApiDeps): Promise<Ending> {
  const url = new URL(request.url);
  const [state, ...more] = url.searchParams.getAll("state");
  if (!state || more.length > 0) return "over";
  const nowMs = deps.now();
  const taken = await takeAttempt(deps.db, stateHash(state), nowMs);
  if (!taken) return "over";
  const person = await visitor(request, deps);
  if (person?.user.id !== taken.user) return "other_person";
  const arrival = await arrive(deps, taken, person, nowMs);
  if (!arrival) return "over";
  const ended = await connect(arrival, url);
  if (!isFault(ended)) return "connected";
  const event = { action: "connection.failed", subject: taken.server, detail: { why: ended.detail } };
  await save(arrival, [], event);
  return "failed";
}

/** A person who may still do what they set out to do. */
interface Arrival {
  readonly deps: ApiDeps;
  readonly db: Db;
  readonly team: Team;
  readonly server: Server;
  readonly taken: ConnectAttempt;
  readonly user: SignedIn["user"];
  readonly nowMs: number;
  readonly requestId: string;
}

/** Everything that may have changed while they were away is asked again. */
async function arrive(
  deps: ApiDeps,
  taken: ConnectAttempt,
  { user, session }: SignedIn,
  nowMs: number,
): Promise<Arrival | null> {
  const membership = await findMembership(deps.db, user.id, taken.team, session.team);
  const began = await findSession(deps.db, taken.jti, nowMs);
  if (
    !membership ||
    membership.closed ||
    !began ||
    (taken.member === null && !atLeast(membership.role, "admin"))
  )
    return null;
  const { team } = membership;
  const db = shardOf(team.id, deps.db);
  const server = await findServer(db, team.id, taken.server);
  const per = taken.member === null ? "team" : "member";
  if (server?.oauth?.per !== per) return null;
  return { deps, db, team, server, taken, user, nowMs, requestId: newId("req", deps.random) };
}

async function connect(arrival: Arrival, url: URL): Promise<Fault | null> {
  const { deps, db, team, server, taken, nowMs } = arrival;
  const place = {
    team: team.id,
    server: server.id,
    member: taken.member,
    field: `attempt ${taken.stateHash}`,
  };
  const opened = await open(deps.masterKeys, team.dataKey, place, taken.attempt);
  if (isFault(opened)) return opened;
  const attempt = JSON.parse(opened) as Attempt;
  const { source, verifier, scope } = attempt;
  if (source.origin !== new URL(server.url).origin) return moved;
  const code = codeIn(url, attempt);
  if (isFault(code)) return code;
  const tokens = await exchangeCode(deps.fetch, source, { code, verifier, scope }, nowMs);
  if (isFault(tokens)) {
    // A registration that the authorization server has dropped is made again with the next try.
    if (tokens.ended) await forgetClients(db, team.id, server.id, source.issuer).run();
    return tokens;
  }
  await keep(arrival, attempt, tokens);
  return null;
}

const moved = fault("conflict", "The server's address has changed since you set out.");

/** The tokens first: a gate that hears of the connection must find them there. */
async function keep(arrival: Arrival, { source }: Attempt, tokens: Tokens): Promise<void> {
  const { deps, db, team, server, taken, user, nowMs } = arrival;
  const { member } = taken;
  const connection: Connection = {
    id: newId("con", deps.random),
    team: team.id,
    server: server.id,
    member,
    issuer: source.issuer,
    scope: tokens.scope,
    wanted: null,
    state: tokens.refresh === null && tokens.expiresAtMs !== null ? "expires" : "connected",
    detail: null,
    since: nowMs,
    expiresAt: tokens.refresh === null ? tokens.expiresAtMs : null,
    connector: user.id,
    createdAt: nowMs,
  };
  const before = await findConnection(db, team.id, server.id, member);
  const whose = { connection: connection.id, team: team.id, server: server.id, member };
  await deps.account(connection.id).adopt(whose, team.dataKey, { source, tokens });
  await commit(arrival, concernOf(server, member), replaceConnection(db, connection), {
    action: "connection.made",
    subject: server.id,
    detail: { connection: connection.id, member: member ?? "", issuer: source.issuer, scope: tokens.scope },
  });
  if (before) {
    const forgotten = deps.account(before.id).forget();
    await forgotten.catch((error: unknown) => console.error("an account is not forgotten yet", error));
  }
  if (member === null || server.pending) await look(arrival, connection);
}

/** What could not be listed before can be now. A look that fails is the server's state, and no fault of the connecting. */
async function look({ deps, db, team, server, nowMs }: Arrival, { id }: Connection): Promise<void> {
  const seen = await lookSignedIn(deps, server, howOf(server, team.dataKey, id));
  await storeLook({ ...deps, db }, { team: team.id, server: server.id, url: server.url }, seen, nowMs);
}
