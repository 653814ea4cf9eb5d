import { type Fault, fault, isFault } from "../fault.ts";
import type { Outcome, Upstream, View } from "../gate/rpc.ts";
import { type DecisionId, decisionParts } from "../id.ts";
import type { Batch } from "../mcp/batch.ts";
import type { Message } from "../mcp/decode.ts";
import { faultBody, refusedCall } from "../mcp/refuse.ts";
import type { FetchFault } from "../upstream/fetch.ts";
import { json } from "./answer.ts";
import { answerBack } from "./answer_back.ts";
import { refusalTo } from "./approval.ts";
import { admit, viewOf } from "./ask_gate.ts";
import type { Exchange } from "./exchange.ts";
import { listEditing } from "./list.ts";
import { type Editing, inOrder } from "./rewrite.ts";
import { endUnanswered, settler } from "./settlement.ts";
import { turnedAway } from "./turn.ts";

type Settle = (end: Outcome["end"], status: number | null, bytes: number) => void;

/** How a batch is sent to its server, and what its answers are held to. */
export interface BatchWay {
  readonly send: (upstream: Upstream) => Promise<Response | Fault | FetchFault>;
  readonly editing: (upstream: Upstream) => Editing | null;
  readonly ended: () => void;
}

/**
 * A batch (MCP 2025-03-26): every message is judged and counted as if it came alone, and all go or none. One that was
 * counted before another was refused is given back.
 */
export async function enterBatch(exchange: Exchange, batch: Batch, way: BatchWay): Promise<Response | Fault> {
  const view = await viewOf(exchange, null);
  if (view.effect === "gone") return turnedAway(exchange, view.because);
  const decisions: DecisionId[] = [];
  for (const member of batch.members) {
    const refused = await refusal(exchange, member, decisions);
    if (refused === null) continue;
    await giveBack(exchange, decisions);
    return isFault(refused) ? refused : refuseAll(exchange, batch, member, refused);
  }
  const settles = decisions.map((decision) => settler(exchange, decision));
  const settleAll: Settle = (...end) => {
    for (const settle of settles) settle(...end);
  };
  const answer = await way.send(view.upstream);
  if (isFault(answer)) {
    settleAll(endUnanswered(answer, exchange.request.signal), null, 0);
    return answer;
  }
  return answerBack(exchange, null, answer, {
    upstream: view.upstream,
    epoch: view.epoch,
    editing: inOrder(lists(exchange, view), way.editing(view.upstream)),
    ended: (end, bytes) => {
      way.ended();
      settleAll(end, answer.status, bytes);
    },
  });
}

// Which of the answers is a list is not looked up: each that could be one is filtered as one.
const lists = ({ deps, caller }: Exchange, { listed, upstream }: Extract<View, { effect: "view" }>) =>
  listEditing(null, listed, () => deps.waitUntil(deps.lookSoon(caller, upstream)));

/** The answer to a message that may not go, as text; null for one that may. */
async function refusal(
  exchange: Exchange,
  message: Message,
  decisions: DecisionId[],
): Promise<string | Fault | null> {
  if (message.targets.length === 0) {
    const view = await viewOf(exchange, message);
    if (view.effect === "gone") return turnedAway(exchange, view.because);
    return view.refused && refusedCall(message, view.refused, null);
  }
  const admission = await admit(exchange, message);
  switch (admission.effect) {
    case "allow":
      decisions.push(admission.decision);
      return null;
    case "deny":
      return refusedCall(message, refusalTo(exchange.deps.origin, admission), admission.decision);
    case "gone":
      return turnedAway(exchange, admission.because);
    default:
      return fault("unavailable", "Nothing more can be recorded, so nothing was let through. Try again.");
  }
}

/** Ends what was allowed and will not be sent, before the answer: what it took is free for the next call. */
async function giveBack({ gate }: Exchange, decisions: readonly DecisionId[]): Promise<void> {
  if (decisions.length === 0) return;
  const seqs = decisions.map((decision) => decisionParts(decision)?.seq ?? 0);
  await gate.settle(seqs.map((seq) => ({ seq, end: "not_sent", status: null, bytes: 0, ms: 0 })));
}

function refuseAll({ requestId }: Exchange, { members }: Batch, refused: Message, text: string): Response {
  const others = fault("refused", "Another message of this batch was refused, so none of them was sent.");
  const requests = members.filter(({ kind }) => kind === "request");
  const answers = requests.map((one) => (one === refused ? text : faultBody(one.id, others, requestId)));
  return json(`[${answers.join(",")}]`, 200, []);
}
