import { type Fault, isFault } from "../fault.ts";
import type { Message } from "../mcp/decode.ts";
import { openHandles } from "../mcp/handle.ts";
import { headersOut } from "../mcp/headers.ts";
import { encodeName } from "../mcp/mirror.ts";
import { mirroredName } from "../mcp/target.ts";
import type { Handles } from "./request_state.ts";

/** What goes to the server for a client's request: the headers that may, and the message with the server's own handles in it. */
export function outgoing(
  request: Request,
  message: Message | null,
  { open }: Handles,
): { readonly headers: Headers; readonly body?: Uint8Array } | Fault {
  const headers = headersOut(request.headers, message?.era ?? "legacy");
  if (!message) return { headers };
  const opened = openHandles(message, open);
  if (isFault(opened)) return opened;
  const name = opened === message ? null : mirroredName(opened.method, opened.params);
  if (name !== null && headers.has("Mcp-Name")) headers.set("Mcp-Name", encodeName(name));
  return { headers, body: opened.body };
}
