import { type Fault, fault, isFault } from "../fault.ts";
import { Watch } from "../gate/deadline.ts";
import type { Admission, Caller, Upstream } from "../gate/rpc.ts";
import { type DecisionId, newId } from "../id.ts";
import type { Batch } from "../mcp/batch.ts";
import type { Message } from "../mcp/decode.ts";
import { bindHandles, handleWords } from "../mcp/handle.ts";
import { headersOut } from "../mcp/headers.ts";
import { pathOf } from "../route.ts";
import type { FetchFault } from "../upstream/fetch.ts";
import { type ForwardRequest, forward } from "../upstream/forward.ts";
import type { Turn } from "../upstream/traffic.ts";
import { answerFault, answerRefusal, decisionHeader } from "./answer.ts";
import { answerBack } from "./answer_back.ts";
import { askPerson, type Deny, refusalTo } from "./approval.ts";
import { admit, viewOf } from "./ask_gate.ts";
import { authenticate, isFor, unauthenticated } from "./authenticate.ts";
import { enterBatch } from "./batch.ts";
import { challenge, challengeHeader } from "./challenge.ts";
import type { Exchange, GatewayDeps } from "./exchange.ts";
import { listEditing } from "./list.ts";
import { outgoing } from "./outgoing.ts";
import { rateLimitHeaders } from "./rate_limit.ts";
import { checkOrigin, messageIn, readBody, surfaceOf } from "./receive.ts";
import { type Editing, inOrder } from "./rewrite.ts";
import { askEditing } from "./server_ask.ts";
import { noSuchSession, sessionHeader } from "./session.ts";
import { endUnanswered, settler } from "./settlement.ts";
import { answerUnsent, signedIn } from "./sign_in.ts";
import { inTurn, noteAnswer, turnedAway } from "./turn.ts";

const firstByteMs = 30_000;

/** A request to a gateway URL, from its first byte to its last: receive, authenticate, decode, admit, forward, settle. */
export async function serve(request: Request, deps: GatewayDeps): Promise<Response> {
  const requestId = newId("req", deps.random);
  const watch = new Watch();
  let answer: Response;
  try {
    const served = await enter(request, requestId, deps, watch);
    answer = isFault(served) ? answerFault(served, null, requestId) : served;
  } catch (error) {
    console.error("the pipeline threw", { requestId, error });
    answer = answerFault(unavailable, null, requestId);
  }
  watch.close();
  answer.headers.set("X-Request-Id", requestId);
  if (answer.headers.has(challengeHeader))
    answer.headers.set(challengeHeader, challenge(request, deps.origin));
  return answer;
}

const unavailable = fault(
  "unavailable",
  "A part of the gateway does not answer, so nothing was let through. Try again.",
);

async function enter(
  request: Request,
  requestId: string,
  deps: GatewayDeps,
  watch: Watch,
): Promise<Response | Fault> {
  const startedMs = deps.now();
  const refusedOrigin = checkOrigin(request.headers, deps.origin);
  if (refusedOrigin) return refusedOrigin;
  const verified = await authenticate(request, { ...deps, nowMs: startedMs });
  if (isFault(verified)) {
    deps.refusals.unknown("gateway");
    return verified;
  }
  const surface = surfaceOf(pathOf(request.url));
  if (isFault(surface)) return surface;
  const { grant, team, bearer } = verified;
  if (!isFor(verified, deps.origin, surface)) {
    deps.refusals.grant(team, grant);
    return unauthenticated;
  }
  const caller: Caller = { grant, team, bearer, ...surface };
  const gate = verified.through?.(deps.gate(grant)) ?? deps.gate(grant);
  const session = await deps.sessions.open(request.headers, caller, startedMs);
  if (isFault(session)) return session;
  const exchange = { request, requestId, startedMs, caller, gate, session, deps, watch };
  switch (request.method) {
    case "POST":
      return post(exchange);
    case "GET":
    case "DELETE":
      return inTurn(exchange, (turn) => pass(exchange, null, turn));
    default:
      return fault("method_not_allowed", "A gateway URL takes POST, GET and DELETE.");
  }
}

