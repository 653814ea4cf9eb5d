import { randomUUID } from "node:crypto";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { describe, expect, inject, it } from "vitest";
import { operations } from "../../src/api/operations.ts";
import { startCmux } from "../support/cmux.ts";
import { Team } from "./team.ts";

const { url } = inject("gateway");
const get = (path: string) => fetch(url + path, { redirect: "manual" });

describe("what the assets router serves", () => {
  it.each([
    ["/", "text/html", "Portcullis"],
    ["/v1/docs", "text/html", "POST /v1/signup"],
    ["/v1/openapi.json", "application/json", '"openapi": "3.1'],
    ["/schemas/policy-v1.json", "application/json", '"deny_if"'],
    ["/assets/docs.css", "text/css", "{"],
  ])("%s is there, as %s", async (path, type, text) => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toContain(type);
    expect(await answer.text()).toContain(text);
  });

  it("loads nothing from elsewhere and runs no script", async () => {
    for (const path of ["/", "/v1/docs"]) {
      const page = await (await get(path)).text();
      expect(page).not.toMatch(/<script|(?:src|href)="(?:https?:)?\/\//);
    }
  });

  it("may run nothing of others, and be shown in no frame", async () => {
    for (const path of ["/", "/v1/docs", "/v1/openapi.json", "/schemas/policy-v1.json"]) {
      const { headers } = await get(path);
      expect(headers.get("Content-Security-Policy"), path).toMatch(
        /^default-src 'none';.*frame-ancestors 'none'$/,
      );
      expect(headers.get("X-Content-Type-Options"), path).toBe("nosniff");
      expect(headers.get("Strict-Transport-Security"), path).toContain("max-age=63072000");
    }
  });

  it("describes every operation that the router serves", async () => {
    const { paths } = (await (await get("/v1/openapi.json")).json()) as { paths: Record<string, object> };
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(described.toSorted()).toEqual(
      operations.map(({ method, path }) => `${method} ${path}`).toSorted(),
    );
  });
});

describe("the Worker's own addresses", () => {
  it("tell that it is alive and that its parts answer", async () => {
    expect(await (await get("/healthz")).json()).toEqual({ alive: true });
    expect(await (await get("/readyz")).json()).toMatchObject({ ready: true, failed: [] });
  });

  it("publish the key that verifies a grant's token, and no private part of it", async () => {
    const cmux = await startCmux();
    try {
      const team = await Team.signUp(url);
      const grant = await team.grant(await team.register("cmux", cmux.url), null);
      const keys = (await (await get("/.well-known/jwks.json")).json()) as JSONWebKeySet;
      const { protectedHeader, payload } = await jwtVerify(grant.token, createLocalJWKSet(keys), {
        issuer: url,
        algorithms: ["EdDSA"],
      });
      expect(protectedHeader.typ).toBe("grant+jwt");
      expect(payload.sub).toBe(grant.id);
      expect(JSON.stringify(keys)).not.toContain('"d"');
    } finally {
      await cmux.stop();
    }
  });

  it.each(["/.well-known/oauth-protected-resource", "/.well-known/anything", "/nowhere"])(
    "%s is a plain 404",
    async (path) => {
      const answer = await get(path);
      expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([404, null]);
    },
  );

  it("refuse a call without a token plainly, and say at /mcp alone where to get one, whoever's it is", async () => {
    const known = (path: string) =>
      `Bearer resource_metadata="${url}/.well-known/oauth-protected-resource${path}", scope="mcp"`;
    const discovered = ["/mcp/demo/cmux", "/mcp/nobody/nothing"];
    for (const path of [...discovered, "/key/demo/cmux", "/mcp", "/key/a/b/c"]) {
      const body = JSON.stringify({ jsonrpc: "2.0", id: randomUUID(), method: "tools/list" });
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(url + path, { method: "POST", headers, body });
      const challenge = discovered.includes(path) ? known(path) : "Bearer";
      expect([path, answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([path, 401, challenge]);
      expect(await answer.json()).toMatchObject({ jsonrpc: "2.0", error: { code: -31401 } });
    }
  });
});
