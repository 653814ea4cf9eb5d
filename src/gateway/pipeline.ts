import { type Fault, fault, isFault } from "../fault.ts";
import { inTime } from "../gate/deadline.ts";
import type { Admission, Caller, GateStub, Outcome, Upstream, View } from "../gate/rpc.ts";
import { type DecisionId, decisionParts, type GrantId, newId, type Random } from "../id.ts";
import type { KeySet } from "../identity/keys.ts";
import type { Refusals } from "../identity/refusals.ts";
import type { VerifiedTokens } from "../identity/verified.ts";
import { decode, type Message } from "../mcp/decode.ts";
import { headersBack, headersOut } from "../mcp/headers.ts";
import { type ForwardDeps, forward } from "../upstream/forward.ts";
import { answerFault, answerRefusal, decisionHeader } from "./answer.ts";
import { askPerson, type Deny, refusalTo } from "./approval.ts";
import { authenticate, unauthenticated } from "./authenticate.ts";
import { listRewrite, type Rewrite } from "./list.ts";
import { rateLimitHeaders } from "./rate_limit.ts";
import { checkOrigin, noSuchServer, readBody, surfaceOf } from "./receive.ts";
import { relay } from "./relay.ts";
import type { RequestStates } from "./request_state.ts";
import { noSuchSession, type Session, type Sessions, sessionHeader } from "./session.ts";
import type { Settlements } from "./settlement.ts";

