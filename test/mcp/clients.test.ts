import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import * as z from "zod";
import { isFault, wire } from "../../src/fault.ts";
import { decode, type Message } from "../../src/mcp/decode.ts";
import { headersBack, headersOut } from "../../src/mcp/headers.ts";
import { faultBody } from "../../src/mcp/refuse.ts";

function upstream(): McpServer {
  const server = new McpServer({ name: "upstream", version: "1" });
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, ({ text: value }) =>
    text(value),
  );
  server.registerPrompt("greet", {}, () => ({
    messages: [{ role: "user", content: { type: "text", text: "hello" } }],
  }));
  // The server looks its resources up by the URI that URL makes of them.
  server.registerResource("ä", new URL("docs://ä/1").href, {}, (uri) => ({
    contents: [{ uri: uri.href, text: "one" }],
  }));
  return server;
}

/** The official client, this room and the official server, in one line. */
function throughTheRoom(seen: Message[]): typeof fetch {
  const handler = createMcpHandler(upstream);
  return async (input, init) => {
    const request = new Request(input, init);
    if (request.method !== "POST") return handler.fetch(request);
    const get = (name: string): string | null => request.headers.get(name);
    const message = decode(new Uint8Array(await request.arrayBuffer()), {
      protocolVersion: get("MCP-Protocol-Version"),
      mcpMethod: get("Mcp-Method"),
      mcpName: get("Mcp-Name"),
      contentEncoding: get("Content-Encoding"),
      contentType: get("Content-Type"),
    });
    if (isFault(message)) {
      return new Response(faultBody(message.id, message, "req_1"), { status: wire(message.fault).status });
    }
    seen.push(message);
    const headers = headersOut(request.headers, message.era);
    const answer = await handler.fetch(
      new Request(request.url, { method: "POST", headers, body: message.body }),
    );
    return new Response(answer.body, { status: answer.status, headers: headersBack(answer.headers) });
  };
}

test.each([
  ["legacy", "initialize"],
  ["modern", "server/discover"],
] as const)(
  "what the official client says in the %s era is understood and reaches the official server",
  async (era, opening) => {
    const seen: Message[] = [];
    const mode = era === "legacy" ? ("legacy" as const) : { pin: "2026-07-28" };
    const client = new Client({ name: "agent", version: "1" }, { versionNegotiation: { mode } });
    const url = new URL("https://upstream.example/mcp");
    await client.connect(new StreamableHTTPClientTransport(url, { fetch: throughTheRoom(seen) }));
    expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(["echo"]);
    const called = await client.callTool({ name: "echo", arguments: { text: "ünï 😀" } });
    expect(called.content).toEqual([{ type: "text", text: "ünï 😀" }]);
    expect((await client.getPrompt({ name: "greet" })).messages).toHaveLength(1);
    const uri = "docs://ä/1";
    expect((await client.readResource({ uri })).contents).toHaveLength(1);
    await client.close();
    expect(seen[0]).toMatchObject({ method: opening, era, clientName: "agent" });
    expect(new Set(seen.map((message) => message.era))).toEqual(new Set([era]));
    expect(seen.flatMap((message) => message.targets)).toEqual([
      { kind: "tool", name: "echo" },
      { kind: "prompt", name: "greet" },
      { kind: "resource", name: uri },
    ]);
  },
);

test("a client that asks which era the server speaks finds the modern one", async () => {
  const seen: Message[] = [];
  const client = new Client({ name: "agent", version: "1" }, { versionNegotiation: { mode: "auto" } });
  const url = new URL("https://upstream.example/mcp");
  await client.connect(new StreamableHTTPClientTransport(url, { fetch: throughTheRoom(seen) }));
  expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
  await client.close();
});
