import { beforeAll, describe, expect, it } from "vitest";
import type { TeamId } from "../../src/id.ts";
import { putIdentity } from "../../src/store/identity.ts";
import type { Person } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";
import {
  callback,
  challengeOf,
  OAuthSetting,
  origin,
  policiesIn,
  ticketIn,
  verifier,
} from "./oauth_setting.ts";

// T9, for the authorization server.
let s: OAuthSetting;
let person: Person;
let client: string;
beforeAll(async () => {
  s = await OAuthSetting.start();
  person = s.team.person;
  client = (await s.register()).client_id;
});

const opened = (change: Record<string, string | undefined> = {}, who = person) =>
  s.open(who, s.authorizePath(client, change));

/** A page that asks nothing and leads nobody away by itself. */
function refusedOn({ response, text }: { response: Response; text: string }): string {
  expect([response.status, response.headers.get("Location"), ticketIn(text)]).toEqual([400, null, "none"]);
  return text;
}

describe("a request that could be answered at the wrong place", () => {
  it.each([
    ["another path", "http://127.0.0.1:5555/other"],
    ["a longer path", `${callback}/x`],
    ["a trailing slash", `${callback}/`],
    ["a query", `${callback}?x=1`],
    ["a fragment", `${callback}#x`],
    ["another loopback name", "http://localhost:5555/callback"],
    ["https instead", "https://127.0.0.1:5555/callback"],
    ["a user name", "http://u@127.0.0.1:5555/callback"],
    ["a host in the user name", "http://127.0.0.1:5555@evil.example/callback"],
    ["a longer host", "http://127.0.0.1.evil.example/callback"],
    ["dots in the path", "http://127.0.0.1:5555/x/../callback"],
    ["encoded dots", "http://127.0.0.1:5555/x/%2e%2e/callback"],
    ["a backslash", "http://127.0.0.1:5555\\callback"],
    ["upper case", "http://127.0.0.1:5555/CALLBACK"],
    ["a scheme in upper case", "HTTP://127.0.0.1:5555/callback"],
    ["another way to write the address", "http://127.1:5555/callback"],
    ["a number for the address", "http://2130706433:5555/callback"],
    ["a port that is none", "http://127.0.0.1:555555/callback"],
    ["a line break", "http://127.0.0.1:5555/callback\r\nX: y"],
    ["script", "javascript:alert(1)//"],
    ["data", "data:text/html,x"],
  ])("is refused on our own page: %s", async (_, redirect) => {
    expect(refusedOn(await opened({ redirect_uri: redirect }))).toContain("redirect_uri is not one");
  });

  it("is taken with any port of a loopback address, and only of one", async () => {
    expect(ticketIn((await opened({ redirect_uri: "http://127.0.0.1:61234/callback" })).text)).not.toBe(
      "none",
    );
    expect(ticketIn((await opened({ redirect_uri: "http://127.0.0.1/callback" })).text)).not.toBe("none");
    const web = (await s.register({ redirect_uris: ["https://app.example/cb"] })).client_id;
    const at = (uri: string) => s.open(person, s.authorizePath(web, { redirect_uri: uri }));
    expect(ticketIn((await at("https://app.example/cb")).text)).not.toBe("none");
    refusedOn(await at("https://app.example:8443/cb"));
  });

  it("is refused from a client that is not there, or without one", async () => {
    refusedOn(await opened({ client_id: "cli_00000000000000000000000000" }));
    refusedOn(await opened({ client_id: undefined }));
    refusedOn(await opened({ client_id: person.id }));
  });

  it.each(["client_id", "redirect_uri", "state", "code_challenge", "resource"])(
    "is refused with two of %s",
    async (name) => {
      const path = `${s.authorizePath(client)}&${name}=x`;
      expect(refusedOn(await s.open(person, path))).toContain("once only");
    },
  );
});

describe("a request with a mistake", () => {
  it.each<[string, Record<string, string | undefined>, string]>([
    ["no PKCE", { code_challenge: undefined, code_challenge_method: undefined }, "invalid_request"],
    ["plain PKCE", { code_challenge: verifier, code_challenge_method: "plain" }, "invalid_request"],
    ["PKCE without a method", { code_challenge_method: undefined }, "invalid_request"],
    ["a challenge that is no hash", { code_challenge: "short" }, "invalid_request"],
    ["an implicit grant", { response_type: "token" }, "unsupported_response_type"],
    ["a hybrid grant", { response_type: "code id_token" }, "unsupported_response_type"],
    ["a fragment as its answer", { response_mode: "fragment" }, "invalid_request"],
    ["a request object", { request: "x" }, "invalid_request"],
    ["a resource elsewhere", { resource: "https://evil.example/mcp/a/b" }, "invalid_target"],
    ["a resource with a slash at its end", { resource: `${origin}/mcp/acme/tools/` }, "invalid_target"],
    ["the resource's address for tokens", { resource: `${origin}/key/acme/tools` }, "invalid_target"],
    ["the origin as its resource", { resource: origin }, "invalid_target"],
    ["a longer origin", { resource: `${origin}.evil.example/mcp/a/b` }, "invalid_target"],
  ])("leads back with a click, and never by itself: %s", async (_, change, error) => {
    const text = refusedOn(await opened(change)).replaceAll("&amp;", "&");
    const back = new URL(/<a href="([^"]+)"/.exec(text)?.[1] ?? "");
    expect(`${back.origin}${back.pathname}`).toBe(callback);
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error,
      error_description: expect.any(String),
      state: "s1",
      iss: origin,
    });
  });
});

