import * as z from "zod/mini";
import { fault, isFault } from "../fault.ts";
import { acceptTool, findTool, listTools, type Tool } from "../store/tool.ts";
import { difference, differenceShape } from "./difference.ts";
import { commit, inForceShape, inForceStatus } from "./edit.ts";
import { nothingHere, type Operation, teamOperation } from "./operation.ts";
import { keyedQuery, page, pageOf } from "./page.ts";
import { Exact, reply } from "./reply.ts";
import { serverOf } from "./server_view.ts";

/** More than any server may list (protocol: 2,000 tools). */
export const toolsMax = 2_000;

export const toolShape = z
  .strictObject({
    name: z.string(),
    state: z
      .enum(["accepted", "changed", "new", "gone"])
      .check(
        z.describe(
          "Only accepted tools can be called; changed and new ones wait for somebody to accept them.",
        ),
      ),
    definition: z.nullable(z.record(z.string(), z.unknown())),
    hash: z.nullable(z.string()).check(z.describe("SHA-256 of the definition that the last look saw")),
    accepted_hash: z.nullable(z.string()),
    risk: z.strictObject({
      category: z.enum(["Read", "Write", "Execute", "Destructive", "Financial"]),
      level: z.enum(["low", "medium", "high", "critical"]),
      flags: z.array(z.string()),
      evidence: z.unknown(),
    }),
  })
  .register(z.globalRegistry, { id: "Tool" });

const accepted = z.strictObject({
  tool: toolShape,
  diff: z.array(differenceShape),
  in_force: inForceShape,
});

const tools = "/v1/teams/{team}/servers/{server}/tools";
const tag = "Servers";

/** A server's tools: what they are, how risky, and whether their definition is accepted. */
export const toolOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "list_tools",
      method: "get",
      path: tools,
      tag,
      summary: "A server's tools with definition, risk and whether they are accepted",
      query: keyedQuery,
      answers: { 200: pageOf(toolShape) },
    },
    async (call) => {
      const server = await serverOf(call);
      if (isFault(server)) return server;
      const { limit, cursor } = call.query;
      const rows = await listTools(call.db, call.team.id, server.id, cursor ?? "", limit + 1);
      return reply(
        200,
        page(rows, limit, (row) => row.name, showTool),
      );
    },
  ),
  teamOperation(
    "admin",
    {
      id: "accept_tool",
      method: "post",
      path: `${tools}/{tool}/accept`,
      tag,
      summary: "Accept a tool's new definition; with `hash`, only if it is still that one",
      body: z.strictObject({ hash: z.optional(z.string().check(z.length(64))) }),
      bodyOptional: true,
      answers: { 200: accepted, 202: accepted },
    },
    async (call) => {
      const server = await serverOf(call);
      if (isFault(server)) return server;
      const { db, team, params, body } = call;
      const tool = await findTool(db, team.id, server.id, params["tool"] ?? "");
      if (!tool?.seenHash) return nothingHere;
      if (body.hash !== undefined && body.hash !== tool.seenHash) return changedSince;
      const changes = [acceptTool(db, team.id, server.id, tool.name, tool.seenHash)];
      const detail = { server: server.slug, tool: tool.name, hash: tool.seenHash };
      const event = { action: "tool.accepted", subject: server.id, detail };
      const inForce = await commit(call, { of: "server", server: server.id }, changes, event);
      const now = await findTool(db, team.id, server.id, tool.name);
      if (now?.pinnedHash !== tool.seenHash) return changedSince;
      const diff = difference(tool.pinnedDefinition, tool.seenDefinition);
      return reply(inForceStatus(inForce), { tool: showTool(now), diff, in_force: inForce });
    },
  ),
];

const changedSince = fault(
  "stale",
  "The tool's definition has changed again: read it, then accept that one.",
);

/** A tool as an answer shows it. */
export function showTool(tool: Tool) {
  const definition = tool.seenDefinition ?? tool.pinnedDefinition;
  return {
    name: tool.name,
    state: stateOf(tool),
    definition: definition === null ? null : new Exact(definition),
    hash: tool.seenHash,
    accepted_hash: tool.pinnedHash,
    risk: { category: tool.category, level: tool.level, flags: tool.flags, evidence: tool.evidence },
  };
}

function stateOf({ pinnedHash, seenHash }: Tool): "accepted" | "changed" | "new" | "gone" {
  if (seenHash === null) return "gone";
  if (pinnedHash === null) return "new";
  return pinnedHash === seenHash ? "accepted" : "changed";
}
