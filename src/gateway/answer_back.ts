import { fault } from "../fault.ts";
import type { Outcome, Upstream } from "../gate/rpc.ts";
import type { Message } from "../mcp/decode.ts";
import { headersBack } from "../mcp/headers.ts";
import { answerFault } from "./answer.ts";
import { stands } from "./ask_gate.ts";
import type { Exchange } from "./exchange.ts";
import { hearChanges } from "./list.ts";
import { relay } from "./relay.ts";
import { concatenated, type Editing, rewriteBy } from "./rewrite.ts";
import { sessionHeader } from "./session.ts";

const beatMs = 12_000;
const jsonBytesMax = 4 * 1_048_576;
const streamBytesMax = 16 * 1_048_576;
const wholeBytesMax = 65_536;

/** Under what an answer passes. `ended` is called exactly once, with the bytes that came from the upstream. */
export interface Passing {
  readonly upstream: Upstream;
  readonly epoch: number;
  /** What is done to the answer's messages; null where nothing is. */
  readonly editing: Editing | null;
  readonly ended: (end: Outcome["end"], bytes: number) => void;
}

/** The upstream's answer on its way back: its status, the headers that may pass, its session sealed, its body passed on. */
export async function answerBack(
  exchange: Exchange,
  message: Message | null,
  answer: Response,
  passing: Passing,
): Promise<Response> {
  const { deps, caller, session } = exchange;
  const headers = headersBack(answer.headers);
  const { upstream } = passing;
  const sealed = await deps.sessions.seal(answer.headers, caller, upstream, session, message, deps.now());
  if (sealed) headers.set(sessionHeader, sealed);
  const { status } = answer;
  if (isShort(answer)) return whole(exchange, message, answer, headers, passing);
  if (answer.body) return new Response(relayed(exchange, answer, answer.body, passing), { status, headers });
  passing.ended("answered", 0);
  return new Response(null, { status, headers });
}

function relayed(
  exchange: Exchange,
  answer: Response,
  body: ReadableStream<Uint8Array>,
  { upstream, epoch, editing, ended }: Passing,
): ReadableStream<Uint8Array> {
  const streamed = isStream(answer);
  const { deps, caller } = exchange;
  const lookSoon = (): void => deps.waitUntil(deps.lookSoon(caller, upstream));
  return relay(body, {
    bytesMax: streamed ? streamBytesMax : jsonBytesMax,
    beatMs: streamed ? beatMs : null,
    stands: () => stands(exchange, epoch),
    rewrite: editing && rewriteBy(editing, streamed),
    ...(streamed ? { listen: hearChanges(lookSoon) } : {}),
    ended,
  });
}

/** Read by the runtime at once, which costs a third of passing it on chunk by chunk, and its end is known before it is sent. */
async function whole(
  { request, requestId }: Exchange,
  message: Message | null,
  answer: Response,
  headers: Headers,
  { editing, ended }: Passing,
): Promise<Response> {
  let body: ArrayBuffer;
  try {
    body = await answer.arrayBuffer();
  } catch {
    ended(request.signal.aborted ? "client_gone" : "upstream_failed", 0);
    return answerFault(broken, message?.id ?? null, requestId);
  }
  const passed = editing ? edited(new Uint8Array(body), editing) : body;
  ended(passed ? "answered" : "upstream_failed", body.byteLength);
  if (!passed) return answerFault(unacceptable, message?.id ?? null, requestId);
  return new Response(passed.byteLength > 0 ? passed : null, { status: answer.status, headers });
}

/** The whole of a body as it may pass, or null for one that may not. */
function edited(body: Uint8Array, editing: Editing): Uint8Array | null {
  const rewrite = rewriteBy(editing, false);
  const parts = [rewrite(body), rewrite(null)].filter((part) => part !== null);
  return parts.length === 2 ? concatenated(parts) : null;
}

const unacceptable = fault("upstream_bad", "The server's answer cannot be checked against the policy.");
const broken = fault("upstream_bad", "The server's answer broke off.");

/** Whether a body is no stream and says that it is short. A coded one is longer than it says. */
function isShort(answer: Response): boolean {
  const { headers } = answer;
  const length = headers.get("Content-Length");
  if (length === null || headers.has("Content-Encoding") || isStream(answer)) return false;
  return Number(length) <= wholeBytesMax;
}

/** Whether an answer is a stream of events. */
export const isStream = (answer: Response): boolean =>
  /^text\/event-stream\b/i.test(answer.headers.get("Content-Type") ?? "");
