import { type Fault, fault, isFault } from "../fault.ts";
import { type Caps, readJson } from "../json/read.ts";
import type { Json, JsonObject } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type SseFrame, withData } from "./sse.ts";

/** What becomes of one message of a server's: itself where nothing changes, another in its place, null where none may pass. */
export type Edit = (message: JsonObject) => JsonObject | null | Fault;

// A full list of the largest tools fits; the bytes are capped before it gets here.
const answerCaps: Caps = { depthMax: 64, membersMax: 1_000_000, stringMax: 4_194_304 };

/**
 * A server's text with each of its messages edited, numbers as written; text that needs no change comes back as it is, and
 * null where nothing is left of it. `upstream_bad` where it cannot be read.
 */
export function editText(text: string, edit: Edit): string | null | Fault {
  const read = readJson(text, answerCaps);
  if (!read.ok) return unreadable(read.problem);
  const edited = editAll(read.value, edit);
  if (edited === read.value) return text;
  return edited === null || isFault(edited) ? edited : compactJson(edited);
}

/** The same for a body. */
export function editBody(body: Uint8Array, edit: Edit): string | null | Fault {
  const text = decodeUtf8(body);
  return text === null ? unreadable("it is not UTF-8") : editText(text, edit);
}

/** The same for a frame of a stream, which keeps its bytes where its data need no change, and its place where they go. */
export function editFrame(frame: SseFrame, edit: Edit): Uint8Array | Fault {
  // Empty data primes a client to reconnect (MCP 2025-11-25, transports) and says nothing.
  if (frame.data === null || frame.data === "") return frame.raw;
  const data = editText(frame.data, edit);
  if (data === frame.data) return frame.raw;
  return isFault(data) ? data : withData(frame, data);
}

/** A message, or (2025-03-26) a batch of them. */
function editAll(tree: Json, edit: Edit): Json | Fault {
  if (tree instanceof Map) return edit(tree);
  if (!Array.isArray(tree)) return unreadable("it is not a JSON-RPC message");
  const members: Json[] = [];
  for (const member of tree) {
    const edited = member instanceof Map ? edit(member) : unreadable("it is not a JSON-RPC message");
    if (isFault(edited)) return edited;
    if (edited !== null) members.push(edited);
  }
  const same = members.length === tree.length && members.every((member, index) => member === tree[index]);
  if (same) return tree;
  return members.length > 0 ? members : null;
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Why a server's message does not pass. */
export const unreadable = (problem: string): Fault =>
  fault("upstream_bad", `The server's message cannot be checked: ${problem}.`);
