import { randomUUID } from "node:crypto";
import {
  type McpServer,
  type ServerNotifier,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { MemoryEvents } from "./events.ts";

const headerName = "mcp-session-id";

/** One client of the `initialize` era. */
interface Session {
  readonly server: McpServer;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly subscribed: Set<string>;
}

/** The sessions of clients of the `initialize` era, each with a server of its own and a memory of what it was sent. */
export class Sessions implements ServerNotifier {
  readonly #open = new Map<string, Session>();
  readonly #make: () => McpServer;

  constructor(make: () => McpServer) {
    this.#make = make;
  }

  async handle(request: Request): Promise<Response> {
    const id = request.headers.get(headerName);
    const session = id === null ? await this.#begin() : this.#open.get(id);
    return session ? session.transport.handleRequest(request) : unknownSession();
  }

  async #begin(): Promise<Session> {
    const session: Session = {
      server: this.#make(),
      subscribed: new Set(),
      transport: new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        eventStore: new MemoryEvents(),
        retryInterval: 100,
        onsessioninitialized: (id) => {
          this.#open.set(id, session);
        },
        onsessionclosed: (id) => {
          this.#open.delete(id);
        },
      }),
    };
    const { server } = session.server;
    server.setRequestHandler("resources/subscribe", ({ params }) => {
      session.subscribed.add(params.uri);
      return {};
    });
    server.setRequestHandler("resources/unsubscribe", ({ params }) => {
      session.subscribed.delete(params.uri);
      return {};
    });
    await session.server.connect(session.transport);
    return session;
  }

  toolsChanged(): void {
    for (const { server } of this.#open.values()) server.sendToolListChanged();
  }

  promptsChanged(): void {
    for (const { server } of this.#open.values()) server.sendPromptListChanged();
  }

  resourcesChanged(): void {
    for (const { server } of this.#open.values()) server.sendResourceListChanged();
  }

  resourceUpdated(uri: string): void {
    for (const { server, subscribed } of this.#open.values()) {
      if (subscribed.has(uri)) void server.server.sendResourceUpdated({ uri });
    }
  }
}

const unknownSession = (): Response =>
  Response.json(
    { jsonrpc: "2.0", id: null, error: { code: -32001, message: "No such session." } },
    { status: 404 },
  );
