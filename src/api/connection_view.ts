import * as z from "zod/mini";
import type { Connection } from "../store/connection.ts";
import type { Server } from "../store/server.ts";
import type { TeamCall } from "./operation.ts";
import { timestamp } from "./reply.ts";

/** An account that somebody has connected, without its tokens. */
export const connectionShape = z
  .strictObject({
    id: z.string(),
    per: z.enum(["team", "member"]),
    member: z.nullable(z.string()).check(z.describe("Whose calls it serves; null is everybody's.")),
    state: z
      .enum(["connected", "expires", "needs_sign_in"])
      .check(
        z.describe(
          "`expires`: nothing renews its access. `needs_sign_in`: `detail` says why, and `connect_url` mends it.",
        ),
      ),
    detail: z.nullable(z.string()),
    since: z.iso.datetime(),
    issuer: z.string(),
    scope: z.string(),
    wanted_scope: z.nullable(z.string()).check(z.describe("What the server has asked for besides.")),
    expires_at: z.nullable(z.iso.datetime()),
    connected_by: z.string(),
    connected_at: z.iso.datetime(),
    connect_url: z.url(),
  })
  .register(z.globalRegistry, { id: "Connection" });

/** Where a person connects an account, or connects it anew. */
export const connectUrl = (
  { deps, team }: Pick<TeamCall<unknown, unknown>, "deps" | "team">,
  { slug }: Pick<Server, "slug">,
): string => `${deps.origin}/connections/${team.slug}/${slug}`;

/** A connection as every answer shows it. */
export const showConnection = (
  call: Pick<TeamCall<unknown, unknown>, "deps" | "team">,
  server: Pick<Server, "slug">,
  connection: Connection,
) => ({
  id: connection.id,
  per: connection.member === null ? ("team" as const) : ("member" as const),
  member: connection.member,
  state: connection.state,
  detail: connection.detail,
  since: timestamp(connection.since),
  issuer: connection.issuer,
  scope: connection.scope,
  wanted_scope: connection.wanted,
  expires_at: connection.expiresAt === null ? null : timestamp(connection.expiresAt),
  connected_by: connection.connector,
  connected_at: timestamp(connection.createdAt),
  connect_url: connectUrl(call, server),
});
