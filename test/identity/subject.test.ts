import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ControlPlane } from "../api/control_plane.ts";
import { closedPolicy, openPolicy, TeamSetting } from "../api/team_setting.ts";
import { Provider } from "../support/oidc/provider.ts";
import { Isolate, planeIn, World } from "./team_gateway.ts";

const world = new World();
let plane: ControlPlane;
let team: TeamSetting;
let other: TeamSetting;
let provider: Provider;
let isolate: Isolate;
let issuers = 0;

const audience = "api://acme";
const engineers = { claim: "groups", contains: "eng" };
const rules = [{ ...engineers, servers: [{ server: "tools", policy: "open" }], tags: ["eng"] }];
const identity = (change: object = {}) => ({
  issuer: provider.issuer,
  audience,
  mapping: { label: "name", rules },
  ...change,
});
const register = (on = team, change: object = {}) => on.must(200, "PUT", "/identity", identity(change));
const claims = { sub: "alice", aud: audience, groups: ["eng"], name: "Alice" };
const token = (change: object = {}) => provider.token({ ...claims, ...change });
const grants = async (on = team) => (await on.must(200, "GET", "/grants?limit=200")).items;
const grantOf = async (sub: string, on = team, { issuer } = provider) =>
  (await grants(on)).find(
    ({ subject }: { subject: { issuer: string; sub: string } | null }) =>
      subject?.issuer === issuer && subject.sub === sub,
  );
const nowS = () => Math.floor(Date.now() / 1000);

beforeAll(async () => {
  plane = await planeIn(world);
  team = await TeamSetting.on(plane, "Acme");
  other = await TeamSetting.on(plane, "Other");
  for (const one of [team, other]) {
    await one.server("Tools");
    await one.policy("tools", "Open", openPolicy);
    await one.policy("tools", "Closed", closedPolicy);
  }
});

beforeEach(async () => {
  provider = await Provider.start(`https://idp${issuers++}.example`);
  world.providers.unshift(provider);
  world.called.length = 0;
  isolate = new Isolate(plane, world);
});

describe("a token of the team's issuer", () => {
  it("acts as a grant of its own, which is there before its gate admits", async () => {
    await register();
    const answer = await isolate.call(await token(), team);
    expect([answer.status, world.called]).toEqual([200, ["read_a"]]);
    const grant = await grantOf("alice");
    expect(grant).toMatchObject({
      label: "Alice",
      tags: ["eng"],
      member: null,
      subject: { issuer: provider.issuer, sub: "alice" },
      state: "active",
      servers: [{ server: { slug: "tools" }, policy: { slug: "open" } }],
    });
    expect(answer.decision).toContain(grant.id.slice(4));
    expect(world.tokens.at(-1)).toBeNull();
  });

  it("is one grant however many tokens, isolates and calls there are, all at once", async () => {
    await register();
    const tokens = await Promise.all([1, 2, 3].map(() => token({ sub: "racer", jti: crypto.randomUUID() })));
    const isolates = [isolate, new Isolate(plane, world), new Isolate(plane, world)];
    const answers = await Promise.all(isolates.flatMap((one) => tokens.map((text) => one.call(text, team))));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const all = (await grants()).filter(
      (one: { subject: { sub: string } | null }) => one.subject?.sub === "racer",
    );
    expect(all).toHaveLength(1);
  });

  it("costs D1 two reads at first sight, and none afterwards, so that it may be down", async () => {
    await register();
    await isolate.call(await token(), team);
    const next = new Isolate(plane, world);
    await next.call(await token({ jti: "a" }), team);
    expect(next.reads).toBe(2);
    for (const jti of ["b", "c", "d"]) expect((await next.call(await token({ jti }), team)).status).toBe(200);
    expect(next.reads).toBe(2);
    [next.down, next.aheadMs] = [true, 5 * 60_000 - 1];
    expect((await next.call(await token({ jti: "e", exp: nowS() + 3600 }), team)).status).toBe(200);
    expect(provider.asked.get("/jwks")).toBe(3);
  });

  it("is refused without a word of why where no rule fits, and takes no place", async () => {
    await register();
    const answer = await isolate.call(await token({ sub: "mallory", groups: ["sales"] }), team);
    expect([answer.status, answer.text]).toEqual([
      403,
      expect.stringContaining("no rule of the team's identity"),
    ]);
    expect(await grantOf("mallory")).toBeUndefined();
  });

  it("is held to its policy like any other grant", async () => {
    await register(team, { mapping: { rules: [{ servers: [{ server: "tools", policy: "closed" }] }] } });
    const answer = await isolate.call(await token(), team);
    expect([answer.status, world.called]).toEqual([200, []]);
    expect(answer.text).toContain("(default deny)");
  });

  it("is refused by another team's gateway, and by a server that is not mapped", async () => {
    await register();
    await team.server("Second");
    expect((await isolate.call(await token(), other)).status).toBe(401);
    expect((await isolate.call(await token(), team, "second")).status).toBe(404);
    expect(
      (
        await isolate.call(await token(), {
          person: { ...team.person, team: { ...team.person.team, slug: "none" } },
        })
      ).status,
    ).toBe(401);
    expect(world.called).toEqual([]);
  });

  it("acts for a person where its claims give a role, and never has an address", async () => {
    const policy = {
      version: "1",
      default: "deny",
      tools: { read_a: { require: [{ conditions: [{ path: "member.role", op: "eq", value: "viewer" }] }] } },
    };
    await team.policy("tools", `Viewers ${issuers}`, policy);
    const servers = [{ server: "tools", policy: `viewers-${issuers}` }];
    await register(team, { mapping: { rules: [{ servers, role: "viewer" }] } });
    await isolate.call(await token({ email: "admin@example.com", email_verified: true }), team);
    expect(world.called).toEqual(["read_a"]);
    const grant = await grantOf("alice");
    const row = await env.DB.prepare("SELECT email, password FROM user WHERE id = ?1")
      .bind(grant.member)
      .first();
    expect(row).toEqual({ email: null, password: null });
  });
});

