import { afterEach, describe, expect, test } from "vitest";
import { type Fault, isFault } from "../../src/fault.ts";
import { fromPlain } from "../../src/json/value.ts";
import { definitionHash } from "../../src/upstream/definition.ts";
import { type EnrolDeps, enrol, type Look } from "../../src/upstream/enrol.ts";
import { platformFetch } from "../../src/upstream/fetch.ts";
import { startCmux } from "../support/cmux.ts";
import { startEverything } from "./harness.ts";
import {
  initialized,
  pagedTools,
  type Running,
  serve,
  serveModern,
  servePaged,
  serveRpc,
  serveStatus,
  serveTools,
} from "./upstream-servers.ts";

const rules = { allowLoopback: true, ownOrigin: "http://localhost:1" };
const deps: EnrolDeps = { fetch: platformFetch, rules, deadlineMs: 10_000 };

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function on<S extends { stop(): Promise<void> }>(starting: Promise<S>): Promise<S> {
  const server = await starting;
  running.push(server);
  return server;
}

function toolsOf(look: Look | Fault) {
  if (isFault(look) || look.state !== "ready") throw new Error(JSON.stringify(look));
  return look.tools;
}

function sha256Of(definition: unknown): string {
  const tree = fromPlain(definition);
  if (!(tree instanceof Map)) throw new TypeError("a definition is an object");
  return definitionHash(tree);
}

const classes = (look: Look | Fault) =>
  Object.fromEntries(toolsOf(look).map(({ name, category, level }) => [name, `${category}/${level}`]));

const cmuxClasses = {
  cmux_send: "Execute/high",
  cmux_send_submit: "Execute/high",
  cmux_select_workspace: "Execute/high",
  cmux_session_save: "Write/medium",
  cmux_session_recover: "Execute/high",
  cmux_workspace_snapshot: "Read/low",
  cmux_close_all: "Destructive/critical",
  cmux_batch: "Execute/high",
  cmux_watch: "Read/low",
};

describe("a look at a real server", () => {
  test("lists a dual-era server's tools with their class", async () => {
    expect(classes(await enrol(deps, (await on(startCmux())).url, {}))).toEqual(cmuxClasses);
  });

  test("falls back to 2026-07-28 where a server knows no initialize, and pins the same definitions", async () => {
    const modern = await enrol(deps, (await on(serveModern())).url, {});
    expect(classes(modern)).toEqual(cmuxClasses);
    expect(modern).toEqual(await enrol(deps, (await on(startCmux())).url, {}));
  });

  test.each([
    ["JSON", true],
    ["event streams", false],
  ])("follows every page over %s and ends its session", async (_name, json) => {
    const server = await on(servePaged(json));
    const tools = toolsOf(await enrol(deps, server.url, {}));
    expect(tools.map(({ name, hash }) => ({ name, hash }))).toEqual(
      pagedTools.map((tool) => ({ name: tool.name, hash: sha256Of(tool) })),
    );
    expect(server.requests.map(({ method }) => method)).toEqual([
      "POST",
      "POST",
      "POST",
      "POST",
      "POST",
      "DELETE",
    ]);
    expect(server.sessions()).toBe(0);
  });

  test("lists server-everything", async () => {
    const names = toolsOf(await enrol(deps, (await on(startEverything())).url, {})).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["echo", "get-sum", "get-env"]));
  });

  test("sends the credential with every request and nothing else that could sign in", async () => {
    const server = await on(servePaged(true));
    await enrol(deps, server.url, { "X-Api-Key": "k-123" });
    expect(server.requests.map(({ headers }) => headers["x-api-key"])).toEqual(Array(6).fill("k-123"));
    expect(server.requests.flatMap(({ headers }) => [headers.authorization, headers.cookie])).toEqual(
      Array(12).fill(undefined),
    );
  });
});

describe("what a server lists but nobody may call is dropped and named", () => {
  test.each([
    ["a name with a space", [{ name: "get x" }], ["get x"]],
    ["a name with an invisible character", [{ name: "get\u200bx" }], ["get\u200bx"]],
    ["a name of 129 characters", [{ name: "g".repeat(129) }], ["g".repeat(128)]],
    ["an empty name", [{ name: "" }], [""]],
    ["no name", [{ title: "x" }, 7, null], ["(no name)"]],
    ["one name twice", [{ name: "a" }, { name: "a", description: "other" }], ["a"]],
    ["one name three times", [{ name: "a" }, { name: "a" }, { name: "a" }], ["a"]],
  ])("%s", async (_name, listed, dropped) => {
    const server = await on(serveTools({ tools: [...listed, { name: "get_ok" }] }));
    const look = await enrol(deps, server.url, {});
    expect(toolsOf(look).map(({ name }) => name)).toEqual(["get_ok"]);
    expect(look).toMatchObject({ dropped });
  });
});

const pending = (why: string, detail: string | RegExp): Record<string, unknown> => ({
  state: "pending",
  why,
  detail: typeof detail === "string" ? detail : expect.stringMatching(detail),
});

