import { isFault } from "../fault.ts";
import type { JsonObject } from "../json/value.ts";
import { type Answer, type Budget, readAnswer } from "./answer.ts";
import { type FetchDeps, guardedFetch } from "./fetch.ts";

/** Why a server could not be talked to, in words for the person who registered it. */
export interface Trouble {
  readonly why: "unreachable" | "not_mcp" | "needs_sign_in";
  readonly detail: string;
  /** The JSON-RPC error's code, where the server understood and refused. */
  readonly code?: string;
}

export const isTrouble = (value: object): value is Trouble => "why" in value;

const trouble = (why: Trouble["why"], detail: string): Trouble => ({ why, detail });

const agent = { name: "portcullis", version: "0.1.0" };
const legacyRevision = "2025-11-25";
const modernRevision = "2026-07-28";
const answerBytesMax = 4 * 1_048_576;
// Some servers list a tool only to a client that can do what it will ask for, and what a look misses nobody may call.
const ableTo = { roots: {}, sampling: {}, elicitation: { form: {}, url: {} } };
const tasks = {
  list: {},
  cancel: {},
  requests: { sampling: { createMessage: {} }, elicitation: { create: {} } },
};
const capabilities = { ...ableTo, tasks };
const closeMs = 5_000;

/** One MCP server as we talk to it during a look: either in the era with `initialize` and sessions, or in the one without. */
export class Peer {
  readonly #deps: FetchDeps;
  readonly #url: string;
  readonly #credential: Readonly<Record<string, string>>;
  readonly #deadline: AbortSignal;
  readonly #deadlineMs: number;
  readonly #budget: Budget = { bytes: answerBytesMax };
  #era: "legacy" | "modern" = "legacy";
  #revision: string | null = null;
  #session: string | null = null;
  #lastId = 0;

  constructor(
    deps: FetchDeps,
    url: string,
    credential: Readonly<Record<string, string>>,
    deadlineMs: number,
  ) {
    this.#deps = deps;
    this.#url = url;
    this.#credential = credential;
    this.#deadlineMs = deadlineMs;
    this.#deadline = AbortSignal.timeout(deadlineMs);
  }

  /** The handshake up to 2025-11-25: `initialize`, then the notification that it is over. Null where it went well. */
  async initialize(): Promise<Trouble | null> {
    const params = { protocolVersion: legacyRevision, capabilities, clientInfo: agent };
    const result = await this.request("initialize", params);
    if (isTrouble(result)) return result;
    const revision = result.get("protocolVersion");
    if (typeof revision !== "string" || !/^[\x21-\x7e]{1,32}$/.test(revision)) {
      return trouble("not_mcp", "The answer to initialize names no protocol version.");
    }
    this.#revision = revision;
    const told = await this.#post({ jsonrpc: "2.0", method: "notifications/initialized" });
    if (told instanceof Response) await told.body?.cancel();
    return told instanceof Response ? null : told;
  }

  /** From here on: 2026-07-28, where every request says for itself what `initialize` said. */
  speakModern(): void {
    this.#era = "modern";
    this.#revision = modernRevision;
    this.#session = null;
  }

  /** One request and its answer's result. */
  async request(method: string, params: Record<string, unknown>): Promise<JsonObject | Trouble> {
    const id = ++this.#lastId;
    const meta = this.#era === "modern" ? { _meta: modernMeta } : {};
    const response = await this.#post({ jsonrpc: "2.0", id, method, params: { ...params, ...meta } });
    if (!(response instanceof Response)) return response;
    // Only a handshake gives a session; a later answer must not swap it.
    if (method === "initialize") this.#session = response.headers.get("Mcp-Session-Id");
    const answer = await this.#read(response, id);
    if (answer === "none")
      return trouble("not_mcp", `The server answered ${method} with ${shown(response)}.`);
    if ("error" in answer) return refusedBy(method, answer.error);
    return "result" in answer ? answer.result : answer;
  }

  /** Ends the session at the server, if there is one. A server that will not is no concern of ours. */
  async close(): Promise<void> {
    if (this.#session === null) return;
    const init = { method: "DELETE", headers: this.#headers(null) };
    const caps = { bytesMax: 65_536, timeoutMs: closeMs };
    const ended = await guardedFetch(this.#deps, this.#url, init, caps);
    if (!isFault(ended)) await ended.body?.cancel();
  }

  async #post(message: Record<string, unknown> & { readonly method: string }): Promise<Response | Trouble> {
    const init = {
      method: "POST",
      headers: this.#headers(message.method),
      body: JSON.stringify(message),
      signal: this.#deadline,
    };
    const caps = { bytesMax: Math.max(0, this.#budget.bytes), timeoutMs: this.#deadlineMs };
    const response = await guardedFetch(this.#deps, this.#url, init, caps);
    if (isFault(response)) return this.#unfetched(response.fault, response.detail);
    const refused = refusedStatus(response.status);
    if (refused) await response.body?.cancel();
    return refused ?? response;
  }

  async #read(response: Response, id: number): Promise<Answer | Trouble> {
    try {
      return await readAnswer(response, id, this.#budget);
    } catch (error) {
      if (this.#deadline.aborted) return this.#late();
      return error instanceof RangeError
        ? trouble("not_mcp", `The answers are longer than ${answerBytesMax} bytes.`)
        : trouble("unreachable", "The server broke off its answer.");
    }
  }

  #unfetched(code: string, detail: string): Trouble {
    if (this.#deadline.aborted) return this.#late();
    return trouble(code === "upstream_bad" ? "not_mcp" : "unreachable", detail);
  }

  #late(): Trouble {
    return trouble("unreachable", `The server took longer than ${this.#deadlineMs / 1000} s.`);
  }

  #headers(method: string | null): Headers {
    const headers = new Headers({
      Accept: "application/json, text/event-stream",
      "Content-Type": "application/json",
      "User-Agent": `${agent.name}/${agent.version}`,
    });
    if (this.#revision !== null) headers.set("MCP-Protocol-Version", this.#revision);
    if (this.#session !== null) headers.set("Mcp-Session-Id", this.#session);
    if (this.#era === "modern" && method !== null) headers.set("Mcp-Method", method);
    for (const [name, value] of Object.entries(this.#credential)) headers.set(name, value);
    return headers;
  }
}

const modernMeta = {
  "io.modelcontextprotocol/protocolVersion": modernRevision,
  "io.modelcontextprotocol/clientCapabilities": {
    ...ableTo,
    extensions: { "io.modelcontextprotocol/tasks": {} },
  },
  "io.modelcontextprotocol/clientInfo": agent,
};

/** A status that says enough by itself. Other 4xx may carry a JSON-RPC error, which says more. */
function refusedStatus(status: number): Trouble | null {
  if (status === 401 || status === 403 || status === 407) {
    return trouble("needs_sign_in", `The server answered ${status}: it wants a credential, or another one.`);
  }
  const busy = status >= 500 || status === 408 || status === 429;
  return busy ? trouble("unreachable", `The server answered ${status}.`) : null;
}

const shown = (response: Response): string =>
  `${response.status} and no JSON-RPC message (${(response.headers.get("Content-Type") ?? "no content type").slice(0, 80)})`;

const refusedBy = (method: string, error: { code: string; message: string }): Trouble => ({
  why: "not_mcp",
  detail: `The server refused ${method}: ${error.code} ${error.message}`.trim(),
  code: error.code,
});
