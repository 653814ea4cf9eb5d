import { randomUUID } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { Server as LegacyServer } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { readRequest, writeResponse } from "../support/node-http.ts";
import { Terminal } from "../support/terminal.ts";
import { cmuxServer } from "../support/tools.ts";

/** A server on 127.0.0.1, and what it was sent. */
export interface Running {
  readonly url: string;
  readonly requests: readonly { readonly method: string; readonly headers: IncomingMessage["headers"] }[];
  stop(): Promise<void>;
}

type Listener = (...args: Parameters<RequestListener>) => unknown;

/** Serves on a free port of 127.0.0.1. */
export async function serve(listener: Listener): Promise<Running> {
  const requests: { method: string; headers: IncomingMessage["headers"] }[] = [];
  const server: Server = createServer((incoming, outgoing) => {
    requests.push({ method: incoming.method ?? "", headers: incoming.headers });
    // A listener that fails has broken the test's own server: the connection ends, and the test sees it.
    Promise.resolve(listener(incoming, outgoing)).catch((error: Error) => outgoing.destroy(error));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    requests,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** A server of the newest revision only. */
export function serveModern(): Promise<Running> {
  const handler = createMcpHandler(() => cmuxServer(new Terminal()), { legacy: "reject" });
  return serve(async (incoming, outgoing) => {
    await writeResponse(await handler.fetch(await readRequest(incoming, outgoing)), outgoing);
  });
}

export const pagedTools = Array.from({ length: 250 }, (_, i) => ({
  name: `get_page_${i}`,
  description: `Item ${i} — “quoted”`,
  inputSchema: { type: "object" as const, properties: { id: { type: "integer", minimum: 0.0 } } },
}));

const pageSize = 100;

/** A server of the maintenance SDK with real sessions and pages of 100 tools; answers as JSON or as an event stream. */
export async function servePaged(enableJsonResponse: boolean): Promise<Running & { sessions(): number }> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      enableJsonResponse,
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const server = new LegacyServer({ name: "paged", version: "1.0.0" }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
      const from = Number(params?.cursor ?? 0);
      const to = from + pageSize;
      const next = to < pagedTools.length ? { nextCursor: String(to) } : {};
      return { tools: pagedTools.slice(from, to), ...next };
    });
    await server.connect(transport as Parameters<LegacyServer["connect"]>[0]);
    return transport;
  };
  const running = await serve(async (incoming, outgoing) => {
    const id = incoming.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    await (known ?? (await open())).handleRequest(incoming, outgoing);
  });
  return { ...running, sessions: () => sessions.size };
}

interface RpcRequest {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly cursor?: string };
}

/** A server that answers every JSON-RPC request of ours with what `answer` gives; notifications get 202. */
export function serveRpc(answer: (request: RpcRequest) => unknown): Promise<Running> {
  return serve(async (incoming, outgoing) => {
    const request: RpcRequest = JSON.parse(await textOf(incoming));
    if (request.id === undefined) return void outgoing.writeHead(202).end();
    outgoing.writeHead(200, { "content-type": "application/json" });
    outgoing.end(JSON.stringify({ jsonrpc: "2.0", id: request.id, ...(answer(request) as object) }));
  });
}

/** A server whose `initialize` is right and whose `tools/list` answers these results, one a page. */
export const serveTools = (...pages: readonly unknown[]): Promise<Running> =>
  serveRpc(({ method, params }) =>
    method === "initialize" ? initialized : { result: pages[Number(params?.cursor ?? 0)] },
  );

export const initialized = {
  result: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "scripted", version: "1" },
  },
};

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Answers everything with this status and body. */
export const serveStatus = (
  status: number,
  headers: Record<string, string> = {},
  body = "",
): Promise<Running> =>
  serve((_incoming: IncomingMessage, outgoing: ServerResponse) =>
    outgoing.writeHead(status, headers).end(body),
  );
