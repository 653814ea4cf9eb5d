import { isFault } from "../fault.ts";
import { type Caps, readJson } from "../json/read.ts";
import { type Json, JsonNumber, type JsonObject } from "../json/value.ts";
import { SseFramer } from "../mcp/sse.ts";

/** Bytes that one look may still read, whatever number of answers they come in. */
export interface Budget {
  bytes: number;
}

/** An answer to our request, or "none" where what came holds none. */
export type Answer =
  | { readonly result: JsonObject }
  | { readonly error: { readonly code: string; readonly message: string } }
  | "none";

// A list of 2,000 tools with their schemas has far more members than a message that an agent sends.
const answerCaps: Caps = { depthMax: 64, membersMax: 400_000, stringMax: 262_144 };

/**
 * Reads the answer to request `id` from a JSON body or an event stream, and lets go of the stream once it is there.
 * Throws where the body breaks off.
 */
export async function readAnswer(response: Response, id: number, budget: Budget): Promise<Answer> {
  for await (const text of messages(response, budget)) {
    const answer = answerTo(id, text);
    if (answer !== "none") return answer;
  }
  return "none";
}

function messages(response: Response, budget: Budget): AsyncGenerator<string> {
  const streamed = /^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "");
  return streamed ? eventTexts(response, budget) : wholeText(response, budget);
}

async function* eventTexts(response: Response, budget: Budget): AsyncGenerator<string> {
  const framer = new SseFramer(budget.bytes);
  for await (const chunk of chunks(response, budget)) {
    const frames = framer.push(chunk);
    if (isFault(frames)) throw new RangeError(frames.detail);
    for (const { data } of frames) if (data !== null) yield data;
  }
}

async function* wholeText(response: Response, budget: Budget): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunks(response, budget)) text += decoder.decode(chunk, { stream: true });
  yield text;
}

async function* chunks(response: Response, budget: Budget): AsyncGenerator<Uint8Array> {
  for await (const chunk of response.body ?? []) {
    budget.bytes -= chunk.byteLength;
    yield chunk;
  }
}

/** Other messages (log lines, the server's own requests) may come first: they are passed over. */
function answerTo(id: number, text: string): Answer {
  const read = readJson(text, answerCaps);
  const message = read.ok && read.value instanceof Map ? read.value : new Map<string, Json>();
  const given = message.get("id");
  if (message.get("jsonrpc") !== "2.0" || !(given instanceof JsonNumber)) return "none";
  if (given.text !== String(id)) return "none";
  const result = message.get("result");
  if (result instanceof Map) return { result };
  const error = message.get("error");
  return error instanceof Map ? { error: { code: codeOf(error), message: messageOf(error) } } : "none";
}

function codeOf(error: JsonObject): string {
  const code = error.get("code");
  return code instanceof JsonNumber ? code.text.slice(0, 20) : "?";
}

// Text of a stranger's that a person will read: short, and one line.
const messageOf = (error: JsonObject): string => {
  const message = error.get("message");
  return typeof message === "string" ? message.replace(/[^\x20-\x7e]+/g, " ").slice(0, 200) : "";
};
