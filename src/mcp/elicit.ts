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

/** A page where a client's user signs in to what the call needs. */
export interface SignInPage {
  /** Names this asking; another call's has another. */
  readonly id: string;
  readonly url: string;
  readonly message: string;
}

/** The error that sends the user of a client of the `initialize` era there. */
export function signInByError(
  { id }: Pick<Message, "id">,
  { id: elicitationId, url, message }: SignInPage,
): string {
  const data = { elicitations: [{ mode: "url", elicitationId, url, message }] };
  return answer(id, "error", { code: urlElicitationRequired, message, data });
}

/** The result that asks a modern client for the same; it repeats the request with `requestState`. */
export function signInByResult(
  { id }: Pick<Message, "id">,
  { url, message }: SignInPage,
  requestState: string,
): string {
  const params = { mode: "url", url, message };
  return answer(id, "result", {
    resultType: "input_required",
    inputRequests: { sign_in: { method: "elicitation/create", params } },
    requestState,
  });
}

const messageOf = ({ reason }: Refusal): string => `A person must approve this call first. ${reason}`;