async function post(exchange: Exchange): Promise<Response | Fault> {
  const { request, requestId } = exchange;
  const body = await readBody(request);
  if (isFault(body)) return body;
  const message = messageIn(body, request.headers);
  if (isFault(message)) return answerFault(message, message.id, requestId);
  if ("members" in message) return postBatch(exchange, message);
  const served = await (message.targets.length > 0
    ? enterCall(exchange, message)
    : inTurn(exchange, (turn) => pass(exchange, message, turn)));
  return isFault(served) ? answerFault(served, message.id, requestId) : served;
}

const postBatch = (exchange: Exchange, batch: Batch): Promise<Response | Fault> =>
  inTurn(exchange, (turn) =>
    enterBatch(exchange, batch, {
      send: (upstream) => send(exchange, batch, upstream, turn),
      editing: (upstream) => editingOf(exchange, null, upstream, null),
      ended: () => turn.leave(),
    }),
  );

/** A message that names something; it may come back from the page of an approval. */
async function enterCall(exchange: Exchange, arrived: Message): Promise<Response | Fault> {
  const { caller, deps } = exchange;
  const call = await deps.states.resume(arrived, caller);
  if (isFault(call)) return call;
  const { message, resumed } = call;
  const served = await inTurn(exchange, async (turn) => {
    const admission = await admit(exchange, message);
    return admission.effect === "deny" && admission.waitsFor
      ? { ...admission, waitsFor: admission.waitsFor }
      : act({ ...exchange, resumed }, message, admission, turn);
  });
  // A person takes their time, and the server's turns are not to wait for it.
  if (!("waitsFor" in served)) return served;
  const proceed = () => enterAgain(exchange, message);
  return askPerson({ ...exchange, message, deny: served, resumed, proceed });
}

/** A call that was held until a person had decided: judged again as a whole. Its time begins now. */
async function enterAgain(exchange: Exchange, message: Message): Promise<Response> {
  const again = { ...exchange, startedMs: exchange.deps.now() };
  const served = await inTurn(again, async (turn) => act(again, message, await admit(again, message), turn));
  return isFault(served) ? answerFault(served, message.id, exchange.requestId) : served;
}

/** Nothing goes on without the gate's recorded Allow. */
async function act(
  exchange: Exchange,
  message: Message,
  admission: Admission,
  turn: Turn,
): Promise<Response | Fault> {
  switch (admission.effect) {
    case "allow":
      return carryOut(exchange, message, admission, turn);
    case "deny":
      return refuse(exchange, message, admission);
    case "gone":
      return turnedAway(exchange, admission.because);
    default:
      return unavailable;
  }
}

function refuse({ deps }: Exchange, message: Message, deny: Deny): Response {
  return answerRefusal(message, refusalTo(deps.origin, deny), deny.decision, deny.limits);
}

type Allow = Extract<Admission, { effect: "allow" }>;

async function carryOut(
  exchange: Exchange,
  message: Message,
  allow: Allow,
  turn: Turn,
): Promise<Response | Fault> {
  const settle = settler(exchange, allow.decision);
  const answer = await send(exchange, message, allow.upstream, turn);
  if (isFault(answer)) {
    settle(endUnanswered(answer, exchange.request.signal), null, 0);
    return withDecision(await answerUnsent(exchange, message, answer, allow.decision), allow);
  }
  const back = await answerBack(exchange, message, answer, {
    upstream: allow.upstream,
    epoch: allow.epoch,
    editing: editingOf(exchange, message, allow.upstream, allow.decision),
    ended: (end, bytes) => {
      turn.leave();
      settle(end, answer.status, bytes);
    },
  });
  return withDecision(back, allow);
}

