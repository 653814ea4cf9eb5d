import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { isFault } from "../../src/fault.ts";
import { openSession } from "../../src/upstream/session.ts";
import { parseMasterKeys } from "../../src/upstream/vault.ts";
import { Streams } from "../stream/run.ts";
import { json, type Stage } from "../stream/scripts.ts";
import { tool } from "../stream/team.ts";

const dayMs = 86_400_000;

/** A server of the `initialize` era, as strict with sessions as the protocol lets it be. */
const sessions = new Set<string>();
let heardOf = 0;
const strict = ({ wire, heard: { verb, session, method, id } }: Stage) => {
  heardOf++;
  if (method === "initialize") {
    const opened = randomUUID();
    sessions.add(opened);
    return wire.answer("200 OK", { "Content-Type": json, "Mcp-Session-Id": opened }, result(id, {}));
  }
  if (session === null) return wire.answer("400 Bad Request", {}, "");
  if (!sessions.has(session)) return wire.answer("404 Not Found", {}, "");
  if (verb === "DELETE") sessions.delete(session);
  return verb === "DELETE"
    ? wire.answer("204 No Content", {}, "")
    : wire.answer(
        "200 OK",
        { "Content-Type": json },
        result(id, { content: [{ type: "text", text: session }] }),
      );
};
const result = (id: string, value: object): string =>
  `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(value)}}`;

let streams: Streams;
beforeAll(async () => {
  streams = await Streams.start([{ play: strict }, { play: strict }]);
});
afterAll(() => streams.stop());

let session: string;
beforeEach(async () => {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: { elicitation: { url: {} } },
    clientInfo: { name: "tester", version: "1" },
    arguments: { seed: 1 },
  };
  const opened = await send("POST", { jsonrpc: "2.0", id: 1, method: "initialize", params });
  session = opened.headers.get("Mcp-Session-Id") ?? "";
});

/** Sent by a grant to a server, each by its number, in a session where one is given. */
async function send(verb: "POST" | "DELETE", message: object | null, named?: string, by = 0, at = 0) {
  const snapshot = streams.team.snapshots[by];
  if (!snapshot) throw new Error("there is no such grant");
  return fetch(`${streams.gateway.url}/mcp/${streams.team.slug}/s${at}`, {
    method: verb,
    headers: {
      authorization: `Bearer ${await streams.team.token(snapshot, streams.gateway.url)}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(named === undefined ? {} : { "mcp-session-id": named }),
    },
    ...(message ? { body: JSON.stringify(message) } : {}),
  });
}

const message = {
  jsonrpc: "2.0",
  id: 2,
  method: "tools/call",
  params: { name: tool, arguments: { seed: 1 } },
};
const call = (named?: string, by?: number, at?: number) => send("POST", message, named, by, at);
/** The upstream's own id, as it says itself in its answer. */
async function inside(named: string): Promise<string> {
  const answer = (await (await call(named)).json()) as { result: { content: [{ text: string }] } };
  return answer.result.content[0].text;
}

it("a client gets a session of its own, never the server's id, and the server gets back its own", async () => {
  const own = await inside(session);
  expect(sessions.has(own)).toBe(true);
  expect(session).not.toContain(own);
});

it("a session that another grant, or another server of the same grant, is shown does not exist", async () => {
  const before = heardOf;
  expect([(await call(session, 1)).status, (await call(session, 0, 1)).status]).toEqual([404, 404]);
  expect(heardOf).toBe(before);
  expect((await call(session)).status).toBe(200);
});

it("a session that was changed, invented, or is the server's own does not exist", async () => {
  const changed = session.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
  const own = await inside(session);
  const before = heardOf;
  for (const named of [changed, "invented", own]) expect((await call(named)).status).toBe(404);
  expect(heardOf).toBe(before);
});

it("a session keeps what its client said at the beginning, sealed to grant and server", async () => {
  const [snapshot] = streams.team.snapshots;
  const master = parseMasterKeys(streams.team.secrets.MASTER_KEYS);
  if (isFault(master) || !snapshot) throw new Error("nobody has keys");
  const owner = { team: streams.team.id, grant: snapshot.grant.id, server: "s0" };
  expect(await openSession(master, owner, session, Date.now())).toEqual({
    id: await inside(session),
    server: snapshot.routes[0]?.server.id,
    expiresAtMs: expect.any(Number),
    clientName: "tester",
    revision: "2025-11-25",
    capabilities: ["elicitation.url"],
  });
});

it("whether a session is needed is the server's answer", async () => {
  expect((await call()).status).toBe(400);
});

it("DELETE ends the session at the server, and what comes after it does not find it", async () => {
  const own = await inside(session);
  expect((await send("DELETE", null, session)).status).toBe(204);
  expect(sessions.has(own)).toBe(false);
  expect((await call(session)).status).toBe(404);
});

it("a restart of the gateway keeps sessions, and thirty days end them", async () => {
  const own = await inside(session);
  await streams.restart(0);
  expect(await inside(session)).toBe(own);
  await streams.restart(29 * dayMs);
  expect(await inside(session)).toBe(own);
  await streams.restart(30 * dayMs);
  expect((await call(session)).status).toBe(404);
  await streams.restart(0);
});
