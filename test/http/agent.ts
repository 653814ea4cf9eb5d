import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import * as z from "zod";

const name = { name: "portcullis-tests", version: "1.0.0" };
const result = z.object({
  isError: z.boolean().optional(),
  content: z.array(z.object({ type: z.string(), text: z.string().optional() })).default([]),
  _meta: z.record(z.string(), z.unknown()).optional(),
});
const decision = z.object({
  id: z.string(),
  outcome: z.string(),
  rule: z.string(),
  reason: z.string(),
  retry_after_ms: z.number().nullable(),
});

/** What a tool call came to. */
export interface Called {
  readonly text: string;
  readonly isError: boolean;
  readonly decision: z.infer<typeof decision> | null;
}

/** A real MCP client, whichever package it comes from. */
export interface Agent {
  tools(): Promise<string[]>;
  call(tool: string, args: Record<string, unknown>, onProgress?: () => void): Promise<Called>;
  close(): Promise<void>;
}

function read(answer: unknown): Called {
  const { isError, content, _meta } = result.parse(answer);
  const found = _meta?.["portcullis/decision"];
  return {
    text: content.map((part) => part.text ?? "").join("\n"),
    isError: isError ?? false,
    decision: found === undefined ? null : decision.parse(found),
  };
}

const authorized = (token: string) => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } });

/** The client of `@modelcontextprotocol/sdk` 1.32, which knows the `initialize` era only. */
async function legacy(url: string, token: string): Promise<Agent> {
  const client = new LegacyClient(name);
  const transport = new LegacyTransport(new URL(url), authorized(token));
  await client.connect(transport as Parameters<LegacyClient["connect"]>[0]);
  return {
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (tool, args, onProgress) => {
      const options = onProgress ? { onprogress: onProgress } : {};
      return read(await client.callTool({ name: tool, arguments: args }, undefined, options));
    },
    close: () => client.close(),
  };
}

/** The client of `@modelcontextprotocol/client` 2.4: probing, or at 2026-07-28 and nothing else. */
const modern =
  (mode: "auto" | { pin: string }) =>
  async (url: string, token: string): Promise<Agent> => {
    const client = new Client(name, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), authorized(token)));
    return {
      tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
      call: async (tool, args, onProgress) => {
        const options = onProgress ? { onprogress: onProgress } : {};
        return read(await client.callTool({ name: tool, arguments: args }, options));
      },
      close: () => client.close(),
    };
  };

export const clients: readonly [name: string, connect: (url: string, token: string) => Promise<Agent>][] = [
  ["sdk 1.32", legacy],
  ["client 2.4, probing", modern("auto")],
  ["client 2.4, pinned to 2026-07-28", modern({ pin: "2026-07-28" })],
];

/** Those that speak to a server of the `initialize` era. */
export const clientsOfOldServers = clients.slice(0, 2);

const accept = "application/json, text/event-stream";

/** One JSON-RPC message over plain HTTP. */
export function post(url: string, token: string | null, message: unknown): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(message),
  });
}

export const toolCall = (tool: string, args: Record<string, unknown> = {}) => ({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: tool, arguments: args },
});

const answered = z.object({ result: z.unknown().optional(), error: z.unknown().optional() });

/** A tool call over plain HTTP against a server that answers in JSON, with the answer's headers. */
export async function callPlainly(
  url: string,
  token: string,
  tool: string,
  args: Record<string, unknown> = {},
): Promise<Called & { headers: Headers }> {
  const response = await post(url, token, toolCall(tool, args));
  const body = answered.parse(await response.json());
  return { ...read(body.result ?? {}), headers: response.headers };
}