describe("a change is in force at the next call", () => {
  it("of the claims", async () => {
    await register(team, {
      mapping: {
        rules: [
          { ...engineers, servers: [{ server: "tools", policy: "open" }] },
          { claim: "groups", contains: "none", servers: [{ server: "tools", policy: "closed" }] },
        ],
      },
    });
    await isolate.call(await token({ iat: nowS() - 20 }), team);
    expect(world.called).toHaveLength(1);
    const less = await token({ groups: ["none"], iat: nowS() - 10 });
    expect((await isolate.call(less, team)).text).toContain("(default deny)");
    // The older token says more, and is told to act by the newer claims, wherever it comes.
    const older = await token({ iat: nowS() - 20, jti: "again" });
    for (const one of [isolate, new Isolate(plane, world)]) {
      expect((await one.call(older, team)).text).toContain("(default deny)");
    }
    expect(world.called).toHaveLength(1);
    expect((await grantOf("alice")).servers).toMatchObject([{ policy: { slug: "closed" } }]);
  });

  it("of claims that another isolate saw first", async () => {
    await register(team, {
      mapping: {
        rules: [
          { ...engineers, servers: [{ server: "tools", policy: "open" }] },
          { servers: [{ server: "tools", policy: "closed" }] },
        ],
      },
    });
    const far = new Isolate(plane, world);
    const wide = await token({ iat: nowS() - 30 });
    expect((await far.call(wide, team)).text).toContain("done");
    await isolate.call(await token({ groups: [], iat: nowS() - 20 }), team);
    expect((await far.call(wide, team)).text).toContain("(default deny)");
    expect((await far.call(await token({ iat: nowS() - 10 }), team)).text).toContain("done");
  });

  it("of the mapping", async () => {
    await register();
    const text = await token();
    expect((await isolate.call(text, team)).text).toContain("done");
    await register(team, {
      mapping: { rules: [{ ...engineers, servers: [{ server: "tools", policy: "closed" }] }] },
    });
    expect((await isolate.call(text, team)).text).toContain("(default deny)");
    await register(team, { mapping: { rules: [{ claim: "groups", equals: "none", servers: [] }] } });
    expect((await isolate.call(text, team)).status).toBe(404);
    await register();
    expect((await isolate.call(text, team)).text).toContain("done");
  });

  it("of the audience, the algorithms, and the issuer", async () => {
    await register();
    const text = await token();
    expect((await isolate.call(text, team)).status).toBe(200);
    await register(team, { audience: "api://another" });
    expect((await isolate.call(text, team)).status).toBe(401);
    await register();
    isolate.aheadMs += 1_000;
    expect((await isolate.call(text, team)).status).toBe(200);
    const before = await grantOf("alice");
    const next = await Provider.start(`https://next${issuers}.example`);
    world.providers.unshift(next);
    await register(team, { issuer: next.issuer });
    expect((await isolate.call(text, team)).status).toBe(401);
    isolate.aheadMs += 1_000;
    expect((await isolate.call(await next.token(claims), team)).status).toBe(200);
    const all = await grants();
    expect(all.find((one: { id: string }) => one.id === before.id)).toMatchObject({ state: "revoked" });
  });

  it("of the audience, for whom no gate knows", async () => {
    await register();
    await isolate.call(await token(), team);
    await register(team, { audience: "api://another" });
    expect((await isolate.call(await token({ sub: "stranger" }), team)).status).toBe(401);
    expect(await grantOf("stranger")).toBeUndefined();
    expect((await isolate.call(await token({ sub: "stranger", aud: "api://another" }), team)).status).toBe(
      200,
    );
  });

  it("of the identity, once it is removed; and it comes back with new grants", async () => {
    await register();
    const text = await token();
    await isolate.call(text, team);
    const before = await grantOf("alice");
    await team.must(200, "DELETE", "/identity");
    expect((await isolate.call(text, team)).status).toBe(401);
    expect((await team.ask("GET", "/identity")).status).toBe(404);
    await register();
    isolate.aheadMs += 1_000;
    expect((await isolate.call(text, team)).status).toBe(200);
    expect((await grants()).find((one: { id: string }) => one.id === before.id).state).toBe("revoked");
  });

  it("of a freeze", async () => {
    await register();
    const text = await token();
    await isolate.call(text, team);
    await team.must(200, "PATCH", "", { frozen: "all" });
    expect((await isolate.call(text, team)).text).toContain("frozen");
    await team.must(200, "PATCH", "", { frozen: "off" });
    expect((await isolate.call(text, team)).text).toContain("done");
  });
});

