import { fault } from "../fault.ts";
import { inTime } from "../gate/deadline.ts";
import type { Admission, Caller, GateStub, WaitsFor } from "../gate/rpc.ts";
import { approvalParts } from "../id.ts";
import { fromPlain, type Json } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { bodyBytesMax, carriedText, type Message } from "../mcp/decode.ts";
import { elicitByError, elicitByResult } from "../mcp/elicit.ts";
import { type Awaited, faultBody, type Refusal, refusedCall } from "../mcp/refuse.ts";
import { answerRefusal, decisionHeader, json } from "./answer.ts";
import { holdOpen } from "./hold.ts";
import type { RequestStates } from "./request_state.ts";
import { type Session, urlElicitation } from "./session.ts";

export type Deny = Extract<Admission, { effect: "deny" }>;

/** A call that lacks nothing but a person's approval. */
export interface Asking {
  readonly request: Request;
  readonly requestId: string;
  readonly caller: Caller;
  readonly session: Session | null;
  readonly gate: Pick<GateStub, "approvalState">;
  readonly deps: {
    readonly origin: string;
    readonly states: RequestStates;
    readonly now: () => number;
    readonly waitUntil: (work: Promise<unknown>) => void;
  };
  readonly message: Message;
  readonly deny: Deny & { readonly waitsFor: WaitsFor };
  /** Its client's user has been sent to the page already. */
  readonly resumed: boolean;
  /** Judges the call again, and carries it out where it is allowed now. */
  readonly proceed: () => Promise<Response>;
}

/** Answers in the first of the three ways that the client can take (policy.md §6). */
export async function askPerson(asking: Asking): Promise<Response> {
  const { message, session, request, deny, resumed, caller, deps } = asking;
  switch (wayOf(message, session, request.headers, deny.waitsFor, resumed)) {
    case "elicit": {
      const refusal = { ...deny.refusal, approval: awaitedAt(deps.origin, deny.waitsFor) };
      const text =
        message.era === "modern"
          ? elicitByResult(
              message,
              refusal,
              deny.decision,
              await deps.states.seal(caller, message, deny.waitsFor),
            )
          : elicitByError(message, refusal, deny.decision);
      return json(text, 200, [[decisionHeader, deny.decision]]);
    }
    case "hold":
      return holdCall(asking);
    default:
      return answerRefusal(message, refusalTo(deps.origin, deny), deny.decision, deny.limits);
  }
}

/** The refusal as the agent reads it: with the place where a person can approve, if that is all it lacks. */
export const refusalTo = (origin: string, { refusal, waitsFor }: Deny): Refusal =>
  waitsFor ? { ...refusal, approval: awaitedAt(origin, waitsFor) } : refusal;

const awaitedAt = (origin: string, { id, expiresAtMs }: WaitsFor): Awaited => ({
  id,
  url: `${origin}/approvals/${id}`,
  expiresAtMs,
});

const gateDeadlineMs = 10_000;
const badAnswer = fault("upstream_bad", "The server's answer is no JSON-RPC.");

function holdCall({ message, deny, request, requestId, gate, deps, proceed }: Asking): Response {
  const { decision, waitsFor } = deny;
  const seq = approvalParts(waitsFor.id)?.seq ?? 0;
  const { body, run } = holdOpen({
    holdMs: waitsFor.hold * 1000,
    state: () => inTime(gate.approvalState(seq), gateDeadlineMs),
    proceed,
    late: refusedCall(message, refusalTo(deps.origin, deny), decision),
    progress: progressOf(message),
    broken: faultBody(message.id, badAnswer, requestId),
    signal: request.signal,
    now: deps.now,
  });
  deps.waitUntil(run);
  return new Response(body, { headers: { ...streamHeaders, [decisionHeader]: decision } });
}

const streamHeaders = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  "X-Accel-Buffering": "no",
};

function wayOf(
  message: Message,
  session: Session | null,
  headers: Headers,
  waitsFor: WaitsFor,
  resumed: boolean,
): "elicit" | "hold" | "refuse" {
  if (message.kind !== "request") return "refuse";
  if (!resumed && elicitsUrls(message, session)) return "elicit";
  const streams = /(?:^|[,\s])(?:text\/event-stream|\*\/\*)/i.test(headers.get("Accept") ?? "");
  return waitsFor.hold > 0 && streams ? "hold" : "refuse";
}

// What a call carries from its server comes back sealed, and a third larger, in a body that must not be too large for us.
const carriableBytes = 0.7 * bodyBytesMax;

/** Whether the client can send its user to a page, and come back with all that the call carried. */
export function elicitsUrls(message: Message, session: Session | null): boolean {
  if (message.era === "legacy") return session?.capabilities.includes(urlElicitation) ?? false;
  return message.elicitsUrls && (carriedText(message) === null || message.body.length < carriableBytes);
}

/** The text of a progress notification for this message, or null where its client asked for none. */
function progressOf({ params }: Message): ((elapsedMs: number) => string) | null {
  const meta = params?.get("_meta");
  const token = meta instanceof Map ? meta.get("progressToken") : undefined;
  if (token === undefined) return null;
  return (elapsedMs) => {
    // Progress must only rise, and the server's own begins behind ours: so ours stays next to nothing.
    const progress = { progress: elapsedMs / 1e9, message: "Waiting for a person's approval." };
    const told: [string, Json][] = Object.entries(progress).map(([key, value]) => [key, fromPlain(value)]);
    const notification: [string, Json][] = [
      ["jsonrpc", "2.0"],
      ["method", "notifications/progress"],
      ["params", new Map([["progressToken", token], ...told])],
    ];
    return compactJson(new Map(notification));
  };
}
