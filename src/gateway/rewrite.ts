import { type Fault, fault, isFault } from "../fault.ts";
import { type Edit, editBody, editFrame } from "../mcp/edit.ts";
import { type SseFrame, SseFramer } from "../mcp/sse.ts";
import { tooMuch } from "./intake.ts";

/** An edit, and the words without one of which it changes nothing: what has none of them is not even parsed. */
export interface Editing {
  readonly edit: Edit;
  readonly words: RegExp | null;
}

const unacceptable = fault("upstream_bad", "The server's answer cannot be checked against the policy.");

/** One after the other, as one. */
export function inOrder(...editings: readonly (Editing | null)[]): Editing | null {
  const all = editings.filter((one) => one !== null);
  const [first, ...others] = all;
  if (!first || others.length === 0) return first ?? null;
  const words = all.map((one) => one.words);
  return {
    edit: (message) =>
      all.reduce<ReturnType<Edit>>(
        (edited, { edit }) => (edited instanceof Map ? edit(edited) : edited),
        message,
      ),
    words: words.includes(null) ? null : anyOf(words.map((one) => one?.source).join("|")),
  };
}

// Of a few kinds of answers: an expression that is made anew is also compiled anew.
const known = new Map<string, RegExp>();

function anyOf(source: string): RegExp {
  const words = known.get(source) ?? new RegExp(source, "i");
  known.set(source, words);
  return words;
}

/** What goes on in the place of a stream's bytes: a fault where nothing may. Null at the end. */
export type Rewrite = (chunk: Uint8Array | null) => Uint8Array | Fault;

/** Edits a stream's messages as they come, each once it is whole. `hear` gets every event as the server sent it. */
export function rewriteStream(editing: Editing | null, hear: (event: SseFrame) => void): Rewrite {
  const framer = new SseFramer();
  return (chunk) => {
    const frames = chunk === null ? lastFrame(framer) : framer.push(chunk);
    if (isFault(frames)) return tooMuch;
    const rewritten: Uint8Array[] = [];
    for (const frame of frames) {
      hear(frame);
      const bytes = concerns(editing, frame.data ?? "") ? editFrame(frame, editing.edit) : frame.raw;
      if (isFault(bytes)) return unacceptable;
      rewritten.push(bytes);
    }
    return concatenated(rewritten);
  };
}

function lastFrame(framer: SseFramer): readonly SseFrame[] {
  const frame = framer.end();
  return frame ? [frame] : [];
}

/** Edits the messages of a JSON body. */
export function rewriteBody(editing: Editing | null, body: Uint8Array): Uint8Array | Fault {
  if (body.byteLength === 0 || !concerns(editing, body)) return body;
  const edited = editBody(body, editing.edit);
  if (isFault(edited)) return unacceptable;
  return new TextEncoder().encode(edited ?? "");
}

function concerns(editing: Editing | null, content: string | Uint8Array): editing is Editing {
  if (!editing?.words) return editing !== null;
  return editing.words.test(typeof content === "string" ? content : latin1(content));
}

/** The words are ASCII, which reads the same so; a TextDecoder takes six times as long for it. */
const latin1 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("latin1");

/** The chunks as one. */
export function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