describe("a subject", () => {
  it("is refused by the grant, and every token of its with it, until it is allowed again", async () => {
    await register();
    const text = await token({ sub: "auth0|a/b c" });
    await isolate.call(text, team);
    const grant = await grantOf("auth0|a/b c");
    await team.must(200, "DELETE", `/grants/${grant.id}`);
    const fresh = await token({ sub: "auth0|a/b c", jti: "fresh" });
    for (const one of [isolate, new Isolate(plane, world)]) {
      expect([(await one.call(text, team)).status, (await one.call(fresh, team)).status]).toEqual([401, 401]);
    }
    const path = `/identity/subjects/${encodeURIComponent("auth0|a/b c")}`;
    const allowed = await team.must(200, "POST", `${path}/allow`);
    expect(allowed).toMatchObject({ sub: "auth0|a/b c", state: "allowed", grant: grant.id });
    expect((await isolate.call(fresh, team)).status).toBe(200);
    expect(await grantOf("auth0|a/b c")).toMatchObject({ id: grant.id, state: "active" });
    expect((await team.ask("POST", `${path}/allow`)).status).toBe(409);
  });

  it("is refused by its name, also before it was ever seen", async () => {
    await register();
    await team.must(200, "POST", "/identity/subjects/bob/revoke");
    expect((await isolate.call(await token({ sub: "bob" }), team)).status).toBe(401);
    await isolate.call(await token({ sub: "carol" }), team);
    await team.must(200, "POST", "/identity/subjects/carol/revoke");
    expect((await isolate.call(await token({ sub: "carol" }), team)).status).toBe(401);
    const { items } = await team.must(200, "GET", "/identity/subjects");
    expect(items.map(({ sub, state }: { sub: string; state: string }) => [sub, state])).toEqual([
      ["bob", "refused"],
      ["carol", "refused"],
    ]);
    expect(world.called).toHaveLength(1);
  });

  it("past the team's last place is denied and says why", async () => {
    await register();
    await env.DB.prepare("INSERT INTO team_quota (team_id, name, max) VALUES (?1, 'subjects', 1)")
      .bind(other.person.team.id)
      .run();
    await register(other);
    const tokens = await Promise.all(["a", "b", "c"].map((sub) => token({ sub })));
    const answers = await Promise.all(tokens.map((text) => isolate.call(text, other)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 429, 429]);
    expect(answers.find(({ status }) => status === 429)?.text).toContain("as many people and machines");
    const [first] = await grants(other);
    await other.must(200, "DELETE", `/grants/${first.id}`);
    const waiting = answers.findIndex(({ status }) => status === 429);
    expect((await isolate.call(tokens[waiting] ?? "", other)).status).toBe(200);
  });

  it("has a grant that only its claims change", async () => {
    await register();
    await isolate.call(await token(), team);
    const { id } = await grantOf("alice");
    expect((await team.ask("PATCH", `/grants/${id}`, { label: "mine" })).body.code).toBe("conflict");
    expect((await team.ask("POST", `/grants/${id}/rotate`)).body.code).toBe("conflict");
  });
});

