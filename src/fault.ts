/** Whose fault a refusal is: the one thing an operator wants to know first. */
export type Blame = "client" | "policy" | "config" | "upstream" | "platform";

/**
 * The one table from fault to wire. `status` is the HTTP status on both surfaces; `rpc` the JSON-RPC code that the
 * gateway answers with (outside -32768…-32000 where it is ours); `title` is public text.
 */
const table = {
  bad_json: { blame: "client", status: 400, rpc: -32700, title: "The body is not acceptable JSON" },
  bad_message: { blame: "client", status: 400, rpc: -32600, title: "The body is not one JSON-RPC message" },
  bad_params: { blame: "client", status: 400, rpc: -32602, title: "The parameters do not fit the method" },
  unknown_method: { blame: "client", status: 404, rpc: -32601, title: "Method not found" },
  bad_revision: { blame: "client", status: 400, rpc: -32600, title: "Unknown MCP-Protocol-Version" },
  bad_origin: { blame: "client", status: 403, rpc: -31403, title: "This Origin may not call the gateway" },
  header_mismatch: { blame: "client", status: 400, rpc: -32020, title: "A header contradicts the body" },
  unauthenticated: { blame: "client", status: 401, rpc: -31401, title: "A valid bearer token is needed" },
  forbidden: { blame: "client", status: 403, rpc: -31403, title: "Your role does not allow this" },
  not_found: { blame: "client", status: 404, rpc: -31404, title: "No such thing here" },
  method_not_allowed: { blame: "client", status: 405, rpc: -31405, title: "This method is not served here" },
  conflict: { blame: "client", status: 409, rpc: -31409, title: "This name or address is taken" },
  stale: { blame: "client", status: 412, rpc: -31412, title: "Somebody changed this first" },
  too_large: { blame: "client", status: 413, rpc: -31413, title: "The body is too large" },
  bad_media: {
    blame: "client",
    status: 415,
    rpc: -31415,
    title: "This content type or encoding is not taken",
  },
  invalid: { blame: "client", status: 422, rpc: -32602, title: "The request has mistakes" },
  over_quota: { blame: "config", status: 429, rpc: -31429, title: "A limit of the team is reached" },
  throttled: { blame: "client", status: 429, rpc: -31430, title: "Too many tries; wait" },
  method_refused: {
    blame: "policy",
    status: 200,
    rpc: -31001,
    title: "The policy does not allow this method",
  },
  unknown_target: { blame: "policy", status: 200, rpc: -32602, title: "Unknown name" },
  refused: { blame: "policy", status: 200, rpc: -31002, title: "The policy refused this request" },
  limited: { blame: "policy", status: 200, rpc: -31003, title: "A limit of the policy is reached" },
  approval_required: { blame: "policy", status: 200, rpc: -31004, title: "A person must approve this first" },
  upstream_unreachable: {
    blame: "upstream",
    status: 502,
    rpc: -31502,
    title: "The MCP server cannot be reached",
  },
  upstream_late: {
    blame: "upstream",
    status: 504,
    rpc: -31504,
    title: "The MCP server did not answer in time",
  },
  upstream_bad: {
    blame: "upstream",
    status: 502,
    rpc: -31503,
    title: "The MCP server's answer is not acceptable",
  },
  upstream_busy: { blame: "upstream", status: 503, rpc: -31505, title: "The MCP server is busy" },
  needs_sign_in: {
    blame: "config",
    status: 409,
    rpc: -31506,
    title: "Somebody must sign in to the MCP server first",
  },
  misconfigured: { blame: "config", status: 500, rpc: -31500, title: "The gateway is not set up for this" },
  unavailable: {
    blame: "platform",
    status: 503,
    rpc: -31500,
    title: "A part of the gateway does not answer",
  },
} as const satisfies Record<string, { blame: Blame; status: number; rpc: number; title: string }>;

export type FaultCode = keyof typeof table;

/** Every code, in the table's order. */
export const faultCodes = Object.keys(table) as readonly FaultCode[];

/** One mistake in a document: an RFC 6901 pointer to its place, and what to do about it. */
export interface Finding {
  readonly pointer: string;
  readonly message: string;
}

/** A refusal: a value that travels, never an exception. `detail` is public; what operators need goes to the console. */
export interface Fault {
  readonly fault: FaultCode;
  readonly detail: string;
  readonly errors?: readonly Finding[];
  /** When to try again, in whole seconds. */
  readonly retryAfterS?: number;
}

export const fault = (code: FaultCode, detail: string, errors?: readonly Finding[]): Fault =>
  errors ? { fault: code, detail, errors } : { fault: code, detail };

export const isFault = (value: unknown): value is Fault =>
  typeof value === "object" && value !== null && "fault" in value && "detail" in value;

/** How a fault looks on the wire; total, so that a new code without a row does not compile. */
export const wire = (code: FaultCode): { blame: Blame; status: number; rpc: number; title: string } =>
  table[code];
