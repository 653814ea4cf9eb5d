import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { changesOf, driftDetail } from "../gate/look_again.ts";
import { newId } from "../id.ts";
import { endConnections } from "../store/connection.ts";
import { isTaken } from "../store/database.ts";
import {
  deleteServer,
  findServer,
  forgetLook,
  insertServer,
  listServers,
  type NewServer,
  type Server,
  updateServer,
} from "../store/server.ts";
import { listTools, type Tool } from "../store/tool.ts";
import { forgetClients } from "../store/upstream_client.ts";
import type { Look } from "../upstream/enrol.ts";
import { authBody, credentialOf, lookFor, originChanged, sealAuth } from "./credential.ts";
import { commit, inForceShape, inForceStatus, save } from "./edit.ts";
import { type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { whyFull, withinQuota } from "./quota.ts";
import { recommendationFor } from "./recommendation.ts";
import { type Reply, reply } from "./reply.ts";
import { autoAccept, connectionsOf, serverOf, serverShape, showServer } from "./server_view.ts";
import { slugOf } from "./slug.ts";
import { toolShape, toolsMax, toolView } from "./tool.ts";

const name = z.string().check(z.trim(), z.minLength(1), z.maxLength(80));
const url = z.string().check(z.maxLength(2048), z.describe("https; where the server's MCP endpoint is"));

const lookedAt = z.extend(serverShape, {
  tools: z.array(toolShape),
  dropped: z.array(z.string()).check(z.describe("Names that it lists but that nobody may call.")),
  recommended_policy: z.record(z.string(), z.unknown()),
});
const changed = z.extend(lookedAt, { in_force: inForceShape });

const createBody = z.strictObject({
  name,
  url,
  auth: z._default(authBody, { type: "none" }),
  auto_accept: z._default(autoAccept, "none"),
});
const updateBody = z.strictObject({
  name: z.optional(name),
  url: z.optional(url),
  auth: z.optional(authBody),
  auto_accept: z.optional(autoAccept),
});

const one = "/v1/teams/{team}/servers/{server}";
const tag = "Servers";

/** Upstreams: registering, changing, looking again, removing. */
export const serverOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "create_server",
      method: "post",
      path: "/v1/teams/{team}/servers",
      tag,
      summary: "Register an MCP server: it is connected to, and its tools are listed, rated and pinned",
      body: createBody,
      answers: { 201: lookedAt },
    },
    create,
  ),
  teamOperation(
    "viewer",
    {
      id: "list_servers",
      method: "get",
      path: "/v1/teams/{team}/servers",
      tag,
      summary: "The team's servers",
      query: pageQuery,
      answers: { 200: pageOf(serverShape) },
    },
    async (call) => {
      const { limit, cursor } = call.query;
      const rows = await listServers(call.db, call.team.id, cursor, limit + 1);
      const connections = await connectionsOf(call, rows);
      return reply(
        200,
        page(rows, limit, ageCursor, (row) => showServer(call, row, connections)),
      );
    },
  ),
  teamOperation(
    "viewer",
    {
      id: "get_server",
      method: "get",
      path: one,
      tag,
      summary: "One server, with its gateway URLs",
      answers: { 200: serverShape },
    },
    async (call) => {
      const server = await serverOf(call);
      if (isFault(server)) return server;
      return reply(200, showServer(call, server, await connectionsOf(call, [server])));
    },
  ),
  teamOperation(
    "admin",
    {
      id: "update_server",
      method: "patch",
      path: one,
      tag,
      summary: "Rename, move or re-authenticate a server; another address is looked at afresh",
      body: updateBody,
      answers: { 200: changed, 202: changed },
    },
    update,
  ),
  teamOperation(
    "admin",
    {
      id: "refresh_server",
      method: "post",
      path: `${one}/refresh`,
      tag,
      summary: "Look again: changed and new tools are held back until somebody accepts them",
      answers: { 200: changed, 202: changed },
    },
    async (call) => {
      const server = await serverOf(call);
      if (isFault(server)) return server;
      const look = await lookFor(call, server);
      return isFault(look) ? look : saveLook(call, server, [], look, "server.refreshed");
    },
  ),
  teamOperation(
    "admin",
    {
      id: "delete_server",
      method: "delete",
      path: one,
      tag,
      summary: "Remove a server with its policies; grants lose it",
      answers: {
        200: z.strictObject({ in_force: inForceShape }),
        202: z.strictObject({ in_force: inForceShape }),
      },
    },
    async (call) => {
      const server = await serverOf(call);
      if (isFault(server)) return server;
      const changes = [...part(call, server), ...deleteServer(call.db, call.team.id, server.id)];
      const event = { action: "server.deleted", subject: server.id, detail: { slug: server.slug } };
      const inForce = await commit(call, { of: "server", server: server.id }, changes, event);
      return reply(inForceStatus(inForce), { in_force: inForce });
    },
  ),
];

