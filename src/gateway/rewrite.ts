import { isFault } from "../fault.ts";
import { type Edit, editBody, editFrame } from "../mcp/edit.ts";
import { type SseFrame, SseFramer } from "../mcp/sse.ts";

/** What rewrites a body on its way: bytes in (null at the end), bytes out; null for what must not pass. */
export type Rewrite = (chunk: Uint8Array | null) => Uint8Array | null;

/** An edit, and the words without one of which it changes nothing: what has none of them is not even parsed. */
export interface Editing {
  readonly edit: Edit;
  readonly words: RegExp | null;
}

const nothing = new Uint8Array();

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
    words: words.includes(null) ? null : new RegExp(words.map((one) => one?.source).join("|"), "i"),
  };
}

/** Edits the messages of a body: those of a stream as they come, a JSON body as a whole. */
export const rewriteBy = (editing: Editing, streamed: boolean): Rewrite =>
  streamed ? rewriteStream(editing) : rewriteJson(editing);

function rewriteStream({ edit, words }: Editing): Rewrite {
  const framer = new SseFramer();
  return (chunk) => {
    const frames = chunk === null ? lastFrame(framer) : framer.push(chunk);
    if (isFault(frames)) return null;
    const rewritten: Uint8Array[] = [];
    for (const frame of frames) {
      const concerned = words === null || words.test(frame.data ?? "");
      const bytes = concerned ? editFrame(frame, edit) : frame.raw;
      if (isFault(bytes)) return null;
      rewritten.push(bytes);
    }
    return concatenated(rewritten);
  };
}

function lastFrame(framer: SseFramer): readonly SseFrame[] {
  const frame = framer.end();
  return frame ? [frame] : [];
}

function rewriteJson({ edit, words }: Editing): Rewrite {
  const chunks: Uint8Array[] = [];
  return (chunk) => {
    if (chunk !== null) {
      chunks.push(chunk);
      return nothing;
    }
    const body = concatenated(chunks);
    if (body.byteLength === 0 || (words !== null && !words.test(latin1.decode(body)))) return body;
    const edited = editBody(body, edit);
    if (edited === null) return nothing;
    return isFault(edited) ? null : new TextEncoder().encode(edited);
  };
}

// The words are ASCII, which reads the same so.
const latin1 = new TextDecoder("latin1");

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
