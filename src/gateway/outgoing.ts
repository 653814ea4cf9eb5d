import { type Fault, isFault } from "../fault.ts";
import type { Batch } from "../mcp/batch.ts";
import type { Message } from "../mcp/decode.ts";
import { type Open, openHandles } from "../mcp/handle.ts";
import { headersOut } from "../mcp/headers.ts";
import { encodeName } from "../mcp/mirror.ts";
import { mirroredName } from "../mcp/target.ts";
import { concatenated } from "./rewrite.ts";

/** What goes to the server for a client's request: the headers that may, and the message with the server's own handles in it. */
export function outgoing(
  request: Request,
  message: Message | Batch | null,
  open: Open,
): { readonly headers: Headers; readonly body?: Uint8Array } | Fault {
  if (!message) return { headers: headersOut(request.headers, "legacy") };
  if ("members" in message) return batchOut(request, message, open);
  const headers = headersOut(request.headers, message.era);
  const opened = openHandles(message, open);
  if (isFault(opened)) return opened;
  const name = opened === message ? null : mirroredName(opened.method, opened.params);
  if (name !== null && headers.has("Mcp-Name")) headers.set("Mcp-Name", encodeName(name));
  return { headers, body: opened.body };
}

function batchOut(request: Request, { members }: Batch, open: Open) {
  const parts: Uint8Array[] = [];
  for (const member of members) {
    const opened = openHandles(member, open);
    if (isFault(opened)) return opened;
    parts.push(parts.length === 0 ? opening : comma, opened.body);
  }
  return { headers: headersOut(request.headers, "legacy"), body: concatenated([...parts, closing]) };
}

const [opening, comma, closing] = [Uint8Array.of(0x5b), Uint8Array.of(0x2c), Uint8Array.of(0x5d)];
