import { type Fault, isFault } from "../fault.ts";
import type { Gone, Upstream } from "../gate/rpc.ts";
import type { FetchFault } from "../upstream/fetch.ts";
import type { Turn } from "../upstream/traffic.ts";
import { viewOf } from "./ask_gate.ts";
import { unauthenticated } from "./authenticate.ts";
import type { Exchange } from "./exchange.ts";
import { noSuchServer } from "./receive.ts";

/**
 * Does `work` in the exchange's turn with its server: before anything is decided or counted, so that nothing is where
 * there is no turn. Once the server has answered, the turn ends with the answer's body.
 */
export async function inTurn<T>(exchange: Exchange, work: (turn: Turn) => Promise<T>): Promise<T | Fault> {
  const turn = await takeTurn(exchange);
  if (isFault(turn)) return turn;
  try {
    return await work(turn);
  } finally {
    if (!turn.answered) turn.leave();
  }
}

async function takeTurn(exchange: Exchange): Promise<Turn | Fault> {
  const { caller, deps } = exchange;
  const turn = await deps.traffic.enter(`${caller.team} ${caller.serverSlug}`);
  if (!isFault(turn)) return turn;
  // A grant that may not know the server learns nothing of its troubles either.
  const view = await viewOf(exchange, null);
  return view.effect === "gone" ? turnedAway(exchange, view.because) : turn;
}

/** What somebody is told whose grant does not stand here. */
export function turnedAway({ caller, deps }: Exchange, because: Gone): Fault {
  if (because === "route") return noSuchServer;
  deps.refusals.grant(caller.team, caller.grant);
  return unauthenticated;
}

/** Notes how the server answered; what is news of it is written down behind the answer. */
export function noteAnswer(
  { request, caller, deps }: Exchange,
  upstream: Upstream,
  turn: Turn,
  answer: Response | FetchFault,
): void {
  const silent = isFault(answer);
  // A request that was not sent, or whose client left, says nothing of the server.
  if (silent && (answer.sent === "never" || request.signal.aborted)) return;
  const status = silent ? null : answer.status;
  // One tool may want another credential: whether the server takes this one is for a look to say.
  if (status === 401) deps.waitUntil(deps.lookSoon(caller, upstream));
  const news = turn.met(status);
  if (news) deps.waitUntil(deps.noteFare(caller, upstream, news));
}
