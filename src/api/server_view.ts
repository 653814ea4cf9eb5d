import * as z from "zod/mini";
import type { Fault } from "../fault.ts";
import type { ServerId } from "../id.ts";
import { type Connection, findOwnConnections } from "../store/connection.ts";
import { findServer, type Server } from "../store/server.ts";
import { redirectUriFor } from "../upstream/oauth_client.ts";
import { connectionShape, connectUrl, showConnection } from "./connection_view.ts";
import { nothingHere, type TeamCall } from "./operation.ts";
import { timestamp } from "./reply.ts";

/** Which definitions are accepted without a person. */
export const autoAccept = z
  .enum(["none", "read"])
  .check(
    z.describe(
      "`read`: new and changed definitions are accepted while every tool of the server only reads and hides nothing.",
    ),
  );

export const serverShape = z
  .strictObject({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    url: z.string(),
    auth: z.strictObject({
      type: z.enum(["none", "headers", "oauth"]),
      per: z.optional(z.enum(["team", "member"])),
      issuer: z.optional(z.nullable(z.string())),
      client_id: z.optional(z.nullable(z.string())),
      scope: z.optional(z.nullable(z.string())),
      redirect_uri: z.optional(
        z.url().check(z.describe("Of a client that you register by hand: where its people come back to.")),
      ),
      connect_url: z.optional(z.url()),
      connection: z.optional(
        z
          .nullable(connectionShape)
          .check(
            z.describe("The team's account, or your own where everybody has theirs; null: not connected."),
          ),
      ),
    }),
    state: z
      .enum(["ok", "pending", "failing", "needs_sign_in"])
      .check(z.describe("`pending`: no look has seen its tools yet, so none is pinned.")),
    why: z.nullable(z.enum(["unreachable", "not_mcp", "needs_sign_in"])),
    detail: z.nullable(z.string()),
    failing_since: z.nullable(z.iso.datetime()),
    looked_at: z
      .nullable(z.iso.datetime())
      .check(z.describe("When its tools were last compared with the pins.")),
    auto_accept: autoAccept,
    gateway_url: z.url(),
    key_url: z.url(),
    created_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Server" });

/** The path's server, if it is the team's. */
export async function serverOf(call: TeamCall<unknown, unknown>): Promise<Server | Fault> {
  return (await findServer(call.db, call.team.id, call.params["server"] ?? "")) ?? nothingHere;
}

/** The accounts by which the caller's calls are signed in to these servers. */
export async function connectionsOf(
  { db, team, user }: TeamCall<unknown, unknown>,
  servers: readonly Server[],
): Promise<ReadonlyMap<ServerId, Connection>> {
  const withAccounts = servers.filter(({ oauth }) => oauth !== null);
  if (withAccounts.length === 0) return new Map();
  const ids = withAccounts.map(({ id }) => id);
  const found = await findOwnConnections(db, team.id, ids, user.id);
  const used = found.filter(({ server, member }) => {
    const per = withAccounts.find(({ id }) => id === server)?.oauth?.per;
    return per === (member === null ? "team" : "member");
  });
  return new Map(used.map((connection) => [connection.server, connection]));
}

/** A server as every answer shows it: its credential stays behind. */
export function showServer(
  call: TeamCall<unknown, unknown>,
  server: Server,
  connections: ReadonlyMap<ServerId, Connection>,
) {
  const { deps, team } = call;
  const { trouble } = server;
  const connection = connections.get(server.id) ?? null;
  return {
    id: server.id,
    slug: server.slug,
    name: server.name,
    url: server.url,
    auth: { type: server.authType, ...accountsOf(call, server, connection) },
    state: stateOf(server, connection),
    why: trouble?.why ?? null,
    detail: trouble?.detail ?? null,
    failing_since: trouble && timestamp(trouble.sinceMs),
    looked_at: server.lookedAt === null ? null : timestamp(server.lookedAt),
    auto_accept: server.autoAccept ? "read" : "none",
    gateway_url: `${deps.origin}/mcp/${team.slug}/${server.slug}`,
    key_url: `${deps.origin}/key/${team.slug}/${server.slug}`,
    created_at: timestamp(server.createdAt),
  };
}

function accountsOf(call: TeamCall<unknown, unknown>, server: Server, connection: Connection | null) {
  const { oauth } = server;
  if (!oauth) return {};
  const { per, issuer, client_id, scope } = oauth;
  return {
    per,
    issuer,
    client_id,
    scope,
    ...(client_id !== null && { redirect_uri: redirectUriFor(call.deps.origin, issuer ?? "", false) }),
    connect_url: connectUrl(call, server),
    connection: connection && showConnection(call, server, connection),
  };
}

function stateOf(
  { pending, trouble }: Server,
  connection: Connection | null,
): "ok" | "pending" | "failing" | "needs_sign_in" {
  if (pending) return "pending";
  if (connection?.member === null && connection.state === "needs_sign_in") return "needs_sign_in";
  if (!trouble) return "ok";
  return trouble.why === "needs_sign_in" ? "needs_sign_in" : "failing";
}