function withDecision(answer: Response, allow: Allow): Response {
  answer.headers.set(decisionHeader, allow.decision);
  for (const [name, value] of rateLimitHeaders(allow.limits, null)) answer.headers.set(name, value);
  return answer;
}

/** A message, or a GET or DELETE, that names nothing: it gets the gate's view, and lists are filtered by it. */
async function pass(exchange: Exchange, message: Message | null, turn: Turn): Promise<Response | Fault> {
  const { caller, deps } = exchange;
  const view = await viewOf(exchange, message);
  if (view.effect === "gone") return turnedAway(exchange, view.because);
  if (view.refused) {
    return message ? answerRefusal(message, view.refused, null, []) : fault("refused", view.refused.reason);
  }
  const answer = await send(exchange, message, view.upstream, turn);
  if (isFault(answer)) return answer;
  const lookSoon = (): void => deps.waitUntil(deps.lookSoon(caller, view.upstream));
  return answerBack(exchange, message, answer, {
    upstream: view.upstream,
    epoch: view.epoch,
    editing:
      message?.kind === "response"
        ? null
        : inOrder(
            listEditing(message, view.listed, lookSoon),
            editingOf(exchange, message, view.upstream, null),
          ),
    ended: () => turn.leave(),
  });
}

/** What every answer's messages are held to: they ask only for what the server may, and their handles are bound. */
function editingOf(
  exchange: Exchange,
  message: Message | null,
  upstream: Upstream,
  decision: DecisionId | null,
): Editing | null {
  const { deps, caller, requestId } = exchange;
  const answered = (text: string): void => deps.waitUntil(reply(exchange, upstream, text));
  const bind = deps.states.bind(caller, upstream.serverId, { message, decision, now: deps.now });
  const { team, grant } = caller;
  const refused = (rule: string) => deps.refusals.ask({ team, grant, server: upstream.serverId, rule });
  return inOrder(askEditing({ message, upstream, decision, requestId, refused, reply: answered }), {
    edit: (received) => bindHandles(received, bind),
    words: handleWords,
  });
}

/** Answers a request of the server's own in the client's place. */
async function reply(exchange: Exchange, upstream: Upstream, text: string): Promise<void> {
  const headers = headersOut(exchange.request.headers, "legacy");
  headers.set("Content-Type", "application/json");
  headers.set("Accept", "application/json, text/event-stream");
  headers.delete("Last-Event-ID");
  const body = new TextEncoder().encode(text);
  const taken = await reach({ ...exchange, watch: new Watch() }, upstream, { method: "POST", headers, body });
  if (taken instanceof Response) await taken.body?.cancel();
}

async function send(
  exchange: Exchange,
  message: Message | Batch | null,
  upstream: Upstream,
  turn: Turn,
): Promise<Response | Fault> {
  const { request, caller, deps } = exchange;
  const out = outgoing(request, message, deps.states.open(caller, upstream.serverId));
  if (isFault(out)) return out;
  const method = request.method as ForwardRequest["method"];
  const answer = await reach(exchange, upstream, { method, signal: request.signal, ...out });
  if ("fault" in answer && !("sent" in answer)) return answer;
  noteAnswer(exchange, upstream, turn, answer);
  // These wait for the server to speak, perhaps for ever: they are no work of its.
  const waits = !message || ("method" in message && message.method === "subscriptions/listen");
  if (waits) turn.leave();
  return answer;
}

/** The server's answer to a request in the client's session, signed in; a fault without `sent` where nothing was tried. */
async function reach(
  exchange: Exchange,
  upstream: Upstream,
  request: ForwardRequest,
): Promise<Response | Fault | FetchFault> {
  const { session, deps, watch } = exchange;
  if (session !== null && session.server !== upstream.serverId) return noSuchSession;
  if (session !== null) request.headers.set(sessionHeader, session.upstreamId);
  return signedIn(exchange, upstream, (credential) =>
    forward(deps.forward, { url: upstream.url, credential }, request, { firstByteMs, arm: watch.arm }),
  );
}