describe("nobody is claimed", () => {
  it("where two teams have one issuer: each has a subject of its own, and one's refusal is not the other's", async () => {
    const second = await TeamSetting.on(plane, "Second");
    await second.server("Tools");
    await second.policy("tools", "Open");
    await register();
    await register(second);
    const text = await token();
    expect((await isolate.call(text, team)).status).toBe(200);
    expect((await isolate.call(text, second)).status).toBe(200);
    const [mine, theirs] = [await grantOf("alice"), await grantOf("alice", second)];
    expect(mine.id).not.toBe(theirs.id);
    await second.must(200, "POST", "/identity/subjects/alice/revoke");
    expect((await isolate.call(text, team)).status).toBe(200);
    expect((await isolate.call(text, second)).status).toBe(401);
    expect((await second.ask("DELETE", `/grants/${mine.id}`)).status).toBe(404);
  });

  it("by an issuer that claims an account's address, id or another team's subject", async () => {
    await register();
    await isolate.call(await token(), team);
    const mine = await grantOf("alice");
    const hostile = await TeamSetting.on(plane, "Hostile");
    await hostile.server("Tools");
    await hostile.policy("tools", "Open");
    const evil = await Provider.start(`https://evil${issuers}.example`);
    world.providers.unshift(evil);
    await hostile.must(200, "PUT", "/identity", {
      issuer: evil.issuer,
      audience,
      mapping: { label: "email", rules: [{ servers: [{ server: "tools", policy: "open" }], role: "admin" }] },
    });
    const { email, id } = team.person;
    for (const sub of ["alice", id, email, mine.id, mine.subject.sub]) {
      const text = await evil.token({ ...claims, sub, email, email_verified: true, groups: ["eng"] });
      expect((await isolate.call(text, team)).status).toBe(401);
      expect((await isolate.call(text, hostile)).status).toBe(200);
      const made = await grantOf(sub, hostile, evil);
      expect([id, mine.id]).not.toContain(made.member);
    }
    // An issuer that names itself as the other team's is not it.
    const posing = await evil.token({ ...claims, iss: provider.issuer });
    expect((await isolate.call(posing, team)).status).toBe(401);
    const accounts = await env.DB.prepare("SELECT count(*) AS n FROM member WHERE team_id = ?1")
      .bind(hostile.person.team.id)
      .first();
    expect(accounts).toEqual({ n: 1 });
  });
});

