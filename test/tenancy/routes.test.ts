import { env } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import type { GrantId, TeamId, UserId } from "../../src/id.ts";
import { mintGrantToken } from "../../src/identity/grant_token.ts";
import { mintSession } from "../../src/identity/session.ts";
import { routeOf, routes } from "../../src/route.ts";
import { type Bearer, type Names, type Probe, routeRows } from "./route_rows.ts";
import { absent, newWorld, tracesIn, type World } from "./world.ts";

// T5 and T9: every address of the Worker itself, as its router has them.
let world: World;
let names: Names;
let tokens: Readonly<Record<Bearer, string>>;
const nothing: Names = {
  team: "no-such-team",
  server: "no-such-server",
  approval: absent["approval"] ?? "",
  grant: absent["grant"] ?? "",
};

beforeAll(async () => {
  world = await newWorld();
  const { marked, other, things } = world;
  const [server] = (await marked.must(200, "GET", "/servers")).items;
  const { slug } = marked.person.team;
  names = {
    team: slug,
    server: server.slug,
    approval: things["approval"] ?? "",
    grant: things["grant"] ?? "",
  };
  const bare = await marked.must(201, "POST", "/grants", { label: "bare", servers: [] });
  const revoked = await marked.grant(server.slug, null);
  await marked.must(200, "DELETE", `/grants/${revoked.id}`);
  const foreign = await other.must(201, "POST", "/grants", { label: "foreign", servers: [] });
  tokens = {
    "an agent of another team": await bearerHere(foreign, other.person.team.id),
    "an agent of the team, without servers": await bearerHere(bare, marked.person.team.id),
    "an agent of the team, revoked": await bearerHere(revoked, marked.person.team.id),
    "a session of the team's admin": await sessionHere(marked.person),
  };
}, 60_000);

/** The same tokens as if this Worker had given them: the control plane of the tests has another origin. */
function bearerHere({ id, token }: { id: GrantId; token: string }, team: string): Promise<string> {
  const { jti = "", exp = 0 } = decodeJwt(token);
  const bearer = { grant: id, team: team as TeamId, jti, expiresAtMs: exp * 1000 };
  return mintGrantToken(bearer, world.plane.deps.keys, env.PUBLIC_ORIGIN, Date.now());
}

function sessionHere({ id, token }: { id: string; token: string }): Promise<string> {
  const { jti = "", exp = 0 } = decodeJwt(token);
  const session = { user: id as UserId, jti, expiresAtMs: exp * 1000 };
  return mintSession(session, world.plane.deps.keys, env.PUBLIC_ORIGIN, Date.now());
}

const { default: here } = exports as unknown as { default: Fetcher };
const fetchHere = (path: string, init: RequestInit): Promise<Response> =>
  here.fetch(new Request(`${env.PUBLIC_ORIGIN}${path}`, init));

function send({ path, method = "GET" as never, as, body }: Probe, of: Names): Promise<Response> {
  const headers = new Headers({ Accept: "application/json, text/event-stream" });
  if (as) headers.set("Authorization", `Bearer ${tokens[as]}`);
  if (body) headers.set("Content-Type", "application/json");
  return fetchHere(path(of), {
    method,
    headers,
    redirect: "manual",
    ...(body ? { body: JSON.stringify(body(of)) } : {}),
  });
}

const title = ({ path, method = "GET" as never, as = "nobody" as never }: Probe): string =>
  `${method} ${path({ team: "{team}", server: "{server}", approval: "{approval}", grant: "{grant}" })} by ${as}`;

/** An answer as text, with placeholders for what was asked for. */
async function shown(response: Response, of: Names): Promise<string> {
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).sort();
  let text = [response.status, ...headers, "", await response.text()].join("\n");
  for (const [name, value] of Object.entries(of)) text = text.replaceAll(value, `{${name}}`);
  return text.replaceAll(/req_[0-9a-z]{26}/g, "req");
}

const all = Object.values(routeRows).flat();

describe("the table of routes", () => {
  it("has probes for every route, and each comes to the route that it stands under", () => {
    const rows = Object.entries(routeRows).flatMap(([name, probes]) =>
      probes.map((probe) => [name, routeOf(new URL(probe.path(names), env.PUBLIC_ORIGIN).pathname)]),
    );
    expect(rows.filter(([name, met]) => name !== met)).toEqual([]);
    expect(Object.keys(routeRows)).toEqual(routes.map(({ name }) => name));
  });

  it("reaches every alternative of every pattern", () => {
    const unmet = routes.flatMap(({ name, path }) => {
      const [, choices = ""] = /^\^\\\/\(\?:(.*)\)\$$/.exec(path.source) ?? [];
      const paths = routeRows[name].map((probe) => probe.path(names));
      return choices
        .split("|")
        .filter((choice) => !paths.some((one) => new RegExp(`^/(?:${choice})$`).test(one)))
        .filter((choice) => choice !== "");
    });
    expect(unmet).toEqual([]);
  });
});

