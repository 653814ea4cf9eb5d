import type { DecisionId } from "../id.ts";
import type { Message } from "./decode.ts";
import { type Awaited, answer, describe, type Refusal } from "./refuse.ts";

/** A refusal that sends the client's user to a page. */
export type AwaitedRefusal = Refusal & { readonly approval: Awaited };

// MCP 2025-11-25, elicitation: URLElicitationRequiredError.
const urlElicitationRequired = -32042;

/** The error that asks a client of the `initialize` era to send its user to the approval's page, and then to call again. */
export function elicitByError(
  { id }: Pick<Message, "id">,
  refusal: AwaitedRefusal,
  decision: DecisionId,
): string {
  const { approval } = refusal;
  const elicitation = {
    mode: "url",
    elicitationId: approval.id,
    url: approval.url,
    message: messageOf(refusal),
  };
  const data = { elicitations: [elicitation], ...describe(refusal, decision) };
  return answer(id, "error", { code: urlElicitationRequired, message: messageOf(refusal), data });
}

/** The result that asks a modern client for the same; it repeats the request with `requestState` (MCP 2026-07-28). */
export function elicitByResult(
  { id }: Pick<Message, "id">,
  refusal: AwaitedRefusal,
  decision: DecisionId,
  requestState: string,
): string {
  const params = { mode: "url", url: refusal.approval.url, message: messageOf(refusal) };
  return answer(id, "result", {
    resultType: "input_required",
    inputRequests: { approval: { method: "elicitation/create", params } },
    requestState,
    _meta: describe(refusal, decision),
  });
}

const messageOf = ({ reason }: Refusal): string => `A person must approve this call first. ${reason}`;
