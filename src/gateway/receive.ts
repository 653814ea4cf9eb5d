import { type Fault, fault } from "../fault.ts";
import { bodyBytesMax } from "../mcp/decode.ts";
import { concatenated } from "./list.ts";

/** Which gateway a URL names. `/mcp` and `/key` differ only in discovery, which is answered elsewhere. */
export interface Surface {
  readonly teamSlug: string;
  readonly serverSlug: string;
}

const surfacePath = /^\/(?:mcp|key)\/([a-z0-9][a-z0-9-]{0,62})\/([a-z0-9][a-z0-9-]{0,62})$/;

/** The team and server in a gateway path, or the same 404 that an absent one gets. */
export function surfaceOf(pathname: string): Surface | Fault {
  const [, teamSlug, serverSlug] = surfacePath.exec(pathname) ?? [];
  return teamSlug && serverSlug ? { teamSlug, serverSlug } : noSuchServer;
}

/** One text for every reason why a server is not there for this grant: a tenant never learns that another exists. */
export const noSuchServer = fault(
  "not_found",
  "There is no such server for this grant. Check the gateway URL, and that the grant includes the server.",
);

/** A browser's Origin must be our own (MCP 2025-11-25, transports: DNS rebinding); other clients send none. */
export function checkOrigin(headers: Headers, ownOrigin: string): Fault | null {
  const origin = headers.get("Origin");
  if (origin === null || origin === ownOrigin) return null;
  return fault("bad_origin", `Requests from the origin ${origin.slice(0, 200)} are not taken.`);
}

/** The whole body, refused as soon as it is past 1 MiB: counted while reading, whatever Content-Length says. */
export async function readBody(request: Request): Promise<Uint8Array | Fault> {
  const tooLarge = fault("too_large", `A message may be ${bodyBytesMax} bytes at most.`);
  if (Number(request.headers.get("Content-Length") ?? 0) > bodyBytesMax) return tooLarge;
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > bodyBytesMax) return tooLarge;
    chunks.push(chunk);
  }
  return concatenated(chunks);
}
