import type { Outcome, Upstream } from "../gate/rpc.ts";
import type { Message } from "../mcp/decode.ts";
import { headersBack } from "../mcp/headers.ts";
import { faultBody } from "../mcp/refuse.ts";
import { sseEvent } from "../mcp/sse.ts";
import { stands } from "./ask_gate.ts";
import { bodyBack } from "./body_back.ts";
import type { Exchange } from "./exchange.ts";
import { Intake } from "./intake.ts";
import { saysChanged } from "./list.ts";
import { relay } from "./relay.ts";
import type { Editing } from "./rewrite.ts";
import { sessionHeader } from "./session.ts";

const streamBytesMax = 16 * 1_048_576;

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
  if (!answer.body || !isStream(answer)) return bodyBack(exchange, message, answer, headers, passing);
  const { status } = answer;
  return new Response(streamBack(exchange, message, answer.body, passing), { status, headers });
}

function streamBack(
  exchange: Exchange,
  message: Message | null,
  body: ReadableStream<Uint8Array>,
  { upstream, epoch, editing, ended }: Passing,
): ReadableStream<Uint8Array> {
  const { request, requestId, deps, caller } = exchange;
  const asking = message?.kind === "request" ? message : null;
  // Who listens waits until something happens, however long that takes.
  const patient = request.method === "GET" || asking?.method === "subscriptions/listen";
  return relay(new Intake(body, { bytesMax: streamBytesMax, patient }), {
    signal: request.signal,
    editing,
    stands: () => stands(exchange, epoch),
    listen: (data) => {
      if (saysChanged(data)) deps.waitUntil(deps.lookSoon(caller, upstream));
    },
    failure: asking && ((why) => sseEvent(faultBody(asking.id, why, requestId))),
    resumes: asking?.era === "legacy",
    ended,
  });
}

const isStream = (answer: Response): boolean =>
  /^text\/event-stream\b/i.test(answer.headers.get("Content-Type") ?? "");
