import { type Fault, fault, isFault } from "../fault.ts";
import {
  type BodyHeaders,
  checkMedia,
  type Message,
  readBody,
  readMessage,
  type Undecoded,
} from "./decode.ts";

/** Several messages in one body, of which each is judged and none goes without the others. */
export interface Batch {
  readonly members: readonly Message[];
}

/** A batch larger than any client makes would be one request for very many decisions. */
export const batchMax = 32;

const batchRevision = "2025-03-26";

/** Whether a body is to be read as a batch: its first character opens an array. */
export const isBatch = (bytes: Uint8Array): boolean =>
  bytes.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) === 0x5b;

/** Reads a batch as strictly as single messages are read. Only the revision 2025-03-26 has any. */
export function decodeBatch(bytes: Uint8Array, headers: BodyHeaders): Batch | Undecoded {
  const read = checkMedia(headers) ?? readBody(bytes);
  const batch = isFault(read) ? read : readMembers(read.tree, headers);
  return isFault(batch) ? { ...batch, id: null } : batch;
}

function readMembers(tree: unknown, headers: BodyHeaders): Batch | Fault {
  if (!Array.isArray(tree) || tree.length === 0) return bad("a batch holds messages");
  if (tree.length > batchMax) return bad(`a batch holds at most ${batchMax} messages`);
  const members: Message[] = [];
  const ids = new Set<string>();
  for (const member of tree) {
    const message = readMessage({ bytes: new Uint8Array(), text: "", tree: member }, headers);
    if (isFault(message)) return message;
    if (message.revision !== batchRevision) {
      return bad(`only ${batchRevision} has batches, and ${message.revision} was said`);
    }
    if (message.method === "initialize") return bad("initialize comes by itself");
    const id = message.kind === "request" ? JSON.stringify(message.id) : null;
    if (id !== null && ids.has(id)) return bad("two requests of a batch have one id");
    if (id !== null) ids.add(id);
    members.push(message);
  }
  return { members };
}

const bad = (problem: string): Fault => fault("bad_message", `Not one JSON-RPC batch: ${problem}.`);
