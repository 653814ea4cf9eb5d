import type { Arm } from "../gate/deadline.ts";
import { isHeaders, unreadable } from "./credential.ts";
import { type FetchDeps, type FetchFault, guardedOpen } from "./fetch.ts";

/** Where an admitted request goes, and the headers that sign in there (opened from the vault for this one request). */
export interface ForwardTarget {
  readonly url: string;
  readonly credential: Readonly<Record<string, string>>;
}

/** What goes: only headers that may leave (`mcp/headers.ts`) and the exact bytes that were judged. */
export interface ForwardRequest {
  readonly method: "POST" | "GET" | "DELETE";
  readonly headers: Headers;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
}

/** How long a server may take to begin; `arm` is a timer's, where the caller has one to share. */
export interface Deadlines {
  readonly firstByteMs: number;
  readonly arm?: Arm;
}

// Whoever calls: these are the client's, and must not reach a server that they were not meant for.
const clientsOwn = ["authorization", "cookie", "proxy-authorization"];

/**
 * Sends an admitted request on, once: a call may have had its effect although the answer was lost, so nothing is ever
 * retried. The caller relays the body and caps it. An address that the guard refuses now is `misconfigured` (it was
 * accepted when it was registered); limits may be given back only for a fault whose `sent` is "never".
 */
export async function forward(
  deps: FetchDeps,
  target: ForwardTarget,
  request: ForwardRequest,
  deadlines: Deadlines,
): Promise<Response | FetchFault> {
  if (!isHeaders(target.credential)) return { ...unreadable, sent: "never" };
  const headers = new Headers(request.headers);
  for (const name of clientsOwn) headers.delete(name);
  for (const [name, value] of Object.entries(target.credential)) headers.set(name, value);
  const { method, body, signal } = request;
  const init = { method, headers, ...(body && { body }), ...(signal && { signal }) };
  const { firstByteMs, arm } = deadlines;
  const answer = await guardedOpen(deps, target.url, init, firstByteMs, arm);
  return "fault" in answer && answer.fault === "invalid" ? { ...answer, fault: "misconfigured" } : answer;
}
