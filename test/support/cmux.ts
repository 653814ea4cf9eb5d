import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { readRequest, writeResponse } from "./node-http.ts";
import { Terminal } from "./terminal.ts";
import { cmuxServer } from "./tools.ts";

/** What this server was sent, so that a test can prove what never arrived. */
export interface Seen {
  /** How often each tool was called. */
  readonly tools: Record<string, number>;
  readonly requests: number;
  /** Every distinct value of the Authorization and Cookie headers. */
  readonly credentials: readonly string[];
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface Cmux {
  readonly url: string;
  readonly port: number;
  seen(): Seen;
  stop(): Promise<void>;
}

/** Serves the multiplexer's tools on 127.0.0.1, to clients of both eras; port 0 takes a free one. */
export async function startCmux(port = 0): Promise<Cmux> {
  const record = new Recorder();
  const mcp = mcpHandler();
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing, record, mcp).catch((error: unknown) => {
      console.error(error);
      outgoing.destroy();
    });
  });
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", done);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}/mcp`,
    port: bound,
    seen: () => record.seen(),
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

class Recorder {
  readonly #tools: Record<string, number> = {};
  readonly #credentials = new Set<string>();
  #requests = 0;
  #headers: Record<string, string> = {};
  #body = "";

  note(headers: Headers, body: string): void {
    this.#requests += 1;
    this.#headers = Object.fromEntries(headers);
    this.#body = body;
    for (const name of ["authorization", "cookie"]) {
      const value = headers.get(name);
      if (value !== null) this.#credentials.add(value);
    }
    const tool = toolCalled(body);
    if (tool !== null) this.#tools[tool] = (this.#tools[tool] ?? 0) + 1;
  }

  seen(): Seen {
    return {
      tools: { ...this.#tools },
      requests: this.#requests,
      credentials: [...this.#credentials],
      headers: this.#headers,
      body: this.#body,
    };
  }
}

function toolCalled(body: string): string | null {
  try {
    const message: unknown = JSON.parse(body);
    const { method, params } = message as { method?: unknown; params?: { name?: unknown } };
    return method === "tools/call" ? String(params?.name) : null;
  } catch {
    return null;
  }
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  record: Recorder,
  mcp: (request: Request, body: string) => Promise<Response>,
): Promise<void> {
  const request = await readRequest(incoming, outgoing);
  const path = new URL(request.url).pathname;
  if (path === "/seen") return writeResponse(Response.json(record.seen()), outgoing);
  if (path !== "/mcp") return writeResponse(new Response("No such path.", { status: 404 }), outgoing);
  const body = await request.clone().text();
  record.note(request.headers, body);
  return writeResponse(await mcp(request, body), outgoing);
}

/**
 * Modern requests go to the SDK's own handler. Legacy ones get a server each: a plain JSON answer, or a stream for the
 * one tool that reports on its way, so that both kinds of answer pass the gateway.
 */
function mcpHandler(): (request: Request, body: string) => Promise<Response> {
  const terminal = new Terminal();
  const modern = createMcpHandler(() => cmuxServer(terminal), { legacy: "reject" });
  return async (request, body) => {
    if (!(await isLegacyRequest(request))) return modern.fetch(request);
    if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "POST" } });
    const server = cmuxServer(terminal);
    const transport = new WebStandardStreamableHTTPServerTransport({
      enableJsonResponse: toolCalled(body) !== "cmux_watch",
    });
    await server.connect(transport);
    return transport.handleRequest(request);
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
  const cmux = await startCmux(Number(values.port));
  console.log(cmux.url);
}
