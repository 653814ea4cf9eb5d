import { beforeAll, describe, expect, it } from "vitest";
import { callback, OAuthSetting, origin } from "./oauth_setting.ts";

let s: OAuthSetting;
beforeAll(async () => {
  s = await OAuthSetting.start();
});

describe("discovery", () => {
  it("says at the origin's root where everything is, to any page", async () => {
    const answer = await s.reach("/.well-known/oauth-authorization-server");
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(await answer.json()).toMatchObject({
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
      revocation_endpoint: `${origin}/revoke`,
      jwks_uri: `${origin}/.well-known/jwks.json`,
      scopes_supported: ["mcp"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    });
  });

  it("begins at a gateway's 401, and is the same for one that is not there", async () => {
    const at = async (path: string) => {
      const refused = await s.reach(path, { method: "POST" });
      const challenge = refused.headers.get("WWW-Authenticate") ?? "";
      const url = /resource_metadata="([^"]+)"/.exec(challenge)?.[1];
      const found = url ? await (await s.reach(new URL(url).pathname)).json() : null;
      const words = JSON.stringify([challenge, found]);
      return { status: refused.status, words: words.replaceAll(path, "PATH") };
    };
    const path = new URL(s.resource).pathname;
    const known = await at(path);
    expect(known.words).toContain(
      JSON.stringify(
        `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resourcePATH", scope="mcp"`,
      ),
    );
    expect(known.words).toContain(`"resource":"${origin}PATH","authorization_servers":["${origin}"]`);
    expect(await at("/mcp/no-such-team/no-such-server")).toEqual(known);
    const bad = await s.call("x");
    expect(bad.headers.get("WWW-Authenticate")).toMatch(/^Bearer error="invalid_token", resource_metadata=/);
  });

  it("does not begin at the address for tokens, nor anywhere else", async () => {
    const { pathname } = new URL(s.resource);
    const refused = await s.reach(pathname.replace("/mcp/", "/key/"), { method: "POST" });
    expect([refused.status, refused.headers.get("WWW-Authenticate")]).toEqual([401, "Bearer"]);
    const nowhere = [
      `/.well-known/oauth-protected-resource${pathname.replace("/mcp/", "/key/")}`,
      "/.well-known/oauth-protected-resource",
      "/.well-known/oauth-protected-resource/mcp/acme",
      "/.well-known/oauth-protected-resource/mcp/acme/tools/x",
      `/.well-known/oauth-authorization-server${pathname}`,
      "/.well-known/openid-configuration",
      "/.well-known/anything",
    ];
    for (const path of nowhere) {
      const answer = await s.reach(path);
      expect([path, answer.status, await answer.text()]).toEqual([path, 404, "There is nothing here.\n"]);
    }
  });

  it("answers what a browser asks before it posts", async () => {
    for (const path of ["/token", "/register", "/revoke", "/.well-known/oauth-authorization-server"]) {
      const answer = await s.reach(path, { method: "OPTIONS" });
      expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([204, "*"]);
      expect(answer.headers.get("Access-Control-Allow-Headers")).toContain("Authorization");
      expect(answer.headers.get("Access-Control-Allow-Credentials")).toBeNull();
    }
    const page = await s.reach("/authorize", { method: "OPTIONS" });
    expect([page.status, page.headers.get("Access-Control-Allow-Origin")]).toEqual([405, null]);
    expect((await s.reach("/token")).status).toBe(405);
  });

  it("is slowed down where too many register from one address, and from no other", async () => {
    const at = s.serverAt("https://gateway.example");
    const register = async (address: string) => {
      const headers = { "Content-Type": "application/json", "CF-Connecting-IP": address };
      const body = JSON.stringify({ redirect_uris: [callback] });
      return at(new Request("https://gateway.example/register", { method: "POST", headers, body }));
    };
    const answers = [];
    for (let i = 0; i < 61; i++) answers.push(await register("203.0.113.7"));
    const last = answers.pop();
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    expect([last?.status, Number(last?.headers.get("Retry-After")) > 0]).toEqual([429, true]);
    expect(await last?.json()).toMatchObject({ error: "slow_down" });
    expect((await register("203.0.113.8")).status).toBe(201);
  });
});
