import { type Fault, wire } from "../fault.ts";
import type { LimitState } from "../gate/rpc.ts";
import type { DecisionId } from "../id.ts";
import type { Message } from "../mcp/decode.ts";
import { faultBody, type Refusal, refusedCall, refusedStatus } from "../mcp/refuse.ts";
import { rateLimitHeaders } from "./rate_limit.ts";

/** The header that names the decision behind an answer. */
export const decisionHeader = "Portcullis-Decision";

/** A JSON answer that nobody may keep. */
export const json = (text: string, status: number, headers: [string, string][]): Response =>
  new Response(text, {
    status,
    headers: [["Content-Type", "application/json"], ["Cache-Control", "no-store"], ...headers],
  });

/** A fault as JSON-RPC over HTTP. `id` is the message's own where it was understood, else null. */
export function answerFault(refused: Fault, id: Message["id"], requestId: string): Response {
  const { status } = wire(refused.fault);
  const headers: [string, string][] = status === 401 ? [["WWW-Authenticate", "Bearer"]] : [];
  // In band, so that whoever reads the agent's log finds the link: clients show little of another status.
  const shown = refused.fault === "needs_sign_in" ? 200 : status;
  return json(faultBody(id, refused, requestId), shown === 200 && status === 200 ? 400 : shown, headers);
}

/** A refusal by policy or limit, in the form that the agent can act on (policy.md §8). */
export function answerRefusal(
  message: Message,
  refusal: Refusal,
  decision: DecisionId | null,
  limits: readonly LimitState[],
): Response {
  const headers = rateLimitHeaders(limits, refusal.retryAfterMs);
  if (decision) headers.push([decisionHeader, decision]);
  return json(refusedCall(message, refusal, decision), refusedStatus(message), headers);
}
