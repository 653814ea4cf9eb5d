import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { UserId } from "../id.ts";
import { insertAttempt } from "../store/connect_attempt.ts";
import { endConnections, findConnection, listConnections } from "../store/connection.ts";
import type { Server } from "../store/server.ts";
import { authorizeUrl, newSecrets, stateHash } from "../upstream/authorize.ts";
import { joinScopes } from "../upstream/challenge.ts";
import { discover } from "../upstream/discovery.ts";
import { seal } from "../upstream/vault.ts";
import { clientOf } from "./connect_client.ts";
import { connectionShape, showConnection } from "./connection_view.ts";
import { commit, inForceShape, inForceStatus } from "./edit.ts";
import {
  atLeast,
  needsRole,
  nothingHere,
  type Operation,
  type TeamCall,
  teamOperation,
} from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { serverOf } from "./server_view.ts";

const one = "/v1/teams/{team}/servers/{server}";
const tag = "Connections";

const asQuery = z.strictObject({
  as: z.optional(
    z
      .literal("me")
      .check(z.describe("Says that your own account is meant; absent is whatever the server is set up for.")),
  ),
});

/** Accounts at servers that are signed in to by OAuth. */
export const connectionOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "connect_server",
      inPerson: true,
      method: "post",
      path: `${one}/connect`,
      tag,
      summary:
        "Begin to connect an account: the team's (admin), or your own; go to the answer's address in ten minutes",
      query: asQuery,
      body: z.strictObject({}),
      bodyOptional: true,
      answers: { 200: z.strictObject({ authorize_url: z.url(), expires_at: z.iso.datetime() }) },
    },
    begin,
  ),
  teamOperation(
    "viewer",
    {
      id: "disconnect_server",
      method: "delete",
      path: `${one}/connect`,
      tag,
      summary:
        "Forget the team's account (admin) or your own, and have its authorization server forget it too",
      query: asQuery,
      answers: {
        200: z.strictObject({ in_force: inForceShape }),
        202: z.strictObject({ in_force: inForceShape }),
      },
    },
    disconnect,
  ),
  teamOperation(
    "viewer",
    {
      id: "list_connections",
      method: "get",
      path: `${one}/connections`,
      tag,
      summary: "The accounts at a server: the team's and your own; an admin sees every member's",
      query: pageQuery,
      answers: { 200: pageOf(connectionShape) },
    },
    async (call) => {
      const { db, team, user, membership, query } = call;
      const server = await serverOf(call);
      if (isFault(server)) return server;
      const member = membership.role === "admin" ? null : user.id;
      const rows = await listConnections(db, team.id, server.id, member, query.cursor, query.limit + 1);
      return reply(
        200,
        page(rows, query.limit, ageCursor, (row) => showConnection(call, server, row)),
      );
    },
  ),
];

type AsCall = TeamCall<unknown, z.output<typeof asQuery>>;

/** Whose account is meant (null is the team's), if the caller may speak for them. */
function ownerOf({ query, membership, user }: AsCall, { oauth }: Server): UserId | null | Fault {
  if (!oauth) return noAccounts;
  if (oauth.per === "member") return user.id;
  if (query.as === "me") return teamsOnly;
  return atLeast(membership.role, "admin") ? null : needsRole("admin");
}

const noAccounts = fault("conflict", "This server is not signed in to by OAuth: set its `auth` first.");
const teamsOnly = fault(
  "conflict",
  "At this server everybody uses the team's account: connect without `as`.",
);

const attemptMs = 10 * 60_000;

async function begin(call: AsCall): Promise<Reply | Fault> {
  const { deps, db, team, user, session, nowMs } = call;
  const server = await serverOf(call);
  if (isFault(server)) return server;
  const member = ownerOf(call, server);
  if (isFault(member)) return member;
  const found = await discover(deps.fetch, server.url, server.oauth?.issuer ?? null);
  if (isFault(found)) return found;
  const client = await clientOf(call, server, found.server);
  if (isFault(client)) return client;
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint, namesItself } = found.server;
  const before = await findConnection(db, team.id, server.id, member);
  const { state, verifier } = newSecrets(deps.random);
  const { origin } = new URL(server.url);
  const attempt = {
    source: { issuer, tokenEndpoint, revocationEndpoint, client, resource: found.resource, origin },
    scope: joinScopes(server.oauth?.scope ?? found.scope, before?.wanted ?? null),
    verifier,
    namesItself,
  };
  const hash = stateHash(state);
  const place = { team: team.id, server: server.id, member, field: `attempt ${hash}` };
  const sealed = await seal(deps.masterKeys, team.dataKey, place, JSON.stringify(attempt), deps.random);
  const expiresAtMs = nowMs + attemptMs;
  const whose = { team: team.id, server: server.id, member, user: user.id, jti: session.jti };
  await db.batch(insertAttempt(db, { stateHash: hash, ...whose, attempt: sealed, expiresAtMs }, nowMs));
  const url = authorizeUrl(authorizationEndpoint, attempt, state);
  return reply(200, { authorize_url: url, expires_at: timestamp(expiresAtMs) });
}

async function disconnect(call: AsCall): Promise<Reply | Fault> {
  const { deps, db, team, nowMs } = call;
  const server = await serverOf(call);
  if (isFault(server)) return server;
  const member = ownerOf(call, server);
  if (isFault(member)) return member;
  const connection = await findConnection(db, team.id, server.id, member);
  if (!connection) return nothingHere;
  const changes = endConnections(db, team.id, { server: server.id, member }, nowMs);
  const inForce = await commit(call, concernOf(server, member), changes, {
    action: "connection.ended",
    subject: server.id,
    detail: { connection: connection.id, member: member ?? "" },
  });
  // No gate names it any more. What fails here, the cron does.
  await deps
    .account(connection.id)
    .forget()
    .catch((error: unknown) =>
      console.error("an account is not forgotten yet", { id: connection.id, error }),
    );
  return reply(inForceStatus(inForce), { in_force: inForce });
}

/** Whose gates must know of a change to an account. */
export const concernOf = ({ id }: Pick<Server, "id">, member: UserId | null) =>
  member === null ? ({ of: "server", server: id } as const) : ({ of: "member", member } as const);
