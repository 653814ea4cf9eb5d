import { describe, expect, test } from "vitest";
import { headersBack, headersOut } from "../../src/mcp/headers.ts";

const asObject = (headers: Headers): Record<string, string> => Object.fromEntries(headers);

const caller = new Headers({
  Authorization: "Bearer secret",
  Cookie: "a=b",
  "Proxy-Authorization": "Basic x",
  Host: "gateway",
  Origin: "https://app.example",
  "X-Forwarded-For": "1.2.3.4",
  "CF-Connecting-IP": "1.2.3.4",
  "X-Api-Key": "k",
  "User-Agent": "agent/1",
  "Content-Length": "3",
  Accept: "application/json, text/event-stream",
  "Content-Type": "application/json",
  "Last-Event-ID": "e1",
  "MCP-Protocol-Version": "2026-07-28",
  "Mcp-Session-Id": "sealed",
  "Mcp-Method": "tools/call",
  "Mcp-Name": "send",
  "Mcp-Param-Region": "eu",
  Traceparent: "00-1-2-01",
  Tracestate: "a=1",
  Baggage: "b=2",
});

const always = {
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
  "last-event-id": "e1",
  "mcp-protocol-version": "2026-07-28",
  traceparent: "00-1-2-01",
  tracestate: "a=1",
  baggage: "b=2",
  "user-agent": "Portcullis (MCP gateway)",
};

describe("headers on their way out", () => {
  test("a modern request takes its mirrors along, and nothing that is not on the list", () => {
    expect(asObject(headersOut(caller, "modern"))).toEqual({
      ...always,
      "mcp-method": "tools/call",
      "mcp-name": "send",
      "mcp-param-region": "eu",
    });
  });

  test("a legacy request loses the mirrors, which nobody compared with its body", () => {
    expect(asObject(headersOut(caller, "legacy"))).toEqual(always);
  });
});

describe("headers on their way back", () => {
  test("only the protocol's own pass", () => {
    const upstream = new Headers({
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "public, max-age=60, s-maxage=600, no-transform",
      "Mcp-Session-Id": "raw",
      "MCP-Protocol-Version": "2025-11-25",
      "X-Accel-Buffering": "no",
      Allow: "POST",
      "Retry-After": "5",
      "Set-Cookie": "a=b",
      "WWW-Authenticate": 'Bearer resource_metadata="https://evil.example"',
      "Access-Control-Allow-Origin": "*",
      Location: "https://evil.example",
      "Content-Security-Policy": "default-src *",
      "Content-Encoding": "gzip",
      "Content-Length": "9",
      Server: "x",
    });
    expect(asObject(headersBack(upstream))).toEqual({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "private, max-age=60, no-transform",
      "mcp-protocol-version": "2025-11-25",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
      allow: "POST",
      "retry-after": "5",
    });
  });

  test("an answer that says nothing of caching is not stored", () => {
    expect(asObject(headersBack(new Headers()))).toEqual({
      "cache-control": "private, no-store",
      "x-content-type-options": "nosniff",
    });
  });

  test.each(["text/html", "image/svg+xml", "application/jsonp", "application/xhtml+xml"])(
    "a body of type %s comes back as text, so that no browser runs it on this origin",
    (type) => {
      const back = headersBack(new Headers({ "Content-Type": type }));
      expect(back.get("content-type")).toBe("text/plain; charset=utf-8");
    },
  );
});
