import type { AuthorizationServer } from "./authorization_server.ts";

interface RpcRequest {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly name?: string };
}

const tools = ["whoami", "administer"].map((name) => ({
  name,
  description: "Says whose account is used.",
  inputSchema: { type: "object" },
  annotations: { readOnlyHint: true },
}));

/** An MCP server that takes nothing but its authorization server's tokens: `whoami`, and `administer` for the scope `admin`. */
export class ProtectedServer {
  readonly url: string;
  readonly #gives: () => AuthorizationServer;
  /** Over its metadata; undefined takes a member out. */
  metadata: Record<string, unknown> = {};
  /** What its refusal says, instead. */
  challenge: string | null = null;
  /** Tool calls that were run, by the account. */
  readonly ran: string[] = [];
  /** The tokens that came. */
  readonly tokens: string[] = [];

  constructor(url: string, gives: () => AuthorizationServer) {
    this.url = url;
    this.#gives = gives;
  }

  async handle(request: Request): Promise<Response> {
    const { origin, pathname } = new URL(this.url);
    const asked = new URL(request.url).pathname;
    if (asked === `/.well-known/oauth-protected-resource${pathname}`) {
      const { issuer } = this.#gives();
      return Response.json({
        resource: this.url,
        authorization_servers: [issuer],
        scopes_supported: ["read"],
        ...this.metadata,
      });
    }
    if (asked !== pathname) return new Response("no such page", { status: 404 });
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const token = /^Bearer (.+)$/.exec(request.headers.get("Authorization") ?? "")?.[1] ?? "";
    if (token !== "") this.tokens.push(token);
    const access = this.#gives().accepts(token, this.url);
    const metadata = `${origin}/.well-known/oauth-protected-resource${pathname}`;
    if (!access) return challenged(401, this.challenge ?? `Bearer resource_metadata="${metadata}"`);
    return this.#answer(JSON.parse(await request.text()), access);
  }

  #answer(
    { id, method, params }: RpcRequest,
    { account, scope }: { account: string; scope: string },
  ): Response {
    if (id === undefined) return new Response(null, { status: 202 });
    const session = method === "initialize" ? { "Mcp-Session-Id": "s1" } : undefined;
    const result = (body: unknown) =>
      Response.json({ jsonrpc: "2.0", id, result: body }, { headers: session ?? {} });
    switch (method) {
      case "initialize":
        return result({
          protocolVersion: "2025-11-25",
          capabilities: { tools: {} },
          serverInfo: { name: "protected", version: "1" },
        });
      case "tools/list":
        return result({ tools });
      case "tools/call": {
        if (params?.name === "administer" && !scope.split(" ").includes("admin")) {
          return challenged(403, 'Bearer error="insufficient_scope", scope="admin"');
        }
        this.ran.push(account);
        return result({ content: [{ type: "text", text: account }] });
      }
      default:
        return Response.json({ jsonrpc: "2.0", id, error: { code: -32601, message: "no" } });
    }
  }
}

const challenged = (status: number, text: string): Response =>
  new Response("no", { status, headers: { "WWW-Authenticate": text } });