describe("somebody who is not signed in", () => {
  it("is sent to our sign-in and back, and nothing is fetched or kept for them", async () => {
    const path = s.authorizePath("https://client.example/id.json");
    const answer = await s.ask(path);
    expect(answer.status).toBe(303);
    const to = new URL(answer.headers.get("Location") ?? "");
    expect([to.origin, to.pathname, to.searchParams.get("next")]).toEqual([origin, "/sign-in", path]);
    expect(s.fetched).toEqual([]);
  });
});

describe("the consent page", () => {
  it("says who asks, where the answer goes, and for what; and nobody frames it or runs anything in it", async () => {
    const { response, text } = await opened();
    expect(response.status).toBe(200);
    for (const shown of [
      "Editor",
      "127.0.0.1:5555",
      "Tools",
      "Acme",
      "Open",
      person.email,
      "nobody has checked",
    ]) {
      expect(text).toContain(shown);
    }
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "cache-control": "no-store",
      "content-security-policy":
        "default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:5555; base-uri 'none'; frame-ancestors 'none'",
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
    });
    expect(text).not.toMatch(/<script|style=| on\w+=/i);
  });

  it.each([
    ["markup", "<script>alert(1)</script><img src=x onerror=alert(1)>", "&lt;script&gt;alert(1)"],
    ["an attribute's end", `"><form action="https://evil.example">`, "&quot;&gt;&lt;form"],
    ["letters that turn the text", "Ed\u202etor\u2066", "Ed tor"],
    ["letters that cannot be seen", "E\u200bd\u00adi\ufeff\u{e0041}tor", "E d i tor"],
    ["lines", "Editor\r\n\r\nApproved by Portcullis", "Editor Approved by Portcullis"],
    ["nothing but spaces", " \u3164\u2800 ", "a program without a name"],
    ["a long story", "x".repeat(200), `${"x".repeat(60)}</bdi>`],
  ])("shows a name as text and nothing else: %s", async (_, name, shown) => {
    const hostile = (await s.register({ client_name: name })).client_id;
    const { text } = await s.open(person, s.authorizePath(hostile));
    expect(text).toContain(shown);
    expect(text).not.toContain(name);
    expect(text.match(/<(?:script|img|form)\b/g)).toEqual(["<form"]);
  });

  it("counts an answer once, from the one who was asked, from our own page", async () => {
    const other = await s.plane.signUp("Elsewhere");
    const page = async () => {
      const { text } = await opened();
      return { ticket: ticketIn(text), policy: policiesIn(text)[0] ?? "", answer: "allow" };
    };
    const form = await page();
    const foreign = [
      { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
      { Origin: "null" },
      { Origin: `${origin}.evil.example` },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
      { Cookie: "" },
      { Cookie: "__Host-session=x" },
      { "Content-Type": "application/json" },
      { "Content-Type": "text/plain" },
    ];
    for (const headers of foreign) {
      const answer = await s.answer(person, form, headers as Record<string, string>);
      expect([answer.status, answer.headers.get("Location")], JSON.stringify(headers)).toEqual([400, null]);
    }
    expect((await s.answer(other, form)).status).toBe(400);
    expect((await s.answer(person, { ...form, ticket: "guessed" })).status).toBe(400);
    expect((await s.answer(person, form)).status).toBe(303);
    expect((await s.answer(person, form)).status).toBe(400);
    const late = await page();
    s.laterMs = 10 * 60_000 + 1;
    try {
      expect((await s.answer(person, late)).status).toBe(400);
    } finally {
      s.laterMs = 0;
    }
  });

  it("leads back without anything where the person says no", async () => {
    const { text } = await opened();
    const before = (await s.grants()).length;
    const answer = await s.answer(person, { ticket: ticketIn(text), answer: "deny" });
    const back = new URL(answer.headers.get("Location") ?? "");
    expect(answer.status).toBe(303);
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: "access_denied",
      error_description: "The person said no.",
      state: "s1",
      iss: origin,
    });
    expect(await s.grants()).toHaveLength(before);
  });
});

