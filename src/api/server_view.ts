import * as z from "zod/mini";
import type { Fault } from "../fault.ts";
import { findServer, type Server } from "../store/server.ts";
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
    auth: z.strictObject({ type: z.enum(["none", "headers"]) }),
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

/** A server as every answer shows it: its credential stays behind. */
export function showServer({ deps, team }: TeamCall<unknown, unknown>, server: Server) {
  const { trouble } = server;
  return {
    id: server.id,
    slug: server.slug,
    name: server.name,
    url: server.url,
    auth: { type: server.authType },
    state: stateOf(server),
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

function stateOf({ pending, trouble }: Server): "ok" | "pending" | "failing" | "needs_sign_in" {
  if (pending) return "pending";
  if (!trouble) return "ok";
  return trouble.why === "needs_sign_in" ? "needs_sign_in" : "failing";
}