it("a flood of bad kids costs the issuer one fetch, and a rotated key is taken", async () => {
  await register();
  await isolate.call(await token(), team);
  const before = provider.asked.get("/jwks") ?? 0;
  isolate.aheadMs = 31_000;
  const bad = await Promise.all(
    Array.from({ length: 30 }, (_, i) => provider.token(claims, { kid: `bad${i}` })),
  );
  const answers = await Promise.all(bad.map((text) => isolate.call(text, team)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  expect(provider.asked.get("/jwks")).toBe(before + 1);
  const old = await token();
  await provider.rotate();
  isolate.aheadMs = 62_000;
  expect((await isolate.call(await token(), team)).status).toBe(200);
  expect((await isolate.call(old, team)).status).toBe(401);
});

it("garbage costs D1 one look at the team in a second, and nothing at all without the shape of a token", async () => {
  await register();
  const text = await token();
  const reads = isolate.reads;
  for (const bad of [`${text}x`, "a.b.c", "grant", `${text.slice(0, -4)}AAAA`, "x".repeat(16_000)]) {
    expect((await isolate.call(bad, team)).status).toBe(401);
  }
  for (let i = 0; i < 20; i++)
    await isolate.call(await provider.token({ ...claims, aud: "x", jti: String(i) }), team);
  expect(isolate.reads - reads).toBe(1);
});

describe("an admin", () => {
  it("is told how a token would map, by the saved mapping or a draft, and nothing is stored", async () => {
    await register();
    const text = await token({ sub: "tried", groups: ["eng"] });
    const before = await grants();
    const tried = (change: object = {}) =>
      team.must(200, "POST", "/identity/test", { token: text, ...change });
    const person = { role: null, approver: false, auditor: false };
    expect(await tried()).toEqual({
      valid: true,
      sub: "tried",
      state: "new",
      mapped: { label: "Alice", tags: ["eng"], ...person, servers: [{ server: "tools", policy: "open" }] },
    });
    expect((await tried({ mapping: { rules: [{ tags: ["draft"] }] } })).mapped).toEqual({
      label: "tried",
      tags: ["draft"],
      ...person,
      servers: [],
    });
    expect(await grants()).toEqual(before);
    await isolate.call(text, team);
    expect((await tried()).state).toBe("known");
    await team.must(200, "POST", "/identity/subjects/tried/revoke");
    expect((await tried()).state).toBe("refused");
    const why = async (given: string) =>
      (await team.must(200, "POST", "/identity/test", { token: given })).why;
    expect(await why(await token({ aud: "other" }))).toBe(
      `The token's \`aud\` is "other"; it must hold ${audience}.`,
    );
    expect(await why(await token({ exp: 1, iat: 0 }))).toBe("The token has expired.");
    expect(await why("a.b.c")).toBe("This is not a signed JWT.");
  });

  it("gets what is registered as it can be put again, and is told every mistake in its place", async () => {
    const { in_force, ...put } = await register();
    expect(in_force.pending).toBe(0);
    const got = await team.must(200, "GET", "/identity");
    expect(got).toEqual(put);
    expect(got).toMatchObject({
      issuer: provider.issuer,
      audience,
      algorithms: ["RS256", "ES256"],
      sign_in: null,
    });
    const mistakes = async (change: object) => {
      const { status, body } = await team.ask("PUT", "/identity", identity(change));
      return [
        status,
        ...body.errors.map(
          ({ pointer, message }: { pointer: string; message: string }) => `${pointer} ${message}`,
        ),
      ];
    };
    const servers = [
      { server: "tools", policy: "none" },
      { server: "none", policy: null },
    ];
    expect(await mistakes({ mapping: { rules: [{ servers }] } })).toEqual([
      422,
      "/mapping/rules/0/servers/0/policy the server has no such policy",
      "/mapping/rules/0/servers/1/server the team has no such server",
    ]);
    for (const rule of [{ claim: "a" }, { equals: "a" }, { claim: "a", equals: "a", contains: "a" }]) {
      expect((await mistakes({ mapping: { rules: [rule] } }))[1]).toMatch(
        /^\/mapping\/rules\/0 a rule has a `claim`/,
      );
    }
    provider.lies.metadata = { issuer: "https://evil.example" };
    expect((await mistakes({}))[1]).toContain('its `issuer` is "https://evil.example"');
    provider.lies.metadata = { jwks_uri: "https://10.0.0.1/jwks" };
    expect((await mistakes({}))[1]).toMatch(
      /^\/issuer its keys at https:\/\/10\.0\.0\.1\/jwks cannot be read/,
    );
    provider.lies.metadata = {};
    provider.lies.jwks = { keys: "none" };
    expect((await mistakes({}))[1]).toContain("is not a JWKS document");
    provider.lies.status = 503;
    expect((await mistakes({}))[1]).toContain("It answered with the status 503.");
    expect(await team.must(200, "GET", "/identity")).toEqual(put);
  });
});