describe("a server that cannot be looked at is pending, and says why", () => {
  test.each<[string, () => Promise<Running>, Record<string, unknown>]>([
    ["401", () => serveStatus(401), pending("needs_sign_in", /^The server answered 401/)],
    ["403", () => serveStatus(403), pending("needs_sign_in", /^The server answered 403/)],
    ["500", () => serveStatus(500), pending("unreachable", "The server answered 500.")],
    ["429", () => serveStatus(429), pending("unreachable", "The server answered 429.")],
    ["404", () => serveStatus(404), pending("not_mcp", /initialize with 404 and no JSON-RPC message/)],
    [
      "a web page",
      () => serveStatus(200, { "content-type": "text/html" }, "<p>hello"),
      pending("not_mcp", /initialize with 200 and no JSON-RPC message \(text\/html\)\.$/),
    ],
    [
      "a redirect",
      () => serveStatus(307, { location: "http://127.0.0.1:1/" }),
      pending("not_mcp", /redirect/),
    ],
    ["an empty 200", () => serveStatus(200), pending("not_mcp", /no JSON-RPC message/)],
    [
      "another JSON-RPC service",
      () => serveRpc(() => ({ error: { code: -32601, message: "no such method" } })),
      pending("not_mcp", "The server refused initialize: -32601 no such method"),
    ],
    [
      "an answer with duplicate keys",
      () =>
        serveStatus(
          200,
          { "content-type": "application/json" },
          '{"jsonrpc":"2.0","id":1,"id":1,"result":{}}',
        ),
      pending("not_mcp", /no JSON-RPC message/),
    ],
    ["a list that is none", () => serveTools({ tools: {} }), pending("not_mcp", /no list of tools/)],
    [
      "pages in a circle",
      () => serveTools({ tools: [], nextCursor: "1" }, { tools: [], nextCursor: "1" }),
      pending("not_mcp", /circle/),
    ],
    [
      "2,001 tools",
      () => serveTools({ tools: Array.from({ length: 2_001 }, (_, i) => ({ name: `t${i}` })) }),
      pending("not_mcp", "The server lists more than 2000 tools."),
    ],
    [
      "more than 4 MiB in all",
      () => {
        const tools = Array.from({ length: 20 }, (_, i) => ({
          name: `t${i}`,
          description: "d".repeat(150_000),
        }));
        return serveTools({ tools, nextCursor: "1" }, { tools });
      },
      pending("not_mcp", /longer than 4194304 bytes/),
    ],
  ])("%s", async (_name, start, expected) => {
    expect(await enrol(deps, (await on(start())).url, { Authorization: "Bearer s3cret" })).toEqual(expected);
  });

  test("a list of exactly 2,000 tools is ready", async () => {
    const tools = Array.from({ length: 2_000 }, (_, i) => ({ name: `t${i}` }));
    expect(toolsOf(await enrol(deps, (await on(serveTools({ tools }))).url, {}))).toHaveLength(2_000);
  });

  test("a server without tools that knows no tools/list is ready with none", async () => {
    const none = { error: { code: -32601, message: "no such method" } };
    const server = await on(serveRpc(({ method }) => (method === "initialize" ? initialized : none)));
    expect(await enrol(deps, server.url, {})).toEqual({ state: "ready", tools: [], dropped: [] });
  });

  test("nobody listening is unreachable", async () => {
    const server = await serveStatus(200);
    await server.stop();
    expect(await enrol(deps, server.url, {})).toEqual(
      pending("unreachable", /refused or broke the connection/),
    );
  });

  test("a server that hangs up in the middle of its answer is unreachable", async () => {
    const server = await on(
      serve((_incoming, outgoing) => {
        outgoing.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
        outgoing.write('{"jsonrpc":', () => outgoing.destroy());
      }),
    );
    expect(await enrol(deps, server.url, {})).toEqual(
      pending("unreachable", "The server broke off its answer."),
    );
  });

  test.each([
    ["never begins to answer", false],
    ["never ends its stream", true],
  ])("a server that %s is given up at the deadline", async (_name, begins) => {
    const server = await on(
      serve((_incoming, outgoing) => {
        if (begins) outgoing.writeHead(200, { "content-type": "text/event-stream" }).write(": hello\n\n");
      }),
    );
    const began = Date.now();
    const look = await enrol({ ...deps, deadlineMs: 300 }, server.url, {});
    expect(look).toEqual(pending("unreachable", "The server took longer than 0.3 s."));
    expect(Date.now() - began).toBeLessThan(3_000);
  });
});

test("an address that the guard refuses is a fault, and nothing is sent to it", async () => {
  const server = await on(serveStatus(200));
  const off = { ...deps, rules: { ...rules, allowLoopback: false } };
  expect(await enrol(off, server.url, {})).toMatchObject({ fault: "invalid" });
  expect(server.requests).toEqual([]);
});
