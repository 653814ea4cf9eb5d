import { afterEach, describe, expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { platformFetch } from "../../src/upstream/fetch.ts";
import { type ForwardRequest, forward } from "../../src/upstream/forward.ts";
import { type Running, serve, serveStatus } from "./upstream-servers.ts";

const deps = { fetch: platformFetch, rules: { allowLoopback: true, ownOrigin: "http://localhost:1" } };
const deadlines = { firstByteMs: 5_000 };
const bytes = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"tools/call"}');
const post = (more: Partial<ForwardRequest> = {}): ForwardRequest => ({
  method: "POST",
  headers: new Headers({ "Content-Type": "application/json" }),
  body: bytes,
  ...more,
});

const running: Running[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function on(starting: Promise<Running>): Promise<Running> {
  const server = await starting;
  running.push(server);
  return server;
}

async function answered(
  url: string,
  request = post(),
  credential: Record<string, string> = {},
): Promise<Response> {
  const answer = await forward(deps, { url, credential }, request, deadlines);
  if (isFault(answer)) throw new Error(answer.detail);
  return answer;
}

describe("a request that is answered", () => {
  test("arrives byte for byte, and its answer comes back with its status", async () => {
    const echo = await on(
      serve((incoming, outgoing) => {
        outgoing.writeHead(418, { "x-upstream": "yes" });
        incoming.pipe(outgoing);
      }),
    );
    const answer = await answered(echo.url);
    expect(answer.status).toBe(418);
    expect(answer.headers.get("x-upstream")).toBe("yes");
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
  });

  test("carries the server's credential and never the client's", async () => {
    const server = await on(serveStatus(200));
    const headers = new Headers({ Authorization: "Bearer client", Cookie: "a=b", "Mcp-Session-Id": "s" });
    await answered(server.url, post({ headers }), { "X-Api-Key": "k" });
    await answered(server.url, post({ headers }), { authorization: "Bearer server" });
    const sent = server.requests.map(({ headers: { authorization, cookie, "x-api-key": key } }) => {
      return { authorization, cookie, key };
    });
    expect(sent).toEqual([
      { authorization: undefined, cookie: undefined, key: "k" },
      { authorization: "Bearer server", cookie: undefined, key: undefined },
    ]);
    expect(headers.get("Authorization")).toBe("Bearer client");
  });

  test("may stream past the first byte's deadline", async () => {
    const slow = await on(
      serve((_incoming, outgoing) => {
        outgoing.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
        setTimeout(() => outgoing.end("data: 2\n\n"), 400);
      }),
    );
    const answer = await forward(deps, { url: slow.url, credential: {} }, post(), { firstByteMs: 200 });
    expect(isFault(answer) ? answer : await answer.text()).toBe("data: 1\n\ndata: 2\n\n");
  });

  test("is let go of when its signal is aborted in the middle", async () => {
    const closed = Promise.withResolvers<void>();
    const endless = await on(
      serve((_incoming, outgoing) => {
        outgoing.on("close", () => closed.resolve());
        outgoing.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      }),
    );
    const client = new AbortController();
    const answer = await answered(endless.url, post({ signal: client.signal }));
    client.abort();
    await expect(answer.text()).rejects.toThrow();
    await closed.promise;
  });
});

async function urlOfNobody(): Promise<string> {
  const server = await serveStatus(200);
  await server.stop();
  return server.url;
}

describe("a request that is not", () => {
  const credential = { Authorization: "Bearer s3cret-of-the-server" };

  test.each([301, 302, 303, 304, 307, 308])(
    "is not redirected by a %i, and goes out once",
    async (status) => {
      const target = await on(serveStatus(200));
      const server = await on(serveStatus(status, { location: target.url }));
      expect(await forward(deps, { url: server.url, credential }, post(), deadlines)).toEqual({
        fault: "upstream_bad",
        detail: "The server answered with a redirect, which is not followed. Register its final address.",
        sent: "perhaps",
      });
      expect([server.requests.length, target.requests.length]).toEqual([1, 0]);
    },
  );

  test("is late when the first byte is, and is not tried again", async () => {
    const silent = await on(serve(() => undefined));
    const began = Date.now();
    expect(await forward(deps, { url: silent.url, credential }, post(), { firstByteMs: 200 })).toEqual({
      fault: "upstream_late",
      detail: "The server did not begin to answer in time.",
      sent: "perhaps",
    });
    expect(Date.now() - began).toBeLessThan(2_000);
    expect(silent.requests).toHaveLength(1);
  });

  test.each([
    ["refuses", urlOfNobody],
    ["resets", async () => (await on(serve((incoming) => void incoming.socket.destroy()))).url],
  ])(
    "says that it is unreachable where the server %s, without a word of the credential",
    async (_how, urlOf) => {
      expect(await forward(deps, { url: await urlOf(), credential }, post(), deadlines)).toEqual({
        fault: "upstream_unreachable",
        detail: "The server refused or broke the connection, or its name does not resolve.",
        sent: "perhaps",
      });
    },
  );

  test("never left where its client was gone before", async () => {
    const server = await on(serveStatus(200));
    const answer = await forward(
      deps,
      { url: server.url, credential },
      post({ signal: AbortSignal.abort() }),
      deadlines,
    );
    expect(answer).toMatchObject({ fault: "upstream_unreachable", sent: "never" });
    expect(server.requests).toEqual([]);
  });
});
