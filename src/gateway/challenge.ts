import { isFault } from "../fault.ts";
import { surfaceOf } from "./receive.ts";

/** The header in which only we ask for a token: an upstream's never comes back (protocol.md §5). */
export const challengeHeader = "WWW-Authenticate";

/**
 * How a request is told that it needs a token (RFC 6750 §3). At `/mcp` it hears where to get one (RFC 9728 §5.1), in the
 * same words whether there is such a gateway or not; at `/key` it does not, because there are clients that leave the
 * token they were given as soon as they find where to ask for another.
 */
export function challenge({ url, headers }: Pick<Request, "url" | "headers">, origin: string): string {
  const { pathname } = new URL(url);
  if (!pathname.startsWith("/mcp/") || isFault(surfaceOf(pathname))) return "Bearer";
  const known = `resource_metadata="${origin}/.well-known/oauth-protected-resource${pathname}", scope="mcp"`;
  return headers.has("Authorization") ? `Bearer error="invalid_token", ${known}` : `Bearer ${known}`;
}