async function create(call: TeamCall<z.output<typeof createBody>, unknown>): Promise<Reply | Fault> {
  const { deps, db, team, body, nowMs } = call;
  const full = await whyFull(call, "servers");
  if (full) return full;
  const look = await deps.look(body.url, credentialOf(body.auth));
  if (isFault(look)) return look;
  const id = newId("srv", deps.random);
  const server: NewServer = {
    id,
    team: team.id,
    slug: slugOf(body.name) ?? `server-${id.slice(-6)}`,
    name: body.name,
    url: body.url,
    ...(await sealAuth(call, id, body.auth)),
    autoAccept: body.auto_accept === "read",
    createdAt: nowMs,
  };
  const first = await changesOf(db, { ...server, pending: true }, look, nowMs);
  const changes = [insertServer(db, server), ...first.changes];
  const event = { action: "server.registered", subject: id, detail: { slug: server.slug } };
  try {
    const over = await withinQuota(call, ["servers"], (held) => save(call, [...changes, ...held], event));
    if (over) return over;
  } catch (error) {
    if (isTaken(error)) return nameTaken(server.slug);
    throw error;
  }
  return reply(201, await showLook(call, server, look));
}

const nameTaken = (slug: string): Fault =>
  fault("conflict", `The team has a server ${slug}.`, [
    { pointer: "/name", message: `a server with the slug ${slug} exists: choose another name` },
  ]);

async function update(call: TeamCall<z.output<typeof updateBody>, unknown>): Promise<Reply | Fault> {
  const { body } = call;
  const server = await serverOf(call);
  if (isFault(server)) return server;
  const url = body.url ?? server.url;
  if (server.authType === "headers" && !body.auth && originChanged(server.url, url)) return giveAgain;
  const moved = url !== server.url;
  // An account stays with the origin that it was connected for, and with what it was connected by.
  const parted = server.oauth !== null && (body.auth !== undefined || originChanged(server.url, url));
  const now = {
    ...server,
    name: body.name ?? server.name,
    url,
    ...(body.auth && (await sealAuth(call, server.id, body.auth))),
    autoAccept: body.auto_accept === undefined ? server.autoAccept : body.auto_accept === "read",
    pending: moved || server.pending,
  };
  const changes = [
    updateServer(call.db, now),
    ...(moved ? forgetLook(call.db, call.team.id, server.id) : []),
    ...(parted ? part(call, server) : []),
  ];
  const look = await lookAtChange(call, now, { moved, parted });
  return isFault(look) ? look : saveLook(call, now, changes, look, "server.changed");
}

/** What an update makes worth looking at: null where nothing does. */
async function lookAtChange(
  call: TeamCall<z.output<typeof updateBody>, unknown>,
  to: Server,
  { moved, parted }: { readonly moved: boolean; readonly parted: boolean },
): Promise<Look | Fault | null> {
  const { auth } = call.body;
  if (auth || parted) return call.deps.look(to.url, auth ? credentialOf(auth) : {});
  return moved ? lookFor(call, to) : null;
}

const part = ({ db, team, nowMs }: TeamCall<unknown, unknown>, { id }: Server): D1PreparedStatement[] => [
  ...endConnections(db, team.id, { server: id }, nowMs),
  forgetClients(db, team.id, id, null),
];

const giveAgain = fault("invalid", "A credential stays with the address that it was given for.", [
  { pointer: "/auth", message: "the address has another origin: give `auth` again" },
]);

async function saveLook(
  call: TeamCall<unknown, unknown>,
  server: Server,
  before: readonly D1PreparedStatement[],
  look: Look | null,
  action: string,
): Promise<Reply> {
  const found = look && (await changesOf(call.db, server, look, call.nowMs));
  const changes = [...before, ...(found?.changes ?? [])];
  const drifted = found?.drift ? driftDetail(found.drift) : {};
  const detail = { slug: server.slug, look: look?.state ?? null, ...drifted };
  const event = { action, subject: server.id, detail };
  const inForce = await commit(call, { of: "server", server: server.id }, changes, event);
  return reply(inForceStatus(inForce), { ...(await showLook(call, server, look)), in_force: inForce });
}

async function showLook(call: TeamCall<unknown, unknown>, { id, slug }: NewServer, look: Look | null) {
  const saved = await findServer(call.db, call.team.id, id);
  if (!saved) throw new Error(`server ${id} went away`);
  const tools: Tool[] = await listTools(call.db, call.team.id, id, "", toolsMax);
  return {
    ...showServer(call, saved, await connectionsOf(call, [saved])),
    tools: tools.map(await toolView(call, slug)),
    dropped: look?.state === "ready" ? look.dropped : [],
    recommended_policy: recommendationFor(tools, "recommended").document,
  };
}
