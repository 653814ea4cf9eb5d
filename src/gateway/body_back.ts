import { type Fault, fault, isFault } from "../fault.ts";
import { inTime, type Watch } from "../gate/deadline.ts";
import type { Message } from "../mcp/decode.ts";
import { answerFault } from "./answer.ts";
import type { Passing } from "./answer_back.ts";
import type { Exchange } from "./exchange.ts";
import { brokenOff, endOf, Intake, silent, silentMs, tooMuch } from "./intake.ts";
import { concatenated, rewriteBody } from "./rewrite.ts";

const bytesMax = 4 * 1_048_576;
// A server that is slower than 4 kB a second with it is taken for silent.
const shortBytesMax = 262_144;

/** An answer that is no stream, once all of it is there: until then its failure can still be told by a fault in its place. */
export async function bodyBack(
  { request, requestId, watch }: Exchange,
  message: Message | null,
  answer: Response,
  headers: Headers,
  { editing, ended }: Passing,
): Promise<Response> {
  const owed = message?.kind === "request" && answer.ok;
  const body = owed && !isJson(answer) ? await letGo(answer, noJson) : await read(answer, watch);
  const passed = isFault(body) ? body : owed && !isWhole(body) ? noJson : rewriteBody(editing, body);
  const bytes = isFault(body) ? 0 : body.byteLength;
  if (isFault(passed)) {
    ended(endOf(passed, request.signal), bytes);
    return answerFault(passed, message?.id ?? null, requestId);
  }
  ended("answered", bytes);
  return new Response(passed.byteLength > 0 ? passed : null, { status: answer.status, headers });
}

const noJson = fault("upstream_bad", "The server's answer is no JSON.");

async function letGo(answer: Response, why: Fault): Promise<Fault> {
  await answer.body?.cancel();
  return why;
}

async function read(answer: Response, watch: Watch): Promise<Uint8Array | Fault> {
  const { headers, body } = answer;
  if (!body) return new Uint8Array();
  const length = headers.get("Content-Length");
  if (Number(length ?? 0) > bytesMax) return letGo(answer, tooMuch);
  // A coded body is longer than it says.
  const isShort = length !== null && Number(length) <= shortBytesMax && !headers.has("Content-Encoding");
  return isShort ? readAtOnce(answer, watch) : readCounting(body);
}

/** By the runtime, which costs a third of reading chunk by chunk. */
function readAtOnce(answer: Response, watch: Watch): Promise<Uint8Array | Fault> {
  const body = answer.arrayBuffer().then(
    (all) => new Uint8Array(all),
    () => brokenOff,
  );
  return inTime<Uint8Array | Fault>(body, silentMs, watch.arm).catch(() => silent);
}

async function readCounting(body: ReadableStream<Uint8Array>): Promise<Uint8Array | Fault> {
  const intake = new Intake(body, { bytesMax, patient: false });
  const chunks: Uint8Array[] = [];
  for (;;) {
    const next = await intake.read();
    if (isFault(next)) return next;
    if (next === null) return concatenated(chunks);
    chunks.push(next);
  }
}

const isJson = ({ headers }: Response): boolean =>
  /^application\/json\b/i.test(headers.get("Content-Type") ?? "");

const blank = 0x20;
const closing: Readonly<Record<number, number>> = { 123: 0x7d, 91: 0x5d };

/** Whether a JSON text goes from a bracket to its like: one that was cut off seldom does, and to parse it all would cost more. */
function isWhole(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte > blank);
  const last = bytes.findLast((byte) => byte > blank);
  return first !== undefined && last !== undefined && closing[first] === last;
}
