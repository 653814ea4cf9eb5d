import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import * as z from "zod";
import { browserFlags, browserPath } from "../../scripts/browser.ts";
import { Rest } from "../../scripts/start/rest.ts";
import { AuthorizationServer } from "../support/authorization_server.ts";
import { readRequest, writeResponse } from "../support/node-http.ts";
import { ProtectedServer } from "../support/protected_server.ts";
import { callPlainly, clientsOfOldServers } from "./agent.ts";

const origin = inject("gateway").url;
const servers: Server[] = [];
let rest: Rest;
let slug: string;
let browser: Browser;
const person = { email: `${randomUUID()}@example.com`, password: randomUUID(), team: "Connectors" };
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
  const signedUp = z.object({ token: z.string(), team: z.object({ slug: z.string() }) });
  const signed = await new Rest(origin).must(signedUp, "POST", "/v1/signup", person);
  slug = signed.team.slug;
  browser = await chromium.launch({ executablePath: browserPath(), args: browserFlags });
  rest = new Rest(origin, signed.token);
  await serve((address) => {
    gives = new AuthorizationServer(address, fetch);
    return gives;
  });
  await serve((address) => {
    upstream = new ProtectedServer(`${address}/mcp`, () => gives);
    return upstream;
  });
});
afterAll(async () => {
  await browser?.close();
  for (const server of servers) server.close();
});

const path = (below: string): string => `/v1/teams/${slug}/${below}`;

/** Signs in on our page, presses the button of the server's page, and gives where that ends. */
async function connectIn(browser: Browser, server: string): Promise<string> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${origin}/connections/${slug}/${server}`);
  await page.getByRole("button", { name: "Go to the server's sign-in" }).click();
  await page.getByText("Sign in first.").waitFor();
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.getByLabel("E-mail address").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(`**/connections/${slug}/${server}`);
  await page.getByRole("button", { name: "Go to the server's sign-in" }).click();
  await page.getByText("The account is connected").first().waitFor();
  return new URL(page.url()).pathname;
}

it("an account that is connected in a browser serves real clients, and 200 calls renew it once", async () => {
  gives.traits.accessSeconds = 2;
  const registered = z.object({ slug: z.string(), gateway_url: z.string(), why: z.string().nullable() });
  const auth = { type: "oauth" };
  const body = { name: "Protected", url: upstream.url, auth };
  const server = await rest.must(registered, "POST", path("servers"), body);
  expect(server.why).toBe("needs_sign_in");
  expect(await connectIn(browser, server.slug)).toBe("/connections/connected");
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