describe("what a person may choose", () => {
  it("is any policy for who may edit them, and for others what an admin has offered to their role", async () => {
    await s.team.policy("tools", "Wide");
    const [viewer, approver] = [await s.team.member(), await s.team.member("viewer", { approver: true })];
    const manager = await s.team.member("policy_manager");
    const seen = async (who: Person) => {
      const { response, text } = await opened({}, who);
      return { status: response.status, policies: policiesIn(text).length };
    };
    expect(await seen(viewer)).toEqual({ status: 403, policies: 0 });
    expect(await seen(manager)).toEqual({ status: 200, policies: 2 });
    const offer = "/servers/tools/policies/open/offer";
    expect(await s.team.must(200, "GET", offer)).toEqual({ roles: [] });
    await s.team.must(200, "PUT", offer, { roles: ["approver"] });
    expect([await seen(viewer), await seen(approver)]).toEqual([
      { status: 403, policies: 0 },
      { status: 200, policies: 1 },
    ]);
    expect(await s.team.must(200, "PUT", offer, { roles: ["viewer"] })).toEqual({ roles: ["viewer"] });
    expect(await seen(viewer)).toEqual({ status: 200, policies: 1 });
    expect((await s.team.as(viewer).ask("PUT", offer, { roles: [] })).status).toBe(403);
    expect((await s.team.as(manager).ask("PUT", offer, { roles: [] })).status).toBe(403);

    const { text } = await opened({}, viewer);
    const all = policiesIn((await opened()).text);
    const wide = all.find((one) => !policiesIn(text).includes(one)) ?? "";
    const answer = await s.answer(viewer, { ticket: ticketIn(text), policy: wide, answer: "allow" });
    expect([answer.status, answer.headers.get("Location")]).toEqual([400, null]);
    const again = await opened({}, viewer);
    const withdrawn = {
      ticket: ticketIn(again.text),
      policy: policiesIn(again.text)[0] ?? "",
      answer: "allow",
    };
    await s.team.must(200, "PUT", offer, { roles: [] });
    expect((await s.answer(viewer, withdrawn)).status).toBe(400);
  });

  it("is the same page for a gateway of somebody else's, for none, and where nothing is offered", async () => {
    const stranger = await s.plane.signUp("Elsewhere");
    const named = async (resource: string, who: Person) => {
      const { response, text } = await opened({ resource }, who);
      const words = text.replace(ticketIn(text), "").replaceAll(new URL(resource).pathname, "PATH");
      return { status: response.status, words: words.replaceAll(who.email, "WHO") };
    };
    const foreign = await named(s.resource, stranger);
    expect(foreign.status).toBe(403);
    expect(await named(`${origin}/mcp/no-such-team/tools`, stranger)).toEqual(foreign);
    expect(await named(s.resource, await s.team.member())).toEqual(foreign);
  });

  it("is nothing in a team that takes only those who come by its identity provider", async () => {
    const team = await TeamSetting.on(s.plane, "Closed");
    await team.server("Tools");
    await team.policy("tools", "Open");
    const resource = s.resource.replace(/mcp\/[^/]+/, `mcp/${team.person.team.slug}`);
    expect((await opened({ resource }, team.person)).response.status).toBe(200);
    const provider = {
      team: team.person.team.id as TeamId,
      issuer: "https://idp.example",
      audience: "x",
      algorithms: '["ES256"]',
      jwksUri: "https://idp.example/keys",
      mapping: '{"label":"sub","rules":[]}',
      signIn: null,
      clientSecret: null,
      required: 1 as const,
      breakGlass: null,
      revision: 1,
      createdAt: 0,
      updatedAt: 0,
    };
    await putIdentity(s.plane.deps.db, provider).run();
    expect((await opened({ resource }, team.person)).response.status).toBe(403);
  });

  it("is asked among all the gateways of all their teams, where the client names none", async () => {
    const second = await TeamSetting.on(s.plane, "Second team");
    await second.server("Other tools");
    await second.policy("other-tools", "Theirs");
    await second.must(201, "POST", "/members", { email: person.email, role: "admin" });
    const body = { token: s.plane.invitationTo(person.email) };
    await s.plane.ask("POST", "/v1/invitations/accept", { token: person.token, body });
    const { text } = await opened({ resource: undefined });
    for (const shown of ["Acme", "Tools", "Second team", "Other tools", "Theirs"])
      expect(text).toContain(shown);
    const theirs = /value="([^"]+)"[^>]*> <bdi>Theirs/.exec(text)?.[1] ?? "none";
    const back = await s.consent(client, { resource: undefined }, person, theirs);
    const { body: tokens } = await s.token({
      grant_type: "authorization_code",
      client_id: client,
      code: back.searchParams.get("code") ?? "",
      code_verifier: verifier,
    });
    const answer = await s.call(tokens.access_token, `/mcp/${second.person.team.slug}/other-tools`);
    expect(await answer.json()).toMatchObject({ error: { message: "Unknown tool: none" } });
    expect((await s.call(tokens.access_token)).status).toBe(401);
  });
});

describe("PKCE", () => {
  it("lets nobody redeem a code that was made for another's challenge", async () => {
    const back = await s.consent(client, { code_challenge: challengeOf("c".repeat(60)) });
    const code = back.searchParams.get("code") ?? "";
    expect((await s.redeem(client, code)).body.error).toBe("invalid_grant");
  });
});
