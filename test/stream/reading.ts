import type { IncomingHttpHeaders } from "node:http";
import { createParser } from "eventsource-parser";
import type { Script } from "./scripts.ts";

/** What the client got. `complete` is false where the body broke off. */
export interface Came {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly complete: boolean;
}

/** What is wrong with what the client read, by what its script promises. `body` is what the upstream wrote. */
export function misread(script: Script, came: Came, body: readonly Buffer[]): string[] {
  const broken: string[] = [];
  if (came.status !== script.status) broken.push(`status ${came.status}`);
  if (!came.complete) broken.push("the answer broke off");
  const upstream = Buffer.concat(body).toString("utf8");
  const packed = body[0]?.[0] === 0x1f;
  // The gateway's heart-beats.
  const text = came.text.replaceAll(":\n\n", "");
  const wrong =
    packed && script.reads !== "event" ? null : wrongly(script.reads, text, packed ? null : upstream);
  return wrong === null ? broken : [...broken, `${wrong}: ${came.text.slice(-300)}`];
}

function wrongly(reads: Script["reads"], text: string, upstream: string | null): string | null {
  switch (reads) {
    case "all":
      return text === upstream ? null : "not the upstream's bytes";
    case "error":
      return isError(text) ? null : "no JSON-RPC error";
    case "event": {
      const last = text.lastIndexOf("event: message\n");
      if (!isError(dataOf(text.slice(last)))) return "no JSON-RPC error at the end";
      return begins(upstream, text.slice(0, last)) ? null : "not its beginning";
    }
    case "end":
      return begins(upstream, text) ? null : "not its beginning";
    default:
      return "nothing is promised";
  }
}

const begins = (upstream: string | null, text: string): boolean =>
  upstream === null || upstream.startsWith(text.replace(/\n+$/, ""));

/** What a client reads in the one event. */
function dataOf(event: string): string {
  let data = "";
  createParser({
    onEvent: (read) => {
      data += read.data;
    },
  }).feed(event);
  return data;
}

/** Whether a client that waits for the answer to 1 takes it for its failure. */
function isError(text: string): boolean {
  try {
    const { jsonrpc, id, error } = JSON.parse(text);
    return jsonrpc === "2.0" && id === 1 && Number.isSafeInteger(error.code) && error.message !== "";
  } catch {
    return false;
  }
}
