import * as z from "zod/mini";
import { fault, isFault } from "../fault.ts";
import { disguisesOf, lookAlikesAmong, type Named } from "../risk/disguise.ts";
import { rateText } from "../risk/rated.ts";
import { acceptTool, findTool, listToolNames, listTools, rejectTool, type Tool } from "../store/tool.ts";
import { difference, differenceShape } from "./difference.ts";
import { commit, inForceShape, inForceStatus, save } from "./edit.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { keyedQuery, page, pageOf } from "./page.ts";
import { Exact, reply } from "./reply.ts";
import { serverOf } from "./server_view.ts";

/** More than any server may list (protocol: 2,000 tools). */
export const toolsMax = 2_000;

const evidence = z.strictObject({
  source: z.enum(["name", "title", "description", "parameter", "annotation"]),
  token: z.string().check(z.describe("The word, parameter or hint that said so, quoted.")),
  says: z.string(),
  nested: z.optional(z.strictObject({ each: z.string(), tool: z.string(), arguments: z.string() })),
});

export const toolShape = z
  .strictObject({
    name: z.string(),
    state: z
      .enum(["accepted", "changed", "new", "rejected", "gone"])
      .check(
        z.describe(
          "Only accepted tools can be called; changed and new ones wait for somebody to accept or reject them.",
        ),
      ),
    definition: z.nullable(z.record(z.string(), z.unknown())),
    hash: z.nullable(z.string()).check(z.describe("SHA-256 of the definition that the last look saw")),
    accepted_hash: z.nullable(z.string()),
    risk: z.strictObject({
      category: z.enum(["Read", "Write", "Execute", "Destructive", "Financial"]),
      level: z.enum(["low", "medium", "high", "critical"]),
      flags: z.array(z.string()),
      roles: z
        .record(z.string(), z.string())
        .check(z.describe("What its parameters carry: url, path, sql, shell, recipient, amount …")),
      confidence: z.enum(["high", "medium", "low"]),
      evidence: z.array(evidence).check(z.describe("The first is what the category comes from.")),
    }),
    warnings: z
      .array(
        z.strictObject({
          kind: z.enum(["hidden_character", "borrowed_letters", "look_alike"]),
          says: z.string(),
        }),
      )
      .check(z.describe("What may be misread: the character, the word, or the other tool as `server/name`.")),
  })
  .register(z.globalRegistry, { id: "Tool" });

const withDiff = z.extend(toolShape, {
  accepted_definition: z.nullable(z.record(z.string(), z.unknown())),
  diff: z.array(differenceShape).check(z.describe("From the accepted definition to the present one.")),
});

const accepted = z.strictObject({
  tool: toolShape,
  diff: z.array(differenceShape),
  in_force: inForceShape,
});

const verdictBody = z.strictObject({ hash: z.optional(z.string().check(z.length(64))) });

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
      const show = await toolView(call, server.slug);
      return reply(
        200,
        page(rows, limit, (row) => row.name, show),
      );
    },
  ),
  teamOperation(
    "viewer",
    {
      id: "get_tool",
      method: "get",
      path: `${tools}/{tool}`,
      tag,
      summary: "One tool, and field by field how it differs from what was accepted",
      answers: { 200: withDiff },
    },
    async (call) => {
      const server = await serverOf(call);
      if (isFault(server)) return server;
      const tool = await findTool(call.db, call.team.id, server.id, call.params["tool"] ?? "");
      if (!tool) return nothingHere;
      const { pinnedDefinition, seenDefinition } = tool;
      return reply(200, {
        ...(await toolView(call, server.slug))(tool),
        accepted_definition: pinnedDefinition === null ? null : new Exact(pinnedDefinition),
        diff: difference(pinnedDefinition, seenDefinition),
      });
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
      body: verdictBody,
      bodyOptional: true,
      answers: { 200: accepted, 202: accepted },
    },
    async (call) => {
      const found = await seenToolOf(call);
      if (isFault(found)) return found;
      const { server, tool, event } = found;
      const changes = [acceptTool(call.db, call.team.id, server.id, tool.name, tool.seenHash)];
      const inForce = await commit(call, { of: "server", server: server.id }, changes, {
        action: "tool.accepted",
        ...event,
      });
      const now = await findTool(call.db, call.team.id, server.id, tool.name);
      if (now?.pinnedHash !== tool.seenHash) return changedSince;
      return reply(inForceStatus(inForce), {
        tool: (await toolView(call, server.slug))(now),
        diff: difference(tool.pinnedDefinition, tool.seenDefinition),
        in_force: inForce,
      });
    },
  ),
  teamOperation(
    "admin",
    {
      id: "reject_tool",
      method: "post",
      path: `${tools}/{tool}/reject`,
      tag,
      summary:
        "Refuse a tool's new definition: it stays held back until the server shows another, or the accepted one",
      body: verdictBody,
      bodyOptional: true,
      answers: { 200: toolShape },
    },
    async (call) => {
      const found = await seenToolOf(call);
      if (isFault(found)) return found;
      const { server, tool, event } = found;
      if (tool.pinnedHash === tool.seenHash) return changedSince;
      const change = rejectTool(call.db, call.team.id, server.id, tool.name, tool.seenHash);
      await save(call, [change], { action: "tool.rejected", ...event });
      const now = await findTool(call.db, call.team.id, server.id, tool.name);
      if (now?.rejectedHash !== tool.seenHash) return changedSince;
      return reply(200, (await toolView(call, server.slug))(now));
    },
  ),
];

/** The path's tool as the last look saw it, if that is what the caller has read, and what the log says of it. */
async function seenToolOf(call: TeamCall<z.output<typeof verdictBody>, unknown>) {
  const server = await serverOf(call);
  if (isFault(server)) return server;
  const tool = await findTool(call.db, call.team.id, server.id, call.params["tool"] ?? "");
  if (!tool?.seenHash) return nothingHere;
  const { name, seenHash: hash } = tool;
  if (call.body.hash !== undefined && call.body.hash !== hash) return changedSince;
  const event = { subject: server.id, detail: { server: server.slug, tool: name, hash } };
  return { server, tool: { ...tool, seenHash: hash }, event };
}

const changedSince = fault(
  "stale",
  "The tool's definition is another by now, or somebody has accepted it: read it first.",
);

// A team's names are compared in memory, so there is an end to them.
const namesMax = 20_000;
const warningsMax = 50;

/** Shows tools of the server of that slug, with what about them may be misread. */
export async function toolView({ db, team }: TeamCall<unknown, unknown>, server: string) {
  const alike = lookAlikesAmong(await listToolNames(db, team.id, namesMax));
  return (tool: Tool) => showTool(tool, alike({ server, name: tool.name }));
}

function showTool(tool: Tool, alike: readonly Named[]) {
  const definition = tool.seenDefinition ?? tool.pinnedDefinition;
  return {
    name: tool.name,
    state: stateOf(tool),
    definition: definition === null ? null : new Exact(definition),
    hash: tool.seenHash,
    accepted_hash: tool.pinnedHash,
    risk: rateText(definition ?? "{}").risk,
    warnings: [
      ...disguisesOf(definition ?? "{}"),
      ...alike.map(({ server, name }) => ({ kind: "look_alike", says: `${server}/${name}` })),
    ].slice(0, warningsMax),
  };
}

function stateOf({ pinnedHash, seenHash, rejectedHash }: Tool): z.output<typeof toolShape>["state"] {
  if (seenHash === null) return "gone";
  if (pinnedHash === seenHash) return "accepted";
  if (rejectedHash === seenHash) return "rejected";
  return pinnedHash === null ? "new" : "changed";
}
