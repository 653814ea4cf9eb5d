import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import * as z from "zod";
import { Rest } from "../../scripts/start/rest.ts";
import { AuthorizationServer } from "../support/authorization_server.ts";
import { readRequest, writeResponse } from "../support/node-http.ts";
import { ProtectedServer } from "../support/protected_server.ts";
import { callPlainly, clientsOfOldServers } from "./agent.ts";

const origin = inject("gateway").url;
const servers: Server[] = [];
let rest: Rest;
let token: string;
let slug: string;
let gives: AuthorizationServer;
let upstream: ProtectedServer;

/** Serves on a free port of this machine, by what `handler` gives once the address is known. */
async function serve(
  handler: (address: string) => { handle(request: Request): Promise<Response> },
): Promise<void> {
  let serving: ReturnType<typeof handler> | null = null;
  const server = createServer((incoming, outgoing) => {
    void readRequest(incoming, outgoing).then(async (request) => {
      if (serving) await writeResponse(await serving.handle(request), outgoing);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  servers.push(server);
  serving = handler(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

beforeAll(async () => {
  const person = { email: `${randomUUID()}@example.com`, password: randomUUID(), team: "Connectors" };
  const signedUp = z.object({ token: z.string(), team: z.object({ slug: z.string() }) });
  const signed = await new Rest(origin).must(signedUp, "POST", "/v1/signup", person);
  token = signed.token;
  slug = signed.team.slug;
  rest = new Rest(origin, token);
  await serve((address) => {
    gives = new AuthorizationServer(address, fetch);
    return gives;
  });
  await serve((address) => {
    upstream = new ProtectedServer(`${address}/mcp`, () => gives);
    return upstream;
  });
});
afterAll(() => {
  for (const server of servers) server.close();
});

const path = (below: string): string => `/v1/teams/${slug}/${below}`;

/** Goes where a browser goes that is signed in here, and says where that ends. */
async function browse(address: string): Promise<string> {
  let at = address;
  for (let hops = 0; hops < 5; hops++) {
    const headers: HeadersInit = at.startsWith(`${origin}/`) ? { cookie: `__Host-session=${token}` } : {};
    const answer = await fetch(at, { headers, redirect: "manual" });
    await answer.body?.cancel();
    const next = answer.headers.get("location");
    if (next === null) return `${answer.status} ${new URL(at).pathname}`;
    at = new URL(next, at).href;
  }
  throw new Error("the redirects do not end");
}

it("an account that is connected in a browser serves real clients, and 200 calls renew it once", async () => {
  gives.traits.accessSeconds = 2;
  const registered = z.object({ slug: z.string(), gateway_url: z.string(), why: z.string().nullable() });
  const auth = { type: "oauth" };
  const body = { name: "Protected", url: upstream.url, auth };
  const server = await rest.must(registered, "POST", path("servers"), body);
  expect(server.why).toBe("needs_sign_in");
  const begun = z.object({ authorize_url: z.string() });
  const { authorize_url } = await rest.must(begun, "POST", path(`servers/${server.slug}/connect`), {});
  expect(await browse(authorize_url)).toBe("200 /connections/connected");
  // Our own document was read, over the network: nobody had to register us.
  expect(gives.registrations).toEqual([]);
  const policy = { name: "Open", document: { version: "1", default: "allow" } };
  await rest.must(z.unknown(), "POST", path(`servers/${server.slug}/policies`), policy);
  const grant = await rest.must(z.object({ token: z.string() }), "POST", path("grants"), {
    label: "agent",
    servers: [{ server: server.slug, policy: "open" }],
  });
  for (const [, connect] of clientsOfOldServers) {
    const agent = await connect(server.gateway_url, grant.token);
    expect(await agent.tools()).toEqual(["whoami", "administer"]);
    expect((await agent.call("whoami", {})).text).toBe("ada");
    await agent.close();
  }
  const refreshes = () => gives.tokenRequests.filter((form) => form.has("refresh_token")).length;
  await new Promise((done) => setTimeout(done, 2_000));
  const before = refreshes();
  Object.assign(gives.traits, { accessSeconds: 3_600, tokenDelayMs: 300 });
  const calls = Array.from({ length: 200 }, () => callPlainly(server.gateway_url, grant.token, "whoami"));
  const seen = (await Promise.all(calls)).map(({ text }) => text);
  expect(new Set(seen)).toEqual(new Set(["ada"]));
  expect([refreshes() - before, gives.standing("ada")]).toEqual([1, 1]);
});
