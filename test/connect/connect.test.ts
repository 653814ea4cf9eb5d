import { env, runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import worker from "../../src/index.ts";
import type { AuthorizationServer } from "../support/authorization_server.ts";
import type { ProtectedServer } from "../support/protected_server.ts";
import { origin, Person, World } from "./world.ts";

let world: World;
let admin: Person;
let colleague: Person;
let server: ProtectedServer;
let gives: AuthorizationServer;
beforeAll(async () => {
  world = await World.start();
  admin = await Person.signUp();
  colleague = await (await Person.signUp()).joins(admin);
});

let made = 0;
/** A server that wants accounts, registered, with an authorization server of its own. */
async function register(auth: object = {}, issuer?: string): Promise<string> {
  ({ server, gives } = world.upstream(issuer));
  const body = { name: `Tools ${++made}`, url: server.url, auth: { type: "oauth", ...auth } };
  return (await admin.must(201, "POST", "/servers", body)).slug;
}

const [connected, over, otherPerson, failed] = [
  `200 ${origin}/connections/connected`,
  `400 ${origin}/connections/over`,
  `403 ${origin}/connections/other_person`,
  `502 ${origin}/connections/failed`,
];

/** The last event of a kind in the team's log, which takes it from the outbox. */
async function lastEvent(action: string) {
  const { items } = await admin.must(200, "GET", "/events");
  return items.find((event: { action: string }) => event.action === action);
}

describe("the team's account", () => {
  it("is connected in a browser, and from then on the server's tools are pinned and its calls signed in", async () => {
    const slug = await register();
    const before = await admin.must(200, "GET", `/servers/${slug}`);
    expect(before).toMatchObject({
      state: "pending",
      why: "needs_sign_in",
      auth: { type: "oauth", connection: null },
    });
    expect(await admin.connect(slug)).toBe(connected);
    const after = await admin.must(200, "GET", `/servers/${slug}`);
    const connection = {
      per: "team",
      member: null,
      state: "connected",
      issuer: gives.issuer,
      scope: "read",
      connected_by: admin.id,
      connect_url: `${origin}/connections/${admin.team}/${slug}`,
    };
    expect(after).toMatchObject({ state: "ok", why: null, auth: { connection } });
    expect(await (await admin.agent(slug)).whoami()).toBe("ada");
    expect(await lastEvent("connection.made")).toMatchObject({
      actor: admin.id,
      subject: after.id,
      detail: { issuer: gives.issuer, scope: "read", member: "" },
    });
    const listed = await colleague.must(200, "GET", `/servers/${slug}/connections`);
    expect(listed.items).toEqual([after.auth.connection]);
  });

  it("goes to the authorization server with PKCE, the resource and our own document as the client", async () => {
    // A neighbour on this machine can read it; elsewhere it has to be https.
    const slug = await register({}, "http://127.0.0.1:9000");
    const { authorize_url } = await admin.must(200, "POST", `/servers/${slug}/connect`);
    const asked = Object.fromEntries(new URL(authorize_url).searchParams);
    expect(asked).toMatchObject({
      response_type: "code",
      client_id: `${origin}/connect/client.json`,
      redirect_uri: `${origin}/connect/callback`,
      code_challenge_method: "S256",
      resource: server.url,
      scope: "read",
    });
    expect([asked["state"]?.length, asked["code_challenge"]?.length]).toEqual([43, 43]);
    expect(await admin.browse(authorize_url)).toBe(connected);
    expect(gives.registrations).toEqual([]);
  });

  it("needs an admin, and one who is asked for a member's own is told so", async () => {
    const slug = await register();
    expect((await colleague.ask("POST", `/servers/${slug}/connect`)).body.code).toBe("forbidden");
    expect((await admin.ask("POST", `/servers/${slug}/connect?as=me`)).body.code).toBe("conflict");
    expect((await colleague.ask("DELETE", `/servers/${slug}/connect`)).body.code).toBe("forbidden");
  });

  it("is forgotten here and there when it is disconnected, at the very next call", async () => {
    const slug = await register();
    await admin.connect(slug);
    const agent = await admin.agent(slug);
    expect(await agent.whoami()).toBe("ada");
    const { in_force } = await admin.must(200, "DELETE", `/servers/${slug}/connect`);
    expect(in_force).toEqual({ acknowledged: 1, pending: 0 });
    expect(await agent.whoami()).toContain("Nobody has connected the team's account");
    expect([gives.standing("ada"), server.ran]).toEqual([0, ["ada"]]);
    expect((await admin.ask("DELETE", `/servers/${slug}/connect`)).status).toBe(404);
    expect(await lastEvent("connection.ended")).toMatchObject({ actor: admin.id });
  });

  it("that is connected anew takes the place of the one before", async () => {
    const slug = await register();
    await admin.connect(slug);
    gives.signedIn = "grace";
    expect(await admin.connect(slug)).toBe(connected);
    expect(await (await admin.agent(slug)).whoami()).toBe("grace");
    expect([gives.standing("ada"), gives.standing("grace")]).toEqual([0, 1]);
  });

  it("does not follow its server to another origin", async () => {
    const slug = await register();
    await admin.connect(slug);
    const agent = await admin.agent(slug);
    expect(await agent.whoami()).toBe("ada");
    const { server: elsewhere } = world.upstream();
    await admin.must(200, "PATCH", `/servers/${slug}`, { url: elsewhere.url });
    expect(await agent.whoami()).toContain("Unknown tool");
    expect((await admin.must(200, "GET", `/servers/${slug}`)).auth.connection).toBeNull();
    expect(elsewhere.tokens).toEqual([]);
  });
});

describe("an account's object", () => {
  const kept = (id: string) =>
    runInDurableObject(env.ACCOUNTS.get(env.ACCOUNTS.idFromName(id)), (_, { storage }) =>
      [...storage.kv.list()].map(([key, value]) => [key, JSON.stringify(value)] as const),
    );

  it("holds the tokens sealed, and is emptied when its server goes", async () => {
    const slug = await register();
    await admin.connect(slug);
    const { auth } = await admin.must(200, "GET", `/servers/${slug}`);
    const before = await kept(auth.connection.id);
    expect(before.map(([key]) => key)).toEqual(["account"]);
    expect(gives.secrets.filter((secret) => before[0]?.[1].includes(secret))).toEqual([]);
    await admin.must(200, "DELETE", `/servers/${slug}`);
    await worker.scheduled({} as ScheduledController, env as never);
    expect(await kept(auth.connection.id)).toEqual([]);
    // And there.
    expect(gives.standing("ada")).toBe(0);
    const rows = await env.DB.prepare("SELECT count(*) AS n FROM connection WHERE id = ?1")
      .bind(auth.connection.id)
      .first("n");
    expect(rows).toBe(0);
  });
});

describe("a call without an account", () => {
  it("is answered in band with where to connect it, and is not sent, and not counted", async () => {
    const slug = await register();
    await admin.connect(slug);
    const agent = await admin.agent(slug);
    await admin.must(200, "DELETE", `/servers/${slug}/connect`);
    const refused = await agent.call();
    expect([refused.status, refused.body.error.code]).toEqual([200, -31506]);
    expect(refused.body.error.message).toContain(`${origin}/connections/${admin.team}/${slug}`);
    expect(refused.body.error.data.fault).toBe("needs_sign_in");
    expect(server.ran).toEqual([]);
  });

  it("sends the user of a client with a session to the page too", async () => {
    const slug = await register();
    await admin.connect(slug);
    const agent = await admin.agent(slug);
    await agent.initialize();
    await admin.must(200, "DELETE", `/servers/${slug}/connect`);
    const { error } = (await agent.call()).body;
    expect(error).toMatchObject({
      code: -32042,
      data: { elicitations: [{ mode: "url", url: `${origin}/connections/${admin.team}/${slug}` }] },
    });
  });

  it("sends the user of a client that can to the page, once, and goes on from there", async () => {
    const slug = await register({ per: "member" });
    expect(await colleague.connect(slug)).toBe(connected);
    const agent = await admin.agent(slug, admin.id);
    const call = { name: "whoami", arguments: {} };
    const asked = (await agent.send(call)).result;
    expect(asked).toMatchObject({
      resultType: "input_required",
      inputRequests: {
        sign_in: {
          method: "elicitation/create",
          params: { mode: "url", url: `${origin}/connections/${admin.team}/${slug}` },
        },
      },
    });
    const again = {
      ...call,
      requestState: asked.requestState,
      inputResponses: { sign_in: { action: "decline" } },
    };
    expect((await agent.send(again)).error.code).toBe(-31506);
    gives.signedIn = "grace";
    expect(await admin.connect(slug)).toBe(connected);
    expect((await agent.send(again)).result.content[0].text).toBe("grace");
  });
});

describe("a client at the authorization server", () => {
  it("is registered where our document is not read, once for each server, with a way back of the issuer's own", async () => {
    const slug = await register();
    gives.traits.metadata = {
      client_id_metadata_document_supported: undefined,
      authorization_response_iss_parameter_supported: undefined,
    };
    expect(await admin.connect(slug)).toBe(connected);
    expect(await admin.connect(slug)).toBe(connected);
    expect(gives.registrations).toHaveLength(1);
    expect(gives.registrations[0]).toMatchObject({
      redirect_uris: [expect.stringMatching(new RegExp(`^${origin}/connect/callback/[A-Za-z0-9_-]{16}$`))],
      application_type: "web",
      token_endpoint_auth_method: "none",
    });
  });

  it("proves itself with the secret that it was given, in the way that it was told", async () => {
    for (const method of ["client_secret_basic", "client_secret_post"]) {
      const slug = await register();
      gives.traits.metadata = {
        client_id_metadata_document_supported: false,
        token_endpoint_auth_methods_supported: [method],
      };
      expect(await admin.connect(slug)).toBe(connected);
      const inForm = gives.tokenRequests[0]?.has("client_secret");
      expect(inForm).toBe(method === "client_secret_post");
    }
  });

  it("is registered again when its registration has run out", async () => {
    const slug = await register();
    const metadata = { client_id_metadata_document_supported: false };
    gives.traits.metadata = { ...metadata, token_endpoint_auth_methods_supported: ["client_secret_post"] };
    gives.traits.registration = { client_secret_expires_at: Math.floor(Date.now() / 1000) - 1 };
    expect(await admin.connect(slug)).toBe(connected);
    gives.traits.registration = { client_secret_expires_at: 0 };
    expect(await admin.connect(slug)).toBe(connected);
    expect(await admin.connect(slug)).toBe(connected);
    expect(gives.registrations).toHaveLength(2);
  });

  it("asks for what lasts where the server knows of it, unless an admin has said what to ask for", async () => {
    const asked = async (auth: object) => {
      const slug = await register(auth);
      gives.traits.metadata = { scopes_supported: ["read", "offline_access"] };
      const { authorize_url } = await admin.must(200, "POST", `/servers/${slug}/connect`);
      return new URL(authorize_url).searchParams.get("scope");
    };
    expect(await asked({})).toBe("read offline_access");
    expect(await asked({ scope: "write" })).toBe("write");
  });

  it("that somebody has registered by hand is used, with its issuer and no other", async () => {
    ({ server, gives } = world.upstream());
    const auth = { type: "oauth", issuer: gives.issuer, client_id: "by-hand", client_secret: "s3cr3t/+ %" };
    const body = { name: `Tools ${++made}`, url: server.url, auth };
    const registered = await admin.must(201, "POST", "/servers", body);
    gives.preset("by-hand", "s3cr3t/+ %", registered.auth.redirect_uri);
    expect(await admin.connect(registered.slug)).toBe(connected);
    expect(gives.registrations).toEqual([]);
    const other = world.upstream();
    server.metadata = { authorization_servers: [other.gives.issuer] };
    const refused = await admin.ask("POST", `/servers/${registered.slug}/connect`);
    expect([refused.status, refused.body.code]).toEqual([502, "upstream_bad"]);
    expect(refused.body.detail).toContain("does not name the issuer");
  });

  it("cannot be given without its issuer", async () => {
    const auth = { type: "oauth", client_id: "x" };
    const refused = await admin.ask("POST", "/servers", { name: "Bad", url: "https://x.example/mcp", auth });
    expect(refused.body.errors).toMatchObject([{ pointer: "/auth/issuer" }]);
  });

  it("is none where the server registers nobody, and its person is told what to do", async () => {
    const slug = await register();
    gives.traits.metadata = {
      client_id_metadata_document_supported: false,
      registration_endpoint: undefined,
    };
    const refused = await admin.ask("POST", `/servers/${slug}/connect`);
    expect([refused.status, refused.body.detail]).toEqual([502, expect.stringContaining("by hand")]);
  });
});

describe("the way back", () => {
  it("is good once", async () => {
    const slug = await register();
    const { authorize_url } = await admin.must(200, "POST", `/servers/${slug}/connect`);
    const to = await fetch(new Request(authorize_url, { redirect: "manual" }));
    const back = to.headers.get("Location") ?? "";
    expect(await admin.browse(back)).toBe(connected);
    expect(await admin.browse(back)).toBe(over);
    expect(gives.tokenRequests).toHaveLength(1);
  });

  it("is good for the person who began, and not for whom they send there", async () => {
    const slug = await register();
    const { authorize_url } = await admin.must(200, "POST", `/servers/${slug}/connect`);
    expect(await colleague.browse(authorize_url)).toBe(otherPerson);
    expect(await admin.browse(authorize_url)).toBe(over);
    expect((await admin.must(200, "GET", `/servers/${slug}`)).auth.connection).toBeNull();
    expect(gives.tokenRequests).toEqual([]);
  });

  it("is over when whoever began has signed out, or may not do it any more", async () => {
    const slug = await register({ per: "member" });
    const leaver = await (await Person.signUp()).joins(admin);
    const { authorize_url } = await leaver.must(200, "POST", `/servers/${slug}/connect`);
    await admin.must(200, "DELETE", `/members/${leaver.id}`);
    expect(await leaver.browse(authorize_url)).toBe(over);
    expect(gives.tokenRequests).toEqual([]);
  });

  it.each<[string, object, Record<string, string>]>([
    ["another issuer", {}, { iss: "https://evil.example" }],
    ["no issuer, though it says it names itself", {}, { iss: "" }],
    ["a refusal", {}, { error: "access_denied" }],
  ])("with %s brings nothing", async (_, metadata, response) => {
    const slug = await register();
    gives.traits.metadata = { ...metadata };
    gives.traits.response = response;
    expect(await admin.connect(slug)).toBe(failed);
    expect(gives.tokenRequests).toEqual([]);
    expect(await lastEvent("connection.failed")).toMatchObject({ detail: { why: expect.any(String) } });
  });

  it.each(["", "?state=", "?state=x&state=y", `?state=${"a".repeat(43)}&code=x`])(
    "without a state of ours, as %j, is over",
    async (query) => {
      expect(await admin.browse(`${origin}/connect/callback${query}`)).toBe(over);
    },
  );
});

describe("what a hostile server names", () => {
  const attempt = async (slug: string) => (await admin.ask("POST", `/servers/${slug}/connect`)).body;

  it.each<[string, Record<string, unknown>]>([
    ["an issuer that is another's", { issuer: "https://accounts.example" }],
    ["a token endpoint on a private address", { token_endpoint: "https://10.0.0.1/token" }],
    ["a token endpoint without https", { token_endpoint: "http://tokens.example/token" }],
    ["a sign-in that is a script", { authorization_endpoint: "javascript:alert(1)" }],
    ["a sign-in at this gateway", { authorization_endpoint: `${origin}/authorize` }],
    ["a registration at the metadata service", { registration_endpoint: "https://169.254.169.254/" }],
    ["no PKCE", { code_challenge_methods_supported: ["plain"] }],
    ["no word on PKCE", { code_challenge_methods_supported: undefined }],
  ])("%s is refused before anybody goes there", async (_, metadata) => {
    const slug = await register();
    gives.traits.metadata = metadata;
    const sent = world.sent.length;
    expect(await attempt(slug)).toMatchObject({ status: 502, code: "upstream_bad" });
    const hosts = new Set(world.sent.slice(sent).map((line) => new URL(line.split(" ")[1] ?? "").host));
    expect([...hosts]).toEqual([new URL(server.url).host, new URL(gives.issuer).host]);
  });

  it.each([
    ["on a private address", "https://127.0.0.1/.well-known/x"],
    ["under a name of this machine", "https://localhost/x"],
  ])("metadata %s are not fetched", async (_, address) => {
    const slug = await register();
    server.challenge = `Bearer resource_metadata="${address}"`;
    const sent = world.sent.length;
    expect(await attempt(slug)).toMatchObject({ status: 502, code: "upstream_bad" });
    expect(world.sent.slice(sent)).toEqual([`POST ${server.url}`]);
  });

  it("metadata for another resource are not believed", async () => {
    const slug = await register();
    server.metadata = { resource: "https://bank.example/mcp" };
    expect(await attempt(slug)).toMatchObject({ detail: expect.stringContaining("another resource") });
  });

  it("a redirect is not followed", async () => {
    const slug = await register();
    const host = new URL(gives.issuer).host;
    world.hosts.set(host, () => Response.redirect("https://10.0.0.1/", 302));
    const sent = world.sent.length;
    expect(await attempt(slug)).toMatchObject({ status: 502, code: "upstream_bad" });
    expect(world.sent.slice(sent).filter((line) => line.includes("10.0.0.1"))).toEqual([]);
  });

  it("a token that is no header's value is not taken", async () => {
    const slug = await register();
    gives.traits.tokens = { access_token: "a\r\nX-Evil: 1" };
    expect(await admin.connect(slug)).toBe(failed);
    gives.traits.tokens = { token_type: "mac" };
    expect(await admin.connect(slug)).toBe(failed);
  });
});

describe("a server with an account for each member", () => {
  it("gets every caller's own token, and nobody else's", async () => {
    const slug = await register({ per: "member" });
    const hers = await admin.agent(slug, admin.id);
    const his = await admin.agent(slug, colleague.id);
    const nobodys = await admin.agent(slug);
    const refused = "everybody uses an account of their own";
    gives.signedIn = "ada";
    expect(await admin.connect(slug, "?as=me")).toBe(connected);
    expect(await hers.whoami()).toBe("ada");
    expect(await his.whoami()).toContain(refused);
    gives.signedIn = "charles";
    expect(await colleague.connect(slug, "?as=me")).toBe(connected);
    expect(await Promise.all([hers, his, hers, his].map((agent) => agent.whoami()))).toEqual([
      "ada",
      "charles",
      "ada",
      "charles",
    ]);
    expect(await nobodys.whoami()).toContain(refused);
    expect(server.ran.filter((account) => account !== "ada" && account !== "charles")).toEqual([]);
  });

  it("shows members their own account, and an admin everybody's", async () => {
    const slug = await register({ per: "member" });
    await admin.connect(slug);
    await colleague.connect(slug);
    const seen = async (person: Person) =>
      (await person.must(200, "GET", `/servers/${slug}/connections`)).items.map(
        ({ member }: { member: string }) => member,
      );
    expect(await seen(colleague)).toEqual([colleague.id]);
    expect(await seen(admin)).toEqual([admin.id, colleague.id]);
    const { auth } = await colleague.must(200, "GET", `/servers/${slug}`);
    expect(auth.connection.member).toBe(colleague.id);
  });

  it("loses a member's account with the member, and the others stay", async () => {
    const slug = await register({ per: "member" });
    await admin.connect(slug);
    const leaver = await (await Person.signUp()).joins(admin);
    await leaver.connect(slug);
    await admin.must(200, "DELETE", `/members/${leaver.id}`);
    const { items } = await admin.must(200, "GET", `/servers/${slug}/connections`);
    expect(items.map(({ member }: { member: string }) => member)).toEqual([admin.id]);
    expect(gives.standing("ada")).toBe(2);
    await worker.scheduled({} as ScheduledController, env as never);
    expect(gives.standing("ada")).toBe(1);
  });
});
