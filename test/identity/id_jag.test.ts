import { beforeAll, describe, expect, it } from "vitest";
import { oauthServer } from "../../src/oauth/server.ts";
import { type ControlPlane, origin } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";
import { Provider } from "../support/oidc/provider.ts";
import { Isolate, planeIn, World } from "./team_gateway.ts";

const world = new World();
let plane: ControlPlane;
let team: TeamSetting;
let other: TeamSetting;
let provider: Provider;
let isolate: Isolate;
let server: ReturnType<typeof oauthServer>;
let client: { client_id: string; client_secret: string };

// draft-ietf-oauth-identity-assertion-authz-grant: what a company's identity provider gives a client for its person.
const typ = "oauth-id-jag+jwt";
const resourceOf = ({ person }: TeamSetting) => `${origin}/mcp/${person.team.slug}/tools`;

beforeAll(async () => {
  plane = await planeIn(world);
  [team, other] = [await TeamSetting.on(plane, "Acme"), await TeamSetting.on(plane, "Other")];
  provider = await Provider.start("https://company.example");
  world.providers.push(provider);
  const rules = [
    { claim: "email", equals: "alice@company.example", servers: [{ server: "tools", policy: "open" }] },
  ];
  for (const one of [team, other]) {
    await one.server("Tools");
    await one.policy("tools", "Open");
  }
  await team.must(200, "PUT", "/identity", { issuer: provider.issuer, mapping: { rules } });
  isolate = new Isolate(plane, world);
  const { issuers } = isolate;
  server = oauthServer({
    ...plane.deps,
    tell: async (of, events) => void (await plane.deps.log(of).append(events)),
    fetch: { fetch: world.fetch, rules: { allowLoopback: false, ownOrigin: origin } },
    assertion: (token, slug, checks) => issuers.assertion(token, slug, checks),
  });
  client = await register("client_secret_post");
});

async function register(method: string) {
  const body = {
    client_name: "Editor",
    redirect_uris: ["http://127.0.0.1/cb"],
    token_endpoint_auth_method: method,
  };
  const headers = { "Content-Type": "application/json" };
  const answer = await server(
    new Request(`${origin}/register`, { method: "POST", headers, body: JSON.stringify(body) }),
  );
  return (await answer.json()) as typeof client;
}

const claims = () => ({
  sub: "alice",
  aud: origin,
  client_id: client.client_id,
  resource: resourceOf(team),
  email: "alice@company.example",
  jti: crypto.randomUUID(),
});
const jag = (change: object = {}, header: object = {}) =>
  provider.token({ ...claims(), ...change }, { typ, ...header });

/** A token's answer (RFC 6749 §5.1) or a refusal's (§5.2). */
interface Answered {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly error: string;
  readonly error_description: string;
}

async function redeem(assertion: string, change: Record<string, string | undefined> = {}) {
  const form = new URLSearchParams();
  const given = {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion,
    ...client,
    ...change,
  };
  for (const name of ["grant_type", "assertion", "client_id", "client_secret", "resource"] as const) {
    const value = (given as Record<string, string | undefined>)[name];
    if (value !== undefined) form.set(name, value);
  }
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const answer = await server(
    new Request(`${origin}/token`, { method: "POST", headers, body: form.toString() }),
  );
  return { status: answer.status, body: await answer.json<Answered>() };
}

