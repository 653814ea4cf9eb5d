import { type Fault, isFault } from "../fault.ts";
import type { Json, JsonObject } from "../json/value.ts";
import { type Category, classify, type Evidence, type Flag, type Level } from "../risk/classify.ts";
import { canonicalDefinition, definitionHash } from "./definition.ts";
import type { FetchDeps } from "./fetch.ts";
import { judgeUrl } from "./guard.ts";
import { isTrouble, Peer, type Trouble } from "./peer.ts";

/** A tool as a look found it. `definition` is canonical JSON, and `hash` its SHA-256 in hex: the pin. */
export interface SeenTool {
  readonly name: string;
  readonly hash: string;
  readonly definition: string;
  readonly category: Category;
  readonly level: Level;
  readonly flags: readonly Flag[];
  readonly evidence: readonly Evidence[];
}

/** What a look at a server found. `dropped` names what it lists but nobody may call, for the person to see. */
export type Look =
  | { readonly state: "ready"; readonly tools: readonly SeenTool[]; readonly dropped: readonly string[] }
  | { readonly state: "pending"; readonly why: Trouble["why"]; readonly detail: string };

export interface EnrolDeps extends FetchDeps {
  /** How long the whole look may take; 30 s where absent. */
  readonly deadlineMs?: number;
}

const deadlineMsDefault = 30_000;
const toolsMax = 2_000;
// A page of one tool each is allowed; a server that pages on for ever is not.
const pagesMax = 2_000;

/**
 * Connects to a server as an MCP client and lists its tools, classed and hashed; only looks, calls nothing. Tries the
 * revisions with `initialize` first, as most servers speak them, then 2026-07-28. A Fault only where the guard refuses the URL.
 */
export async function enrol(
  deps: EnrolDeps,
  url: string,
  credential: Readonly<Record<string, string>>,
): Promise<Look | Fault> {
  const judged = judgeUrl(url, deps.rules);
  if (isFault(judged)) return judged;
  const peer = new Peer(deps, judged.url.href, credential, deps.deadlineMs ?? deadlineMsDefault);
  const listed = await listAsEither(peer);
  return isTrouble(listed) ? { state: "pending", why: listed.why, detail: listed.detail } : lookOf(listed);
}

async function listAsEither(peer: Peer): Promise<Json[] | Trouble> {
  const refused = await peer.initialize();
  if (refused === null) {
    const listed = await listTools(peer);
    await peer.close();
    // A server without tools need not know the method; its `initialize` has shown that it is an MCP server.
    return isTrouble(listed) && listed.code === "-32601" ? [] : listed;
  }
  if (refused.why !== "not_mcp") return refused;
  peer.speakModern();
  const listed = await listTools(peer);
  // What the newer revision was refused with is news only where it is of another kind.
  return isTrouble(listed) && listed.why === "not_mcp" ? refused : listed;
}

async function listTools(peer: Peer): Promise<Json[] | Trouble> {
  const tools: Json[] = [];
  const cursors = new Set<string>();
  let params: { cursor?: string } = {};
  while (cursors.size < pagesMax) {
    const page = await peer.request("tools/list", params);
    if (isTrouble(page)) return page;
    const found = page.get("tools");
    if (!Array.isArray(found)) return notMcp("The answer to tools/list has no list of tools.");
    tools.push(...found);
    if (tools.length > toolsMax) return notMcp(`The server lists more than ${toolsMax} tools.`);
    const cursor = page.get("nextCursor");
    if (typeof cursor !== "string") return tools;
    if (cursors.has(cursor)) break;
    cursors.add(cursor);
    params = { cursor };
  }
  return notMcp("The pages of tools/list go round in a circle.");
}

const notMcp = (detail: string): Trouble => ({ why: "not_mcp", detail });

function lookOf(listed: readonly Json[]): Look {
  const found = new Map<string, JsonObject>();
  const dropped = new Set<string>();
  for (const tool of listed) {
    const name = nameOf(tool);
    // Of two tools with one name nobody knows which a call would run, so neither can be called.
    if (!(tool instanceof Map) || !isToolName(name) || found.has(name)) dropped.add(name.slice(0, 128));
    else found.set(name, tool);
  }
  const tools = [...found].filter(([name]) => !dropped.has(name)).map(([name, tool]) => seen(name, tool));
  return { state: "ready", tools, dropped: [...dropped] };
}

function nameOf(tool: Json): string {
  const name = tool instanceof Map ? tool.get("name") : undefined;
  return typeof name === "string" ? name : "(no name)";
}

/** security.md §2: other names could hide characters from the person who reads them. */
const isToolName = (name: string): boolean => /^[A-Za-z0-9_.-]{1,128}$/.test(name);

function seen(name: string, tool: JsonObject): SeenTool {
  const { category, level, flags, evidence } = classify(tool);
  const pin = { hash: definitionHash(tool), definition: canonicalDefinition(tool) };
  return { name, ...pin, category, level, flags, evidence };
}
