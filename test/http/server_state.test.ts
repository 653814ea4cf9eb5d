import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import * as z from "zod";
import { post, toolCall } from "./agent.ts";
import { until } from "./harness.ts";
import { type Scripted, startScripted } from "./scripted.ts";
import { type Grant, type Server, Team } from "./team.ts";

const policy = {
  version: "1",
  default: "allow",
  tools: { read_a: { limits: [{ counter: "reads", window: "hour", max: 1_000, scope: "grant" }] } },
};
const readA = { name: "read_a", description: "Reads a.", inputSchema: { type: "object" } };
const listTools = { jsonrpc: "2.0", id: 1, method: "tools/list" };

const stateShape = z.object({
  state: z.string(),
  why: z.string().nullable(),
  failing_since: z.string().nullable(),
});
const toolsShape = z.object({ items: z.array(z.object({ name: z.string(), state: z.string() })) });
const listShape = z.object({ result: z.object({ tools: z.array(z.object({ name: z.string() })) }) });
const usageShape = z.object({ items: z.array(z.object({ counter: z.string(), used: z.number() })) });
const faultShape = z.object({ error: z.object({ code: z.number(), message: z.string() }) });

let upstream: Scripted;
let team: Team;
let server: Server;
let grant: Grant;
beforeEach(async () => {
  upstream = await startScripted(readA);
  team = await Team.signUp(inject("gateway").url);
  server = await team.register("scripted", upstream.url);
  await team.savePolicy(server, "open", policy);
  grant = await team.grant(server, "open");
});
afterEach(async () => {
  upstream.release();
  await upstream.stop();
});

const call = (at = server, by = grant) => post(at.key_url, by.token, toolCall("read_a"));
const stateOf = () => team.rest.must(stateShape, "GET", team.path(`servers/${server.slug}`));
const toolStates = async () => {
  const { items } = await team.rest.must(toolsShape, "GET", team.path(`servers/${server.slug}/tools`));
  return Object.fromEntries(items.map(({ name, state }) => [name, state]));
};
async function used(): Promise<number | undefined> {
  const { items } = await team.rest.must(usageShape, "GET", team.path(`grants/${grant.id}/usage`));
  return items.find(({ counter }) => counter === "reads")?.used;
}
async function listed(): Promise<string[]> {
  const { result } = listShape.parse(await (await post(server.key_url, grant.token, listTools)).json());
  return result.tools.map(({ name }) => name);
}
const saying = (...definitions: object[]) => definitions.map((one) => JSON.stringify(one));

describe("a tool that changes while agents use it", () => {
  it("is left out of the first list that shows it otherwise, and held back behind it, like a new one", async () => {
    expect(await listed()).toEqual(["read_a"]);
    upstream.tools = saying({ ...readA, description: "Reads a, and sends it on." });
    expect(await listed()).toEqual([]);
    await until(async () => (await toolStates())["read_a"] === "changed");
    const refused = await (await call()).json();
    expect(refused).toMatchObject({ error: { code: -32602 } });
    expect(upstream.calls).toBe(0);
    upstream.tools = saying(readA, { name: "new_b" });
    expect(await listed()).not.toContain("new_b");
    await until(async () => (await toolStates())["new_b"] === "new");
    expect(await toolStates()).toEqual({ new_b: "new", read_a: "accepted" });
    expect(await listed()).toEqual(["read_a"]);
  });

  it("is held back as soon as its server says on a stream that its tools have changed", async () => {
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${grant.token}`, accept: "text/event-stream" };
    const stream = await fetch(server.key_url, { headers, signal: leaving.signal });
    const reader = stream.body?.getReader();
    await reader?.read();
    upstream.tools = saying({ ...readA, title: "Another" });
    await upstream.announce();
    await reader?.read();
    await until(async () => (await toolStates())["read_a"] === "changed");
    expect(await (await call()).json()).toMatchObject({ error: { code: -32602 } });
    leaving.abort();
  });
});

describe("a server that fails", () => {
  it("is answered for at once after five failures, uncounted and unsent, and tried again by itself", async () => {
    upstream.manner = 503;
    for (let time = 0; time < 5; time++) expect((await call()).status).toBe(503);
    expect([upstream.calls, await used()]).toEqual([5, 5]);
    const refused = await call();
    expect(refused.status).toBe(502);
    const { error } = faultShape.parse(await refused.json());
    expect(error.code).toBe(-31502);
    expect(error.message).toMatch(/failed 5 times in a row.*tried again in 1?\d s\./);
    expect([upstream.calls, await used()]).toEqual([5, 5]);
    await until(async () => (await stateOf()).state === "failing");
    expect(await stateOf()).toMatchObject({ why: "unreachable", failing_since: expect.any(String) });
    upstream.manner = "well";
    await until(async () => (await call()).status === 200, 20_000);
    await until(async () => (await stateOf()).state === "ok");
  });

  it("leaves the team's other servers alone", async () => {
    const other = await startScripted(readA);
    const sound = await team.register("sound", other.url);
    await team.savePolicy(sound, "open", policy);
    const soundGrant = await team.grant(sound, "open");
    upstream.manner = 500;
    for (let time = 0; time < 6; time++) await call();
    expect((await call()).status).toBe(502);
    expect((await call(sound, soundGrant)).status).toBe(200);
    await other.stop();
  });

  it("shows nothing of it to a grant that may not know it, nor to one that is revoked", async () => {
    const other = await startScripted(readA);
    const elsewhere = await team.register("elsewhere", other.url);
    const stranger = await team.grant(elsewhere, null);
    const revoked = await team.grant(server, "open");
    await team.revoke(revoked);
    upstream.manner = 500;
    for (let time = 0; time < 5; time++) await call();
    expect((await call()).status).toBe(502);
    const absent = await post(server.key_url.replace(/[^/]+$/, "absent"), stranger.token, toolCall("read_a"));
    const hidden = await call(server, stranger);
    expect([hidden.status, absent.status, (await call(server, revoked)).status]).toEqual([404, 404, 401]);
    await other.stop();
  });

  it("that no longer takes its credential needs a sign-in, until a look finds that it takes one", async () => {
    upstream.manner = 401;
    await call();
    await until(async () => (await stateOf()).state === "needs_sign_in");
    upstream.manner = "well";
    await team.rest.must(z.unknown(), "POST", team.path(`servers/${server.slug}/refresh`));
    expect((await stateOf()).state).toBe("ok");
  });
});

describe("a server that does not answer", () => {
  it("is sent 256 calls and no more; the next gives up after 10 s uncounted, and other servers answer meanwhile", async () => {
    const other = await startScripted(readA);
    const sound = await team.register("sound", other.url);
    await team.savePolicy(sound, "open", policy);
    const soundGrant = await team.grant(sound, "open");
    upstream.manner = "never";
    const calls = Array.from({ length: 256 }, () => call());
    await until(async () => upstream.calls === 256);
    const late = call();
    expect((await call(sound, soundGrant)).status).toBe(200);
    const refused = await late;
    expect(refused.status).toBe(503);
    expect(faultShape.parse(await refused.json()).error.code).toBe(-31505);
    expect([upstream.calls, await used()]).toEqual([256, 256]);
    const waiting = call();
    upstream.manner = "well";
    upstream.release();
    const statuses = (await Promise.all([...calls, waiting])).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    await other.stop();
  });
});
