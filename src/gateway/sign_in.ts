import { type Fault, isFault } from "../fault.ts";
import type { Upstream } from "../gate/rpc.ts";
import type { DecisionId } from "../id.ts";
import type { Message } from "../mcp/decode.ts";
import { signInByError, signInByResult } from "../mcp/elicit.ts";
import { readChallenge } from "../upstream/challenge.ts";
import type { CredentialHeaders } from "../upstream/credential.ts";
import type { FetchFault } from "../upstream/fetch.ts";
import { answerFault, json } from "./answer.ts";
import { elicitsUrls } from "./approval.ts";
import type { Exchange } from "./exchange.ts";

type Answer = Response | FetchFault;

/**
 * Sends a request signed in to its server. A 401 says that the request was not run (RFC 9110 §15.5.2), so where an account
 * has a newer token it is sent once more; nothing else is ever sent twice. A fault without `sent` where nothing was run.
 */
export async function signedIn(
  exchange: Exchange,
  upstream: Upstream,
  send: (headers: CredentialHeaders) => Promise<Answer>,
): Promise<Answer | Fault> {
  const { caller, deps } = exchange;
  const headers = await deps.credential(caller, upstream, null);
  if (isFault(headers)) return withLink(exchange, headers);
  const answer = await send(headers);
  const account =
    upstream.credential && "account" in upstream.credential ? upstream.credential.account : null;
  if (isFault(answer) || !account?.connection) return answer;
  if (answer.status === 403) noteScope(exchange, upstream, answer);
  if (answer.status !== 401) return answer;
  const newer = await deps.credential(caller, upstream, headers);
  if (isFault(newer) && newer.fault !== "needs_sign_in") return answer;
  await answer.body?.cancel();
  return isFault(newer) ? withLink(exchange, newer) : send(newer);
}

/** Where somebody can mend it: the agent's user, or whoever reads its log. */
function withLink({ caller, deps }: Exchange, refused: Fault): Fault {
  if (refused.fault !== "needs_sign_in") return refused;
  return { ...refused, detail: `${refused.detail} Connect it at ${connectUrl(deps.origin, caller)}` };
}

const connectUrl = (origin: string, { teamSlug, serverSlug }: Exchange["caller"]): string =>
  `${origin}/connections/${teamSlug}/${serverSlug}`;

/** What a call comes to that got no answer: where it lacks an account, its client's user is sent to connect it, once. */
export async function answerUnsent(
  exchange: Exchange,
  message: Message,
  refused: Fault,
  decision: DecisionId,
): Promise<Response> {
  const { caller, session, deps, requestId, resumed } = exchange;
  const elicits = message.kind === "request" && !resumed && elicitsUrls(message, session);
  if (refused.fault !== "needs_sign_in" || !elicits) return answerFault(refused, message.id, requestId);
  const at = { id: decision, url: connectUrl(deps.origin, caller), message: refused.detail };
  const text =
    message.era === "legacy"
      ? signInByError(message, at)
      : signInByResult(message, at, await deps.states.seal(caller, message, null));
  return json(text, 200, []);
}

/** RFC 6750 §3.1: the account may do less than the call needs. Whether to grant it more is for its person. */
function noteScope({ deps }: Exchange, upstream: Upstream, answer: Response): void {
  const challenge = readChallenge(answer.headers);
  const scope = challenge?.error === "insufficient_scope" ? challenge.scope : null;
  if (scope !== null) deps.waitUntil(deps.wantScope(upstream, scope));
}