/** What the way in needs from outside itself; `src/index.ts` fills it in. */
export interface GatewayDeps {
  /** PUBLIC_ORIGIN: the issuer of every token and the only Origin a browser may call from. */
  readonly origin: string;
  readonly keys: KeySet;
  readonly verified: VerifiedTokens;
  readonly gate: (grant: GrantId) => GateStub;
  readonly settlements: Settlements;
  readonly sessions: Sessions;
  readonly refusals: Pick<Refusals, "unknown" | "grant">;
  readonly states: RequestStates;
  readonly forward: ForwardDeps;
  /** The headers that sign in to an upstream, opened from the vault; a fault where they do not open. */
  readonly credential: (caller: Caller, upstream: Upstream) => Promise<Record<string, string> | Fault>;
  /** Looks at a server's tools: pins them where nobody has yet, and else holds back what has changed. */
  readonly look: (caller: Caller, upstream: Upstream) => Promise<void>;
  readonly now: () => number;
  readonly random: Random;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

// Whatever takes longer has failed, and what fails denies.
const gateDeadlineMs = 10_000;
const firstByteMs = 30_000;
const beatMs = 12_000;
const jsonBytesMax = 4 * 1_048_576;
const streamBytesMax = 16 * 1_048_576;

/** One request on its way: what is known of it, and what it may use. */
interface Exchange {
  readonly request: Request;
  readonly requestId: string;
  readonly startedMs: number;
  readonly caller: Caller;
  readonly gate: GateStub;
  readonly session: Session | null;
  readonly deps: GatewayDeps;
}

/** A request to a gateway URL, from its first byte to its last: receive, authenticate, decode, admit, forward, settle. */
export async function serve(request: Request, deps: GatewayDeps): Promise<Response> {
  const requestId = newId("req", deps.random);
  let answer: Response;
  try {
    const served = await enter(request, requestId, deps);
    answer = isFault(served) ? answerFault(served, null, requestId) : served;
  } catch (error) {
    console.error("the pipeline threw", { requestId, error });
    answer = answerFault(unavailable, null, requestId);
  }
  answer.headers.set("X-Request-Id", requestId);
  return answer;
}

const unavailable = fault(
  "unavailable",
  "A part of the gateway does not answer, so nothing was let through. Try again.",
);

async function enter(request: Request, requestId: string, deps: GatewayDeps): Promise<Response | Fault> {
  const startedMs = deps.now();
  const refusedOrigin = checkOrigin(request.headers, deps.origin);
  if (refusedOrigin) return refusedOrigin;
  const bearer = await authenticate(request.headers, { ...deps, nowMs: startedMs });
  if (isFault(bearer)) {
    deps.refusals.unknown("gateway");
    return bearer;
  }
  const surface = surfaceOf(new URL(request.url).pathname);
  if (isFault(surface)) return surface;
  const caller: Caller = { grant: bearer.grant, team: bearer.team, jti: bearer.jti, ...surface };
  const session = await deps.sessions.open(request.headers, caller, startedMs);
  if (isFault(session)) return session;
  const exchange = { request, requestId, startedMs, caller, gate: deps.gate(bearer.grant), session, deps };
  switch (request.method) {
    case "POST":
      return post(exchange);
    case "GET":
    case "DELETE":
      return pass(exchange, null);
    default:
      return fault("method_not_allowed", "A gateway URL takes POST, GET and DELETE.");
  }
}

async function post(exchange: Exchange): Promise<Response | Fault> {
  const { request, requestId } = exchange;
  const body = await readBody(request);
  if (isFault(body)) return body;
  const message = decode(body, {
    protocolVersion: request.headers.get("MCP-Protocol-Version"),
    mcpMethod: request.headers.get("Mcp-Method"),
    mcpName: request.headers.get("Mcp-Name"),
    contentEncoding: request.headers.get("Content-Encoding"),
    contentType: request.headers.get("Content-Type"),
  });
  if (isFault(message)) return answerFault(message, message.id, requestId);
  const served = await (message.targets.length > 0 ? enterCall(exchange, message) : pass(exchange, message));
  return isFault(served) ? answerFault(served, message.id, requestId) : served;
}

/** A message that names something; it may come back from the page of an approval. */
async function enterCall(exchange: Exchange, arrived: Message): Promise<Response | Fault> {
  const { caller, deps } = exchange;
  const call = await deps.states.resume(arrived, caller);
  if (isFault(call)) return call;
  const { message, resumed } = call;
  const admission = await admit(exchange, message);
  if (admission.effect !== "deny" || !admission.waitsFor) return act(exchange, message, admission);
  const deny = { ...admission, waitsFor: admission.waitsFor };
  return askPerson({ ...exchange, message, deny, resumed, proceed: () => enterAgain(exchange, message) });
}

/** A call that was held until a person had decided: judged again as a whole. Its time begins now. */
async function enterAgain(exchange: Exchange, message: Message): Promise<Response> {
  const again = { ...exchange, startedMs: exchange.deps.now() };
  const served = await act(again, message, await admit(again, message));
  return isFault(served) ? answerFault(served, message.id, exchange.requestId) : served;
}

/** Nothing goes on without the gate's recorded Allow. */
function admit({ gate, caller, requestId, session }: Exchange, message: Message): Promise<Admission> {
  const clientName = message.clientName ?? session?.clientName;
  return inTime(
    gate.admit(caller, {
      method: message.method,
      targets: message.targets,
      requestId,
      ...(message.argumentsText === undefined ? {} : { argumentsText: message.argumentsText }),
      ...(message.othersText === undefined ? {} : { othersText: message.othersText }),
      ...(clientName === undefined ? {} : { clientName }),
    }),
    gateDeadlineMs,
  );
}

async function act(exchange: Exchange, message: Message, admission: Admission): Promise<Response | Fault> {
  switch (admission.effect) {
    case "allow":
      return carryOut(exchange, message, admission);
    case "deny":
      return refuse(exchange, message, admission);
    case "gone":
      return turnedAway(exchange, admission.because);
    default:
      return unavailable;
  }
}

function turnedAway({ caller, deps }: Exchange, because: "token" | "route"): Fault {
  if (because === "route") return noSuchServer;
  deps.refusals.grant(caller.team, caller.grant);
  return unauthenticated;
}

function refuse({ deps }: Exchange, message: Message, deny: Deny): Response {
  return answerRefusal(message, refusalTo(deps.origin, deny), deny.decision, deny.limits);
}

type Allow = Extract<Admission, { effect: "allow" }>;

async function carryOut(exchange: Exchange, message: Message, allow: Allow): Promise<Response | Fault> {
  const settle = settler(exchange, allow.decision);
  const answer = await send(exchange, message, allow.upstream);
  if (isFault(answer)) {
    settle("sent" in answer && answer.sent === "perhaps" ? "upstream_failed" : "not_sent", null, 0);
    return withDecision(answerFault(answer, message.id, exchange.requestId), allow);
  }
  const back = await answerBack(exchange, message, answer, {
    upstream: allow.upstream,
    epoch: allow.epoch,
    rewrite: null,
    ended: (end, bytes) => settle(end, answer.status, bytes),
  });
  return withDecision(back, allow);
}

function withDecision(answer: Response, allow: Allow): Response {
  answer.headers.set(decisionHeader, allow.decision);
  for (const [name, value] of rateLimitHeaders(allow.limits, null)) answer.headers.set(name, value);
  return answer;
}

/** Tells the gate once how an allowed call ended, behind the answer. */
function settler({ deps, caller, gate, startedMs }: Exchange, decision: DecisionId) {
  const seq = decisionParts(decision)?.seq ?? 0;
  const told = Promise.withResolvers<void>();
  deps.waitUntil(told.promise);
  return (end: Outcome["end"], status: number | null, bytes: number): void => {
    const outcome = { seq, end, status, bytes, ms: deps.now() - startedMs };
    told.resolve(deps.settlements.add(caller.grant, gate, outcome));
  };
}

/** A message, or a GET or DELETE, that names nothing: it gets the gate's view, and lists are filtered by it. */
async function pass(exchange: Exchange, message: Message | null): Promise<Response | Fault> {
  const { caller, deps } = exchange;
  const view = await viewOf(exchange, message);
  if (view.effect === "gone") return turnedAway(exchange, view.because);
  if (view.refused) {
    return message ? answerRefusal(message, view.refused, null, []) : fault("refused", view.refused.reason);
  }
  const answer = await send(exchange, message, view.upstream);
  if (isFault(answer)) return answer;
  let looked = false;
  const lookAgain = (): void => {
    if (!looked) deps.waitUntil(deps.look(caller, view.upstream));
    looked = true;
  };
  return answerBack(exchange, message, answer, {
    upstream: view.upstream,
    epoch: view.epoch,
    rewrite:
      message?.kind === "response" ? null : listRewrite(message, isStream(answer), view.listed, lookAgain),
    ended: () => undefined,
  });
}

async function viewOf(exchange: Exchange, message: Message | null): Promise<View> {
  const { gate, caller, deps } = exchange;
  const method = message?.kind === "response" ? null : (message?.method ?? null);
  const view = await inTime(gate.view(caller, method), gateDeadlineMs);
  if (view.effect !== "view" || !view.unpinned || method !== "tools/list") return view;
  await deps.look(caller, view.upstream);
  return inTime(gate.view(caller, method), gateDeadlineMs);
}

async function send(
  exchange: Exchange,
  message: Message | null,
  upstream: Upstream,
): Promise<Response | Fault> {
  const { request, caller, session, deps } = exchange;
  if (session && session.server !== upstream.serverId) return noSuchSession;
  const credential = await deps.credential(caller, upstream);
  if (isFault(credential)) return credential;
  const headers = headersOut(request.headers, message?.era ?? "legacy");
  if (session) headers.set(sessionHeader, session.upstreamId);
  return forward(
    deps.forward,
    { url: upstream.url, credential },
    {
      method: request.method as "POST" | "GET" | "DELETE",
      headers,
      signal: request.signal,
      ...(message ? { body: message.body } : {}),
    },
    { firstByteMs },
  );
}

interface Passing {
  readonly upstream: Upstream;
  readonly epoch: number;
  readonly rewrite: Rewrite | null;
  readonly ended: (end: Outcome["end"], bytes: number) => void;
}

/** The upstream's answer on its way back: its status, the headers that may pass, its session sealed, its body relayed. */
async function answerBack(
  exchange: Exchange,
  message: Message | null,
  answer: Response,
  passing: Passing,
): Promise<Response> {
  const { deps, caller, gate } = exchange;
  const headers = headersBack(answer.headers);
  const sealed = await deps.sessions.seal(
    answer.headers,
    caller,
    passing.upstream,
    exchange.session,
    message,
    deps.now(),
  );
  if (sealed) headers.set(sessionHeader, sealed);
  if (!answer.body) {
    passing.ended("answered", 0);
    return new Response(null, { status: answer.status, headers });
  }
  const streamed = isStream(answer);
  const body = relay(answer.body, {
    bytesMax: streamed ? streamBytesMax : jsonBytesMax,
    beatMs: streamed ? beatMs : null,
    stands: async () => (await inTime(gate.stands(caller, passing.epoch), gateDeadlineMs)) !== "gone",
    rewrite: passing.rewrite,
    ended: passing.ended,
  });
  return new Response(body, { status: answer.status, headers });
}

const isStream = (answer: Response): boolean =>
  /^text\/event-stream\b/i.test(answer.headers.get("Content-Type") ?? "");
