import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tools } from "./team.ts";

/** A call as the upstream got it. */
export interface Seen {
  readonly id: string;
  readonly tool: string;
  /** When its first byte was here, by the same clock as the gateway's. */
  readonly atMs: number;
}

/** An MCP server that answers every call after a while, in JSON or as a stream, and forgets none: it is not what gets killed. */
export class Witness {
  readonly seen: Seen[] = [];
  /** Calls that broke off before they could be read whole. */
  broken = 0;
  readonly #server: Server;
  readonly #random: () => number;

  private constructor(random: () => number) {
    this.#random = random;
    this.#server = createServer((incoming, outgoing) => this.#hear(incoming, outgoing));
  }

  static async start(random: () => number): Promise<Witness> {
    const witness = new Witness(random);
    await new Promise<void>((done) => witness.#server.listen(0, "127.0.0.1", done));
    return witness;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  /** Resolves when every byte that a killed gateway still sent has arrived: its connections are gone. */
  async quiet(): Promise<void> {
    const open = () => new Promise<number>((done) => this.#server.getConnections((_, count) => done(count)));
    while ((await open()) > 0) await new Promise((done) => setTimeout(done, 5));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #hear(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const atMs = Date.now();
    let body = "";
    incoming.setEncoding("utf8");
    incoming.on("data", (chunk: string) => {
      body += chunk;
    });
    incoming.on("error", () => undefined);
    incoming.on("close", () => {
      if (!incoming.complete) this.broken++;
    });
    incoming.on("end", () => {
      const message = JSON.parse(body);
      if (message.method !== "tools/call") return introduce(message, outgoing);
      const { name, arguments: args } = message.params;
      this.seen.push({ id: args.id, tool: name, atMs });
      setTimeout(() => this.#answer(outgoing), this.#random() * 30);
    });
  }

  #answer(outgoing: ServerResponse): void {
    const text = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      result: { content: [{ type: "text", text: "done" }] },
    });
    if (this.#random() < 0.7) {
      outgoing.writeHead(200, { "Content-Type": "application/json" }).end(text);
      return;
    }
    outgoing.writeHead(200, { "Content-Type": "text/event-stream" }).write(": working\n\n");
    setTimeout(() => outgoing.end(`data: ${text}\n\n`), this.#random() * 30);
  }
}

/** What a gateway asks when the server is registered. */
function introduce({ id, method }: { id?: number; method: string }, outgoing: ServerResponse): void {
  const results: Readonly<Record<string, unknown>> = {
    initialize: {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "witness", version: "1" },
    },
    "tools/list": { tools: tools.map((name) => ({ name, inputSchema: { type: "object" } })) },
  };
  const result = results[method];
  if (!result) return void outgoing.writeHead(202).end();
  outgoing.writeHead(200, { "Content-Type": "application/json" });
  outgoing.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
}
