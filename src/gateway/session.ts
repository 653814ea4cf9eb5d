import { type Fault, fault } from "../fault.ts";
import type { Caller, Upstream } from "../gate/rpc.ts";
import type { Random, ServerId } from "../id.ts";
import type { Message } from "../mcp/decode.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import { openSession, sealSession } from "../upstream/session.ts";

/** The header that carries a session, in both directions; the client's is sealed, the upstream's is raw. */
export const sessionHeader = "Mcp-Session-Id";

/** The capability of a client that can send its user to a URL (MCP 2025-11-25, elicitation). */
export const urlElicitation = "elicitation.url";

/** A session that the client brought: what it sent, and what was inside. */
export interface Session {
  readonly sealed: string;
  readonly upstreamId: string;
  readonly server: ServerId;
  readonly clientName?: string;
  /** What its client said it can do, such as `elicitation.url`. */
  readonly capabilities: readonly string[];
}

// A session that is used is renewed by its server long before; one that is not ends here.
const lifetimeMs = 30 * 24 * 3_600_000;
const revisionCharsMax = 32;

/** One answer for an id that is not ours, another grant's, or over (MCP 2025-11-25, transports: 404 starts a new session). */
export const noSuchSession: Fault = fault(
  "not_found",
  "There is no such session. Start again with `initialize`.",
);

/** Seals upstream sessions to the grant and server they were opened through; nothing is stored, so a restart ends none. */
export class Sessions {
  readonly #master: MasterKeys;
  readonly #random: Random;

  constructor(master: MasterKeys, random: Random) {
    this.#master = master;
    this.#random = random;
  }

  /** The session that the client names; null where it names none. */
  async open(headers: Headers, caller: Caller, nowMs: number): Promise<Session | null | Fault> {
    const sealed = headers.get(sessionHeader);
    if (sealed === null) return null;
    const opened = await openSession(this.#master, ownerOf(caller), sealed, nowMs);
    if (!opened) return noSuchSession;
    const { id, server, clientName, capabilities = [] } = opened;
    const named = clientName === undefined ? {} : { clientName };
    return { sealed, upstreamId: id, server, capabilities, ...named };
  }

  /** What the client gets for the upstream's session id; null where the upstream named none. */
  async seal(
    answer: Headers,
    caller: Caller,
    upstream: Upstream,
    session: Session | null,
    message: Message | null,
    nowMs: number,
  ): Promise<string | null> {
    const id = answer.get(sessionHeader);
    if (id === null) return null;
    if (session?.upstreamId === id) return session.sealed;
    const clientName = message?.clientName;
    const revision = message?.params?.get("protocolVersion");
    const opened = {
      id,
      server: upstream.serverId,
      expiresAtMs: nowMs + lifetimeMs,
      ...(clientName === undefined ? {} : { clientName }),
      ...(typeof revision === "string" && revision.length <= revisionCharsMax ? { revision } : {}),
      ...(message?.elicitsUrls ? { capabilities: [urlElicitation] } : {}),
    };
    return sealSession(this.#master, ownerOf(caller), opened, this.#random);
  }
}

const ownerOf = (caller: Caller) => ({ team: caller.team, grant: caller.grant, server: caller.serverSlug });