describe("an address", () => {
  it.each(all.map((probe) => [title(probe), probe] as const))(
    "%s is the same for all teams",
    async (_, probe) => {
      const foreign = await send(probe, names);
      expect(foreign.status).toBe(probe.status);
      const text = await shown(foreign, names);
      expect(text).toBe(await shown(await send(probe, nothing), nothing));
      expect(tracesIn(world, text)).toEqual([]);
    },
  );

  it("that is none of the table's is nothing, whoever asks", async () => {
    for (const path of ["/", "/v2/teams", "/.well-known/anything", "/.well-known/jwks.json/", "/mcpx/a/b"]) {
      const answer = await fetchHere(path, {});
      expect([path, answer.status, await answer.text()]).toEqual([path, 404, "There is nothing here.\n"]);
    }
  });
});

describe("a browser", () => {
  it("is told by every page to run nothing of others, to send nothing elsewhere and to show it in no frame", async () => {
    let pages = 0;
    for (const probe of all) {
      const { headers } = await send(probe, names);
      if (!headers.get("Content-Type")?.startsWith("text/html")) continue;
      pages++;
      const policy = new Map(
        (headers.get("Content-Security-Policy") ?? "").split("; ").map((one) => {
          const [name = "", ...sources] = one.split(" ");
          return [name, sources.join(" ")] as const;
        }),
      );
      expect(Object.fromEntries(policy), title(probe)).toMatchObject({
        "default-src": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
      });
      expect(
        [...policy.values()].filter((sources) => !["'none'", "'self'"].includes(sources)),
        title(probe),
      ).toEqual([]);
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(headers.get("Referrer-Policy")).toBe("no-referrer");
    }
    expect(pages).toBeGreaterThan(6);
  });

  it("is told by every answer but a gateway's to guess no type and to come back over https alone", async () => {
    const lacking: string[] = [];
    for (const probe of all.filter((one) => !/^\/(?:mcp|key)\//.test(one.path(names)))) {
      const { headers } = await send(probe, names);
      const said = [headers.get("X-Content-Type-Options"), headers.get("Strict-Transport-Security")];
      if (said.join() !== "nosniff,max-age=63072000; includeSubDomains") lacking.push(title(probe));
    }
    expect(lacking).toEqual([]);
  });

  it("runs nothing that an address brings along", async () => {
    const markup = `"><img src=x onerror=alert(1)><script>alert(1)</script>'`;
    const keys = [
      "next",
      "error",
      "error_description",
      "state",
      "code",
      "client_id",
      "redirect_uri",
      "iss",
      "token",
    ];
    const query = new URLSearchParams(keys.map((key) => [key, markup])).toString();
    const brought: Names = { team: markup, server: markup, approval: markup, grant: markup };
    const found: string[] = [];
    for (const probe of all) {
      const plain = probe.path(brought);
      for (const path of [`${plain}${plain.includes("?") ? "&" : "?"}${query}`, encodeURI(plain)]) {
        const text = await (await fetchHere(path, { headers: { Accept: "text/html" } })).text();
        if (/<img|<script>|onerror=alert\(1\)>/.test(text)) found.push(title(probe));
      }
    }
    expect(found).toEqual([]);
  });

  it("lets no other origin read an answer, nor asks on its behalf, but where OAuth clients in browsers must", async () => {
    const told: string[] = [];
    // By design these answer nobody by who they are: they read no cookie, and documents are for all.
    const open = /^\/(?:token|register|revoke|\.well-known\/oauth-.*)$/;
    for (const probe of all.filter(({ path }) => !open.test(path(names)))) {
      const foreign = { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" };
      const path = probe.path(names);
      const preflight = await fetchHere(path, { method: "OPTIONS", headers: foreign });
      const plain = await fetchHere(path, { headers: foreign });
      for (const { headers } of [preflight, plain]) {
        told.push(...[...headers.keys()].filter((name) => name.startsWith("access-control-")));
      }
    }
    expect(told).toEqual([]);
  });
});
