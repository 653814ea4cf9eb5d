import { Client, LOG_LEVEL_META_KEY, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

/** What a client was asked for and told, apart from the answers to its own requests. */
export interface Heard {
  readonly asked: string[];
  readonly logged: string[];
  readonly updated: string[];
}

export interface CallOptions {
  readonly onprogress?: () => void;
  readonly signal?: AbortSignal;
  readonly timeout?: number;
}

/** The parts of the protocol that both packages' clients have, and how each hears and subscribes. */
export interface EraClient {
  readonly client: Pick<
    Client,
    | "listTools"
    | "listResources"
    | "listResourceTemplates"
    | "listPrompts"
    | "getPrompt"
    | "readResource"
    | "complete"
    | "discover"
  >;
  readonly era: "legacy" | "modern";
  readonly heard: Heard;
  /** The text of the answer; `logs` asks for lines to be written on the way. */
  call(
    tool: string,
    args?: Record<string, unknown>,
    options?: CallOptions & { logs?: boolean },
  ): Promise<string>;
  subscribe(uri: string): Promise<() => Promise<unknown>>;
  close(): Promise<void>;
}

const name = { name: "portcullis-tests", version: "1.0.0" };
const capabilities = { sampling: {}, elicitation: { form: {} }, roots: {} };
const authorized = (token: string) => ({
  requestInit: { headers: { Authorization: `Bearer ${token}` } },
  reconnectionOptions: {
    initialReconnectionDelay: 100,
    maxReconnectionDelay: 1000,
    reconnectionDelayGrowFactor: 1,
    maxRetries: 5,
  },
});

/** How every client here answers what a server asks for. */
const answers = {
  sampled: {
    role: "assistant" as const,
    content: { type: "text" as const, text: "Paris" },
    model: "a-model",
  },
  elicited: {
    action: "accept" as const,
    content: { name: "Alice", username: "alice", email: "a@example.com" },
  },
  roots: { roots: [{ uri: "file:///home/alice", name: "home" }] },
};

const textOf = (result: unknown): string =>
  (result as { content: { text?: string }[] }).content.map((part) => part.text ?? "").join("\n");

/** The client of `@modelcontextprotocol/sdk` 1.32, which knows the `initialize` era only. */
async function legacySdk(url: string, token: string): Promise<EraClient> {
  const client = new LegacyClient(name, { capabilities });
  const heard: Heard = { asked: [], logged: [], updated: [] };
  client.setRequestHandler(CreateMessageRequestSchema, () => {
    heard.asked.push("sampling");
    return answers.sampled;
  });
  client.setRequestHandler(ElicitRequestSchema, () => {
    heard.asked.push("elicitation");
    return answers.elicited;
  });
  client.setRequestHandler(ListRootsRequestSchema, () => {
    heard.asked.push("roots");
    return answers.roots;
  });
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    heard.logged.push(String(params.data));
  });
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    heard.updated.push(params.uri);
  });
  const transport = new LegacyTransport(new URL(url), authorized(token));
  await client.connect(transport as Parameters<LegacyClient["connect"]>[0]);
  return {
    client: client as unknown as EraClient["client"],
    era: "legacy",
    heard,
    call: async (tool, args = {}, { logs, ...options } = {}) => {
      if (logs) await client.setLoggingLevel("info");
      return textOf(await client.callTool({ name: tool, arguments: args }, undefined, options));
    },
    subscribe: async (uri) => {
      await client.subscribeResource({ uri });
      return () => client.unsubscribeResource({ uri });
    },
    close: () => client.close(),
  };
}

/** The client of `@modelcontextprotocol/client` 2.4, which speaks both eras. */
const bothEras =
  (mode: "auto" | "legacy" | { pin: string }) =>
  async (url: string, token: string): Promise<EraClient> => {
    const client = new Client(name, { capabilities, versionNegotiation: { mode } });
    const heard: Heard = { asked: [], logged: [], updated: [] };
    client.setRequestHandler("sampling/createMessage", () => {
      heard.asked.push("sampling");
      return answers.sampled;
    });
    client.setRequestHandler("elicitation/create", () => {
      heard.asked.push("elicitation");
      return answers.elicited;
    });
    client.setRequestHandler("roots/list", () => {
      heard.asked.push("roots");
      return answers.roots;
    });
    client.setNotificationHandler("notifications/message", ({ params }) => {
      heard.logged.push(String(params.data));
    });
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      heard.updated.push(params.uri);
    });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), authorized(token)));
    const era = client.getProtocolEra() ?? "legacy";
    return {
      client,
      era,
      heard,
      call: async (tool, args = {}, { logs, ...options } = {}) => {
        if (logs && era === "legacy") await client.setLoggingLevel("info");
        const meta = logs && era === "modern" ? { _meta: { [LOG_LEVEL_META_KEY]: "info" } } : {};
        return textOf(await client.callTool({ name: tool, arguments: args, ...meta }, options));
      },
      subscribe: async (uri) => {
        if (era === "modern") {
          const subscription = await client.listen({ resourceSubscriptions: [uri] });
          return () => subscription.close();
        }
        await client.subscribeResource({ uri });
        return () => client.unsubscribeResource({ uri });
      },
      close: () => client.close(),
    };
  };

type Connect = (url: string, token: string) => Promise<EraClient>;

/** The clients of our matrix, with the era that each speaks to a server of both. */
export const eraClients: readonly (readonly [name: string, era: EraClient["era"], connect: Connect])[] = [
  ["sdk 1.32", "legacy", legacySdk],
  ["client 2.4, probing", "modern", bothEras("auto")],
  ["client 2.4, pinned to 2026-07-28", "modern", bothEras({ pin: "2026-07-28" })],
  ["client 2.4, pinned to initialize", "legacy", bothEras("legacy")],
];
