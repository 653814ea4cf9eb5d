import * as z from "zod/mini";
import type { Fault } from "../fault.ts";
import { findServer, type Server } from "../store/server.ts";
import { nothingHere, type TeamCall } from "./operation.ts";
import { timestamp } from "./reply.ts";

export const serverShape = z
  .strictObject({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    url: z.string(),
    auth: z.strictObject({ type: z.enum(["none", "headers"]) }),
    state: z.enum(["ready", "pending"]),
    why: z.nullable(z.enum(["unreachable", "not_mcp", "needs_sign_in"])),
    detail: z.nullable(z.string()),
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
  const { look } = server;
  return {
    id: server.id,
    slug: server.slug,
    name: server.name,
    url: server.url,
    auth: { type: server.authType },
    state: look.state,
    why: look.state === "pending" ? look.why : null,
    detail: look.state === "pending" ? look.detail : null,
    gateway_url: `${deps.origin}/mcp/${team.slug}/${server.slug}`,
    key_url: `${deps.origin}/key/${team.slug}/${server.slug}`,
    created_at: timestamp(server.createdAt),
  };
}
