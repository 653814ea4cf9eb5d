import { type Fault, fault } from "../fault.ts";
import { type Batch, decodeBatch, isBatch } from "../mcp/batch.ts";
import { bodyBytesMax, decode, type Message, type Undecoded } from "../mcp/decode.ts";
import { concatenated } from "./rewrite.ts";

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

/**
 * The whole body, refused as soon as it is past 1 MiB. One that is framed by its Content-Length (RFC 9112 §6.3) can be no
 * longer than that, so the runtime reads it at once; any other is counted while reading.
 */
export async function readBody(request: Request): Promise<Uint8Array | Fault> {
  const announced = request.headers.get("Content-Length");
  if (Number(announced ?? 0) > bodyBytesMax) return tooLarge;
  const framed = announced !== null && !request.headers.has("Transfer-Encoding");
  return framed ? readAtOnce(request) : readCounting(request.body);
}

const tooLarge = fault("too_large", `A message may be ${bodyBytesMax} bytes at most.`);

async function readAtOnce(request: Request): Promise<Uint8Array | Fault> {
  const body = new Uint8Array(await request.arrayBuffer());
  return body.byteLength > bodyBytesMax ? tooLarge : body;
}

async function readCounting(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array | Fault> {
  if (!body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bodyBytesMax) return tooLarge;
    chunks.push(chunk);
  }
  return concatenated(chunks);
}

/** What a body says: one message or, at the revision that has them, a batch. */
export function messageIn(body: Uint8Array, headers: Headers): Message | Batch | Undecoded {
  const said = {
    protocolVersion: headers.get("MCP-Protocol-Version"),
    mcpMethod: headers.get("Mcp-Method"),
    mcpName: headers.get("Mcp-Name"),
    contentEncoding: headers.get("Content-Encoding"),
    contentType: headers.get("Content-Type"),
  };
  return isBatch(body) ? decodeBatch(body, said) : decode(body, said);
}
