import { createParser } from "eventsource-parser";
import { type Caps, readJson } from "../json/read.ts";
import { type Json, JsonNumber, type JsonObject } from "../json/value.ts";

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

async function* messages(response: Response, budget: Budget): AsyncGenerator<string> {
  if (!response.body) return;
  const streamed = /^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "");
  const decoder = new TextDecoder();
  const events: string[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event.data) });
  let whole = "";
  for await (const chunk of response.body) {
    budget.bytes -= chunk.byteLength;
    const text = decoder.decode(chunk, { stream: true });
    if (streamed) parser.feed(text);
    else whole += text;
    yield* events.splice(0);
  }
  if (!streamed) yield whole;
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
