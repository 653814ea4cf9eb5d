import { type Fault, type FaultCode, wire } from "../fault.ts";
import type { ApprovalId, DecisionId } from "../id.ts";
import { fromPlain, type Json, JsonNumber } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import type { Message } from "./decode.ts";
import type { Id } from "./envelope.ts";

/** Why a message was refused. `reason` is without the prefix and the advice on waiting, which are added here. */
export interface Refusal {
  readonly outcome: "denied" | "limited" | "approval_required" | "unknown";
  readonly rule: string;
  readonly reason: string;
  readonly retryAfterMs: number | null;
  /** Of a call that was limited: the limit, in calls or in units of what the rule adds up. */
  readonly limit?: Exhausted;
  /** Of a call that waits for a person: where it can be approved. */
  readonly approval?: Awaited;
}

/** An approval that would let the same call go through once. */
export interface Awaited {
  readonly id: ApprovalId;
  readonly url: string;
  /** Ms since 1970. */
  readonly expiresAtMs: number;
}

/** A limit that had no room. Numbers are exact decimals, as text. */
export interface Exhausted {
  readonly max: string;
  readonly remaining: string;
  /** When some of what was taken comes back; ms since 1970. */
  readonly resetAtMs: number;
}

type Refused = Pick<Message, "id" | "era" | "method" | "targets">;
type Judged = Exclude<Refusal["outcome"], "unknown">;

const prefixes: Record<Judged, string> = {
  denied: "[POLICY DENIED]",
  limited: "[RATE LIMITED]",
  approval_required: "[APPROVAL REQUIRED]",
};
const faults: Record<Judged, FaultCode> = {
  denied: "refused",
  limited: "limited",
  approval_required: "approval_required",
};

/**
 * The JSON-RPC answer to a refused request, as the agent reads it (policy.md §8): for `tools/call` a result that a model
 * can act on, for the rest an error. `decision` is null where none was recorded.
 */
export function refusedCall(message: Refused, refusal: Refusal, decision: DecisionId | null): string {
  const { id, method, era, targets } = message;
  const data = describe(refusal, decision);
  if (targets.length === 0) {
    const { rpc, title } = wire("unknown_method");
    return error(id, rpc, `${title}: ${method}. ${refusal.reason}`, data);
  }
  if (refusal.outcome === "unknown") return unknownTarget(message);
  const text = textOf(refusal, refusal.outcome);
  if (method !== "tools/call") return error(id, wire(faults[refusal.outcome]).rpc, text, data);
  const result = { isError: true, content: [{ type: "text", text }], _meta: data };
  return answer(id, "result", era === "modern" ? { resultType: "complete", ...result } : result);
}

/** The HTTP status of that answer: the modern revision wants 404 for a method that is not there, all else is in band. */
export const refusedStatus = (message: Pick<Message, "era" | "targets">): 200 | 404 =>
  message.era === "modern" && message.targets.length === 0 ? 404 : 200;

/** A fault as a JSON-RPC error. `id` is the request's own as written, or null where none could be read. */
export function faultBody(id: Id | null, fault: Fault, requestId: string): string {
  const { rpc, title } = wire(fault.fault);
  const data = { fault: fault.fault, request_id: requestId, ...(fault.errors && { errors: fault.errors }) };
  return error(id, rpc, `${title}: ${fault.detail}`, data);
}

function textOf(refusal: Refusal, outcome: Judged): string {
  const text = `${prefixes[outcome]} ${refusal.reason}`;
  // An author's reason need not end like a sentence.
  if (refusal.approval) return `${text.replace(/[^.!?]$/, "$&.")} ${adviceOf(refusal.approval)}`;
  if (outcome !== "limited" || refusal.retryAfterMs === null) return text;
  return `${text} Retry in ${Math.max(1, Math.ceil(refusal.retryAfterMs / 1000))} s.`;
}

const adviceOf = ({ url, expiresAtMs }: Awaited): string =>
  `Ask for approval at ${url}, then make exactly the same call again before ${timeText(expiresAtMs)}: it will go through once.`;

const timeText = (ms: number): string => new Date(ms).toISOString();

/** The decision as `_meta` and an error's `data` carry it. */
export const describe = (refusal: Refusal, decision: DecisionId | null): Record<string, unknown> => ({
  "portcullis/decision": {
    id: decision,
    outcome: refusal.outcome,
    rule: refusal.rule,
    reason: refusal.reason,
    retry_after_ms: refusal.retryAfterMs,
    ...(refusal.limit && {
      limit: new JsonNumber(refusal.limit.max),
      remaining: new JsonNumber(refusal.limit.remaining),
      reset_at: timeText(refusal.limit.resetAtMs),
    }),
    ...(refusal.approval && {
      approval: {
        id: refusal.approval.id,
        url: refusal.approval.url,
        expires_at: timeText(refusal.approval.expiresAtMs),
      },
    }),
  },
});

const nameShownMax = 128;

/** Hidden, quarantined and absent are told alike: nothing here depends on which of them it was (policy.md §3). */
function unknownTarget({ id, era, targets }: Refused): string {
  const [first, ...others] = targets;
  const kind = first?.kind ?? "name";
  // -32002 was the legacy code for resources; the modern revision moved it to -32602 (SEP-2164).
  const code = kind === "resource" && era === "legacy" ? -32002 : wire("unknown_target").rpc;
  if (!first || others.length > 0) return error(id, code, `Unknown ${kind}`);
  return error(id, code, `Unknown ${kind}: ${first.name.slice(0, nameShownMax).toWellFormed()}`);
}

const error = (id: Id | null, code: number, message: string, data?: unknown): string =>
  answer(id, "error", { code, message, ...(data !== undefined && { data }) });

/** A JSON-RPC answer's text. */
export function answer(id: Id | null, key: "result" | "error", body: unknown): string {
  const members: [string, Json][] = [
    ["jsonrpc", "2.0"],
    ["id", id],
    [key, fromPlain(body)],
  ];
  return compactJson(new Map(members));
}
