import { createRequestStateCodec, McpServer, type ServerNotifier } from "@modelcontextprotocol/server";
import { type Rounds, registerAskingTools } from "./asking_tools.ts";
import { registerChangingTools } from "./changing_tools.ts";
import { registerPlainTools } from "./plain_tools.ts";
import { registerPrompts } from "./prompts.ts";
import { registerReportingTools, type Waits } from "./reporting_tools.ts";
import { registerResources } from "./resources.ts";

const shared = { ttlMs: 1_000, cacheScope: "public" } as const;
const rounds: Rounds = createRequestStateCodec({ key: crypto.getRandomValues(new Uint8Array(32)) });

/** A server with everything that the conformance suite expects of one, for one session or one request. */
export function examServer(tell: ServerNotifier, waits: Waits): McpServer {
  const server = new McpServer(
    { name: "exam", version: "1.0.0" },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
      },
      requestState: { verify: rounds.verify },
      // As a server says that has no idea of grants.
      cacheHints: {
        "tools/list": shared,
        "prompts/list": shared,
        "resources/list": shared,
        "resources/templates/list": shared,
        "server/discover": shared,
      },
    },
  );
  registerPlainTools(server);
  registerReportingTools(server, waits);
  registerAskingTools(server, rounds);
  registerChangingTools(server, tell);
  registerPrompts(server);
  registerResources(server);
  return server;
}
