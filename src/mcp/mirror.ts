import { type Fault, fault } from "../fault.ts";
import type { Envelope } from "./envelope.ts";
import { trimSpace } from "./revision.ts";
import { mirroredName } from "./target.ts";

/** The headers that repeat the body, as they came; null where absent. */
export interface Mirrors {
  readonly mcpMethod: string | null;
  readonly mcpName: string | null;
}

/**
 * Whether a modern message's `Mcp-Method` and `Mcp-Name` say what its body says (MCP 2026-07-28, transports). `required`:
 * the body claims the modern revision, so a request must have them. Null where they agree.
 */
export function checkMirrors(envelope: Envelope, headers: Mirrors, required: boolean): Fault | null {
  const needed = required && envelope.kind === "request";
  const method = envelope.kind === "response" ? null : envelope.method;
  return (
    compare("Mcp-Method", headers.mcpMethod && trimSpace(headers.mcpMethod), method, needed) ??
    compare("Mcp-Name", decodeName(headers.mcpName), mirroredName(envelope.method, envelope.params), needed)
  );
}

function compare(
  header: string,
  said: string | null | Fault,
  meant: string | null,
  needed: boolean,
): Fault | null {
  if (said !== null && typeof said !== "string") return said;
  if (said === meant || (said === null && !needed)) return null;
  return fault(
    "header_mismatch",
    `The ${header} header ${said === null ? "is missing" : "contradicts the body"}.`,
  );
}

const wrapped = /^=\?base64\?(.*)\?=$/s;
const canonicalBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The name in the header: plain, or UTF-8 in base64 behind a marker (MCP 2026-07-28, value encoding). */
function decodeName(header: string | null): string | null | Fault {
  const value = header === null ? null : trimSpace(header);
  const coded = value === null ? undefined : wrapped.exec(value)?.[1];
  if (coded === undefined) return value;
  if (!canonicalBase64.test(coded)) return badEncoding;
  const bytes = Uint8Array.from(atob(coded), (character) => character.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return badEncoding;
  }
}

/** A name as the header says it: as it is where a header can hold it, else behind the marker. */
export function encodeName(name: string): string {
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name) && !wrapped.test(name)) return name;
  return `=?base64?${btoa(String.fromCharCode(...new TextEncoder().encode(name)))}?=`;
}

const badEncoding = fault("header_mismatch", "The Mcp-Name header is not canonical base64 of UTF-8.");
