import { isFault } from "../fault.ts";
import type { Listed } from "../gate/rpc.ts";
import type { Message } from "../mcp/decode.ts";
import { filterListBody, filterListFrame, type Keep } from "../mcp/list.ts";
import { type SseFrame, SseFramer } from "../mcp/sse.ts";
import { listFilter } from "../policy/list.ts";
import { definitionHash } from "../upstream/definition.ts";

/** What rewrites a body on its way: bytes in (null at the end), bytes out; null for what must not pass. */
export type Rewrite = (chunk: Uint8Array | null) => Uint8Array | null;

const listing = new Set([
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "prompts/list",
  "server/discover",
]);

/**
 * The rewrite that leaves in a list only what the grant may see; null where the answer holds none. `message` is null for a
 * GET, whose stream may replay any earlier answer. `drifted` hears of a tool whose definition no look has seen.
 */
export function listRewrite(
  message: Message | null,
  streamed: boolean,
  listed: Listed,
  drifted: () => void,
): Rewrite | null {
  if (message !== null && !listing.has(message.method)) return null;
  const method = message?.method ?? null;
  const keep = keepOf(listed, drifted);
  return streamed ? rewriteStream(method, keep) : rewriteJson(method, keep);
}

function keepOf(listed: Listed, drifted: () => void): Keep {
  const others = new Set(listed.others);
  return {
    tool: (name, definition) => {
      const hash = definitionHash(definition);
      const shown = listed.tools.get(name) === hash;
      if (!shown && !others.has(hash)) drifted();
      return shown;
    },
    resource: listFilter(listed.resources),
    prompt: listFilter(listed.prompts),
  };
}

const nothing = new Uint8Array();

function rewriteStream(method: string | null, keep: Keep): Rewrite {
  const framer = new SseFramer();
  return (chunk) => {
    const frames = chunk === null ? lastFrame(framer) : framer.push(chunk);
    if (isFault(frames)) return null;
    const rewritten: Uint8Array[] = [];
    for (const frame of frames) {
      const bytes = filterListFrame(method, frame, keep);
      if (isFault(bytes)) return null;
      rewritten.push(bytes);
    }
    return concatenated(rewritten);
  };
}

function lastFrame(framer: SseFramer): readonly SseFrame[] {
  const frame = framer.end();
  return frame ? [frame] : [];
}

function rewriteJson(method: string | null, keep: Keep): Rewrite {
  const chunks: Uint8Array[] = [];
  return (chunk) => {
    if (chunk !== null) {
      chunks.push(chunk);
      return nothing;
    }
    const body = concatenated(chunks);
    if (body.byteLength === 0) return body;
    const filtered = filterListBody(method, body, keep);
    return isFault(filtered) ? null : new TextEncoder().encode(filtered);
  };
}

const changeNotice = "list_changed";

/**
 * Hears in a stream's bytes, however they are cut, that a server says its lists have changed, and tells `changed`. The words
 * alone are enough: to look once too often harms nobody, and a list that passes is compared whatever a server says.
 */
export function hearChanges(changed: () => void): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder("latin1");
  let tail = "";
  return (chunk) => {
    const text = tail + decoder.decode(chunk);
    if (text.includes(changeNotice)) changed();
    tail = text.slice(1 - changeNotice.length);
  };
}

/** The chunks as one. */
export function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
