import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

// The smallest MCP server over Streamable HTTP, without sessions, that a peer agrees to front: what is measured is the
// way to it. What a call's answer is, its arguments say (`bodyOf` in calls.ts).

interface Asked {
  readonly id?: string | number;
  readonly method: string;
  readonly params?: {
    readonly protocolVersion?: string;
    readonly arguments?: { readonly stream?: boolean; readonly bytes?: number; readonly pauseMs?: number };
    readonly _meta?: { readonly progressToken?: string | number };
  };
}

// Twenty, as the policy of the run has rules.
const tools = Array.from({ length: 20 }, (_, i) => ({ name: `tool_${i}`, inputSchema: { type: "object" } }));
const eventsAStream = 10;
const filling = new Map<number, string>();

function filler(bytes: number): string {
  const text = filling.get(bytes) ?? "x".repeat(bytes);
  filling.set(bytes, text);
  return text;
}

const messageOf = (id: Asked["id"], result: object): string => JSON.stringify({ jsonrpc: "2.0", id, result });
const called = (bytes: number): object => ({ content: [{ type: "text", text: filler(bytes) }] });

function resultOf({ method, params }: Asked): object | null {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "bench", version: "1" },
      };
    case "tools/list":
      return { tools };
    case "ping":
      return {};
    case "tools/call":
      return called(params?.arguments?.bytes ?? 100);
    default:
      return null;
  }
}

/** Nine progress events and the result share the bytes; the first leaves at once, the others after the pause. */
function stream(outgoing: ServerResponse, { id, params }: Asked): void {
  const part = Math.ceil((params?.arguments?.bytes ?? 100) / eventsAStream);
  const event = (message: string): void => void outgoing.write(`event: message\ndata: ${message}\n\n`);
  const progress = (count: number): void => {
    const said = { progressToken: params?._meta?.progressToken, progress: count, message: filler(part) };
    event(JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params: said }));
  };
  outgoing.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  progress(1);
  const others = (): void => {
    for (let count = 2; count < eventsAStream; count++) progress(count);
    event(messageOf(id, called(part)));
    outgoing.end();
  };
  const pauseMs = params?.arguments?.pauseMs ?? 0;
  if (pauseMs > 0) setTimeout(others, pauseMs);
  else setImmediate(others);
}

function answer(outgoing: ServerResponse, asked: Asked): void {
  if (asked.id === undefined) outgoing.writeHead(202).end();
  else if (asked.params?.arguments?.stream) stream(outgoing, asked);
  else whole(outgoing, asked);
}

function whole(outgoing: ServerResponse, asked: Asked): void {
  const result = resultOf(asked);
  const error = { code: -32601, message: "there is no such method" };
  const text = result ? messageOf(asked.id, result) : JSON.stringify({ jsonrpc: "2.0", id: asked.id, error });
  const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
  outgoing.writeHead(200, headers).end(text);
}

const server = createServer((incoming, outgoing) => {
  if (incoming.method !== "POST") {
    outgoing.writeHead(405).end();
    return;
  }
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => answer(outgoing, JSON.parse(Buffer.concat(chunks).toString()) as Asked));
});
server.keepAliveTimeout = 60_000;
// A thousand connections may come at once (npm run bench:scale): what does not fit waits for seconds, and is timed.
server.listen(0, "127.0.0.1", 4_096, () => {
  console.log((server.address() as AddressInfo).port);
});