describe("an identity assertion", () => {
  it("is exchanged for a token of its person's grant, for an hour and without renewal", async () => {
    const { status, body } = await redeem(await jag());
    expect([status, Object.keys(body).sort()]).toEqual([
      200,
      ["access_token", "expires_in", "scope", "token_type"],
    ]);
    expect((await isolate.call(body.access_token, team)).text).toContain("done");
    const { items } = await team.must(200, "GET", "/grants");
    expect(items).toMatchObject([{ subject: { sub: "alice" }, label: "alice", state: "active" }]);
    // The same person's own token is the same grant.
    const { audience } = await team.must(200, "GET", "/identity");
    const own = await provider.token({ sub: "alice", aud: audience, email: "alice@company.example" });
    expect((await isolate.call(own, team)).status).toBe(200);
    expect((await team.must(200, "GET", "/grants")).items).toHaveLength(1);
  });

  it("is over once its subject is refused, and once the team reads claims otherwise", async () => {
    const { body } = await redeem(await jag());
    await team.must(200, "POST", "/identity/subjects/alice/revoke");
    expect((await isolate.call(body.access_token, team)).status).toBe(401);
    expect((await redeem(await jag())).body.error).toBe("invalid_grant");
    await team.must(200, "POST", "/identity/subjects/alice/allow");
    expect((await isolate.call(body.access_token, team)).status).toBe(200);
    const { mapping, ...identity } = await team.must(200, "GET", "/identity");
    await team.must(200, "PUT", "/identity", { issuer: identity.issuer, mapping });
    expect((await isolate.call(body.access_token, team)).status).toBe(401);
    expect((await redeem(await jag())).status).toBe(200);
  });

  it("works once", async () => {
    const assertion = await jag();
    const [first, second] = [await redeem(assertion), await redeem(assertion)];
    expect([first.status, second.body.error]).toEqual([200, "invalid_grant"]);
  });

  it("makes nothing where it is for another client, gateway or server", async () => {
    const before = await team.must(200, "GET", "/identity/subjects");
    for (const change of [
      { client_id: "cli_other" },
      { resource: resourceOf(other) },
      { aud: "https://x.example" },
      { jti: "" },
    ]) {
      await redeem(await jag({ sub: "carol", ...change }));
    }
    expect(await team.must(200, "GET", "/identity/subjects")).toEqual(before);
  });

  const refused: Record<string, [() => Promise<string>, string]> = {
    "of another type": [() => jag({}, { typ: "at+jwt" }), "invalid_grant"],
    "without a type": [() => jag({}, { typ: undefined }), "invalid_grant"],
    "for another server": [() => jag({ aud: "https://other.example" }), "invalid_grant"],
    "for the gateway instead of this server": [() => jag({ aud: resourceOf(team) }), "invalid_grant"],
    "for another client": [() => jag({ client_id: "cli_other" }), "invalid_grant"],
    "for no client": [() => jag({ client_id: undefined }), "invalid_grant"],
    "without a jti": [() => jag({ jti: undefined }), "invalid_grant"],
    "for another team's gateway": [() => jag({ resource: resourceOf(other) }), "invalid_grant"],
    "for no gateway of ours": [() => jag({ resource: "https://other.example/mcp/a/b" }), "invalid_target"],
    "for no gateway at all": [() => jag({ resource: undefined }), "invalid_target"],
    "of somebody whom no rule maps": [
      () => jag({ sub: "bob", email: "bob@company.example" }),
      "access_denied",
    ],
    "that has expired": [() => jag({ iat: 1, exp: 2 }), "invalid_grant"],
    "that is none": [async () => "a.b.c", "invalid_target"],
  };
  it.each(Object.entries(refused))("is refused %s", async (_, [made, error]) => {
    expect((await redeem(await made())).body.error).toBe(error);
  });

  it("is refused where the request asks for another gateway than it is for", async () => {
    const answer = await redeem(await jag(), { resource: `${origin}/mcp/${team.person.team.slug}/second` });
    expect(answer.body.error).toBe("invalid_grant");
  });

  it("is refused from whoever does not prove to be the client", async () => {
    expect((await redeem(await jag(), { client_secret: "wrong" })).body.error).toBe("invalid_client");
    const open = await register("none");
    const assertion = await jag({ client_id: open.client_id });
    expect((await redeem(assertion, { ...open, client_secret: undefined })).body.error).toBe(
      "invalid_client",
    );
  });

  it("is no bearer token itself", async () => {
    expect(
      (await isolate.call(await jag({ aud: (await team.must(200, "GET", "/identity")).audience }), team))
        .status,
    ).toBe(401);
  });
});
