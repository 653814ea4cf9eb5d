import { type Fault, fault, isFault } from "../fault.ts";
import type { Upstream } from "../gate/rpc.ts";
import type { DecisionId } from "../id.ts";
import { readJson } from "../json/read.ts";
import type { JsonObject } from "../json/value.ts";
import type { Message } from "../mcp/decode.ts";
import { unreadable } from "../mcp/edit.ts";
import { type Id, idOf } from "../mcp/envelope.ts";
import { faultBody, refusedCall } from "../mcp/refuse.ts";
import { asksOf, askWords } from "../mcp/server_ask.ts";
import type { Editing } from "./rewrite.ts";

/** What a server's answer is checked by. */
export interface Asked {
  /** What is answered; null for a GET's stream. */
  readonly message: Message | null;
  readonly upstream: Pick<Upstream, "refusedRequests">;
  readonly decision: DecisionId | null;
  readonly requestId: string;
  /** Writes down that the rule refused the server something. */
  readonly refused: (rule: string) => void;
  /** Answers the server in the client's place, with a JSON-RPC text. */
  readonly reply: (text: string) => void;
}

// A server that asks on and on gets no answers any more, and waits like one whose client is slow.
const repliesMax = 16;

/**
 * Lets a server ask the client only for what the policy permits (policy.md §2, `requests`): another request goes back with
 * an error, and an answer that needs refused input becomes a refusal. Null where the policy refuses nothing.
 */
export function askEditing(asked: Asked): Editing | null {
  const { refusedRequests } = asked.upstream;
  if (Object.keys(refusedRequests).length === 0) return null;
  let replies = 0;
  const edit = (received: JsonObject): JsonObject | null | Fault => {
    const asks = asksOf(received);
    if (isFault(asks)) return asks;
    const rule = asks.map((ask) => refusedRequests[ask]).find((found) => found !== undefined);
    if (rule === undefined) return received;
    asked.refused(rule);
    const id = idOf(received);
    if (!received.has("method")) return refusal(asked, id, rule);
    if (id !== null && replies++ < repliesMax) asked.reply(errorOf(id, rule, asked.requestId));
    return null;
  };
  return { edit, words: askWords };
}

const reasonOf = (rule: string): string => `Denied by rule ${rule}.`;

const errorOf = (id: Id | null, rule: string, requestId: string): string =>
  faultBody(id, fault("refused", reasonOf(rule)), requestId);

/** What the client reads in the place of an answer that asks too much. */
function refusal({ message, decision, requestId }: Asked, id: Id | null, rule: string): JsonObject | Fault {
  const text =
    message && message.targets.length > 0
      ? refusedCall(
          message,
          { outcome: "denied", rule, reason: reasonOf(rule), retryAfterMs: null },
          decision,
        )
      : errorOf(id, rule, requestId);
  const read = readJson(text);
  return read.ok && read.value instanceof Map ? read.value : unreadable("its refusal cannot be written");
}
