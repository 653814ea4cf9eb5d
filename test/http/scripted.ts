import type { ServerResponse } from "node:http";
import { initialized, type Running, serve } from "./upstream-servers.ts";

export interface Definition {
  readonly name: string;
  readonly [member: string]: unknown;
}

interface Message {
  readonly id?: number | string;
  readonly method?: string;
}

/** How a server that follows a script answers calls: as one does, with a status alone, or never. */
export type Manner = "well" | "never" | number;

/** A server of the `initialize` era whose tools, and whose manners, a test changes while it runs. */
export interface Scripted extends Running {
  /** The JSON text of each definition that it lists. */
  tools: readonly string[];
  manner: Manner;
  /** How many tool calls have reached it. */
  readonly calls: number;
  /** How many streams wait for it to speak. */
  readonly listening: number;
  /** Says on every such stream that its tools have changed, cut in two in the middle of the words. */
  announce(): Promise<void>;
  /** Answers what it has not answered yet. */
  release(): void;
}

export async function startScripted(...tools: readonly Definition[]): Promise<Scripted> {
  const streams = new Set<ServerResponse>();
  const held: (() => void)[] = [];
  const state = { tools: tools.map((tool) => JSON.stringify(tool)), manner: "well" as Manner, calls: 0 };
  const running = await serve(async (incoming, outgoing) => {
    if (incoming.method === "GET") return listen(outgoing, streams);
    const message: Message = JSON.parse(await textOf(incoming));
    if (message.id === undefined) return void outgoing.writeHead(202).end();
    const isCall = message.method === "tools/call";
    if (isCall) state.calls++;
    if (typeof state.manner === "number") return void outgoing.writeHead(state.manner).end();
    const answer = () =>
      outgoing.writeHead(200, { "content-type": "application/json" }).end(bodyFor(message));
    if (isCall && state.manner === "never") held.push(answer);
    else answer();
  });
  const bodyFor = ({ id, method }: Message): string =>
    `{"jsonrpc":"2.0","id":${JSON.stringify(id)},${resultOf(method ?? "", state.tools)}}`;
  return Object.assign(Object.defineProperties(state, { listening: { get: () => streams.size } }), {
    ...running,
    announce: async () => {
      for (const stream of streams)
        stream.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_');
      await new Promise((done) => setTimeout(done, 50));
      for (const stream of streams) stream.write('changed"}\n\n');
    },
    release: () => {
      for (const answer of held.splice(0)) answer();
    },
  }) as unknown as Scripted;
}

function listen(outgoing: ServerResponse, streams: Set<ServerResponse>): void {
  outgoing.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n");
  streams.add(outgoing);
  outgoing.on("close", () => streams.delete(outgoing));
}

function resultOf(method: string, tools: readonly string[]): string {
  if (method === "initialize") return JSON.stringify(initialized).slice(1, -1);
  if (method === "tools/list") return `"result":{"tools":[${tools.join(",")}]}`;
  return '"result":{"content":[{"type":"text","text":"done"}]}';
}

async function textOf(incoming: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
