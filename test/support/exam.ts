import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
  type ServerNotifier,
} from "@modelcontextprotocol/server";
import type { Waits } from "./exam/reporting_tools.ts";
import { examServer } from "./exam/server.ts";
import { Sessions } from "./exam/sessions.ts";
import { readRequest, writeResponse } from "./node-http.ts";

export interface Exam {
  readonly url: string;
  readonly port: number;
  readonly waits: Readonly<Waits>;
  stop(): Promise<void>;
}

/** Serves what the conformance suite expects, on 127.0.0.1, to clients of both eras on one URL; port 0 takes a free one. */
export async function startExam(port = 0): Promise<Exam> {
  const waits: Waits = { begun: 0, cancelled: 0 };
  const mcp = mcpHandler(waits);
  const server = createServer((incoming, outgoing) => {
    readRequest(incoming, outgoing)
      .then(async (request) => writeResponse(await mcp(request), outgoing))
      .catch((error: unknown) => {
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
    waits,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function mcpHandler(waits: Waits): (request: Request) => Promise<Response> {
  const sessions = new Sessions(() => examServer(tell, waits));
  const modern = createMcpHandler(() => examServer(tell, waits), { legacy: "reject" });
  const tell = both(sessions, modern.notify);
  return async (request) => {
    const stranger =
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
      originValidationResponse(request, localhostAllowedOrigins());
    if (stranger) return stranger;
    return (await isLegacyRequest(request)) ? sessions.handle(request) : modern.fetch(request);
  };
}

/** Tells the listeners of both eras. */
function both(first: ServerNotifier, second: ServerNotifier): ServerNotifier {
  const each = (tell: (one: ServerNotifier) => void): void => [first, second].forEach(tell);
  return {
    toolsChanged: () => each((one) => one.toolsChanged()),
    promptsChanged: () => each((one) => one.promptsChanged()),
    resourcesChanged: () => each((one) => one.resourcesChanged()),
    resourceUpdated: (uri) => each((one) => one.resourceUpdated(uri)),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
  console.log((await startExam(Number(values.port))).url);
}
