import { afterAll, beforeAll, expect, inject, it } from "vitest";
import * as z from "zod";
import { type Cmux, startCmux } from "../support/cmux.ts";
import type { Provider } from "../support/oidc/provider.ts";
import { startProvider } from "../support/oidc/server.ts";
import { clients, post, toolCall } from "./agent.ts";
import { type Server, Team } from "./team.ts";

const { url } = inject("gateway");
const listed = z.object({
  items: z.array(
    z.object({ id: z.string(), label: z.string(), subject: z.nullable(z.object({ sub: z.string() })) }),
  ),
});

let cmux: Cmux;
let provider: Provider;
let stop: () => Promise<void>;
let team: Team;
let server: Server;

beforeAll(async () => {
  cmux = await startCmux();
  ({ provider, stop } = await startProvider());
  team = await Team.signUp(url);
  server = await team.register("cmux", cmux.url);
  await team.savePolicy(server, "open", { version: "1", default: "allow" });
});
afterAll(async () => {
  await cmux.stop();
  await stop();
});

const identity = () => ({
  issuer: provider.issuer,
  audience: "api://cmux",
  mapping: {
    label: "email",
    rules: [{ claim: "groups", contains: "eng", servers: [{ server: server.slug, policy: "open" }] }],
  },
});
const token = (change: object = {}) =>
  provider.token({ sub: "alice", aud: "api://cmux", groups: ["eng"], email: "alice@example.com", ...change });
const grants = async () => (await team.rest.must(listed, "GET", team.path("grants"))).items;

it("real clients call with the tokens of the team's own issuer, through its rotation, until they are revoked", async () => {
  await team.rest.must(z.unknown(), "PUT", team.path("identity"), identity());
  for (const [name, connect] of clients) {
    const agent = await connect(server.gateway_url, await token({ sub: name }));
    expect(await agent.tools()).not.toEqual([]);
    expect(await agent.call("cmux_workspace_snapshot", {}).then(({ isError }) => isError)).toBe(false);
    await agent.close();
  }
  expect((await grants()).map(({ subject }) => subject?.sub).toSorted()).toEqual(
    clients.map(([name]) => name).toSorted(),
  );

  const [[, connect] = clients[0] ?? []] = [clients[0] ?? []];
  if (!connect) throw new Error("there is no client");
  const agent = await connect(server.key_url, await token());
  expect(await agent.tools()).not.toEqual([]);
  const old = await token();
  await provider.rotate();
  // A key that the gateway has never seen.
  const rotated = await token();
  expect((await post(server.gateway_url, rotated, toolCall("cmux_workspace_snapshot", {}))).status).toBe(200);
  expect((await post(server.gateway_url, old, toolCall("cmux_workspace_snapshot", {}))).status).toBe(401);

  const grant = (await grants()).find(({ subject }) => subject?.sub === "alice");
  expect(grant?.label).toBe("alice@example.com");
  await team.rest.must(z.unknown(), "DELETE", team.path(`grants/${grant?.id}`));
  for (const text of [rotated, await token()]) {
    expect((await post(server.gateway_url, text, toolCall("cmux_workspace_snapshot", {}))).status).toBe(401);
  }
  await expect(agent.tools()).rejects.toThrow();
  await agent.close();
  await team.rest.must(z.unknown(), "POST", team.path("identity/subjects/alice/allow"));
  expect((await post(server.gateway_url, rotated, toolCall("cmux_workspace_snapshot", {}))).status).toBe(200);
});

it("an issuer that is this gateway itself, private, or not what it says is refused in words", async () => {
  const put = async (change: object) => {
    const answer = await team.rest.call("PUT", team.path("identity"), { ...identity(), ...change });
    const { errors } = answer.body as { errors: { pointer: string; message: string }[] };
    return [answer.status, ...errors.map(({ pointer, message }) => `${pointer}: ${message}`)].join(" ");
  };
  const { port } = new URL(url);
  for (const issuer of [`http://localhost:${port}`, `http://127.0.0.1:${port}`, "https://10.0.0.1"]) {
    expect(await put({ issuer })).toMatch(/^422 \/issuer: This address cannot be used/);
  }
  expect(await put({ issuer: `${provider.issuer}/` })).toContain(
    "give exactly that text if it is the one you mean",
  );
  expect(await put({ algorithms: ["PS512"] })).toContain(
    "/algorithms: the issuer publishes no key for PS512",
  );
  expect(await put({ algorithms: ["HS256"] })).toMatch(/^422 \/algorithms\/0/);
});

it("a person goes to the team's issuer and comes back signed in, by redirects and cookies alone", async () => {
  const client = { id: "portcullis", secret: "a secret" };
  provider.clients.push(client);
  provider.person = { sub: "bob", groups: ["eng"] };
  const rules = [{ claim: "groups", contains: "eng", role: "policy_manager" }];
  const sign_in = { client_id: client.id, client_secret: client.secret };
  const put = { ...identity(), mapping: { rules }, sign_in };
  await team.rest.must(z.unknown(), "PUT", team.path("identity"), put);
  const there = await fetch(`${url}/sso/${team.slug}?next=/sign-in`, { redirect: "manual" });
  const [attempt = ""] = there.headers.getSetCookie().map((set) => set.split(";")[0]);
  const back = await fetch(there.headers.get("Location") ?? "", { redirect: "manual" });
  const address = back.headers.get("Location") ?? "";
  expect(address).toMatch(new RegExp(`^${url}/sso/callback\\?code=`));
  const home = await fetch(address, { redirect: "manual", headers: { Cookie: attempt } });
  expect([home.status, home.headers.get("Location")]).toEqual([303, `${url}/sign-in`]);
  const session =
    home.headers
      .getSetCookie()
      .find((set) => set.startsWith("__Host-session="))
      ?.split(";")[0] ?? "";
  const me = await fetch(`${url}/v1/me`, { headers: { Cookie: session, "Sec-Fetch-Site": "same-origin" } });
  expect(await me.json()).toMatchObject({
    user: { email: null },
    teams: [{ slug: team.slug, role: "policy_manager" }],
  });
  const lost = await fetch(address, { headers: { Cookie: attempt } });
  expect([lost.status, lost.url]).toEqual([502, `${url}/sso-ended/failed`]);
});
