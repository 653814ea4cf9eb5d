import { type Fault, fault, isFault } from "../fault.ts";
import type { Arm } from "../gate/deadline.ts";
import { type GuardRules, judgeUrl } from "./guard.ts";

export interface FetchDeps {
  readonly fetch: typeof fetch;
  readonly rules: GuardRules;
}

/** What an answer may cost, from the request's first byte to the answer's last. */
export interface FetchCaps {
  readonly bytesMax: number;
  readonly timeoutMs: number;
}

/** The platform's own fetch, for the composition root to pass in; nothing else may call it. */
export const platformFetch: typeof fetch = (input, init) => fetch(input, init);

/** A fault of a fetch. `sent` is "never" only where not one byte can have left the gateway. */
export interface FetchFault extends Fault {
  readonly sent: "never" | "perhaps";
}

/**
 * Fetches an address that somebody else named. Redirects are not followed, and a 3xx is `upstream_bad`; an address that the
 * guard refuses is `invalid`. The body of the answer breaks off (its reader throws) beyond the caps.
 */
export async function guardedFetch(
  deps: FetchDeps,
  url: string,
  init: RequestInit,
  caps: FetchCaps,
): Promise<Response | FetchFault> {
  // Before the deadline: its timer would outlive the answer.
  const judged = judge(url, deps);
  if (isFault(judged)) return judged;
  const deadline = AbortSignal.timeout(caps.timeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
  const answer = await open(deps, judged.url, { ...init, signal }, caps.timeoutMs, timer);
  if (isFault(answer)) return deadline.aborted && answer.sent === "perhaps" ? late : answer;
  if (!answer.body) return answer;
  const { status, headers } = answer;
  return new Response(capped(answer.body, caps.bytesMax), { status, headers });
}

/**
 * The same for a caller that relays the body and caps it on the way: only the answer's first byte has a deadline here.
 * Aborting `init.signal` at any time lets go of the connection.
 */
export async function guardedOpen(
  deps: FetchDeps,
  url: string,
  init: RequestInit,
  firstByteMs: number,
  arm: Arm = timer,
): Promise<Response | FetchFault> {
  const judged = judge(url, deps);
  return isFault(judged) ? judged : open(deps, judged.url, init, firstByteMs, arm);
}

function judge(url: string, { rules }: FetchDeps): { readonly url: URL } | FetchFault {
  const judged = judgeUrl(url, rules);
  return isFault(judged) ? { ...judged, sent: "never" } : judged;
}

async function open(
  deps: FetchDeps,
  url: URL,
  init: RequestInit,
  firstByteMs: number,
  arm: Arm,
): Promise<Response | FetchFault> {
  if (init.signal?.aborted) return { ...givenUp, sent: "never" };
  const answer = await fetchBefore(deps.fetch, url, init, (late) => arm(firstByteMs, late));
  if (isFault(answer) || answer.status < 300 || answer.status > 399) return answer;
  await answer.body?.cancel();
  return redirected;
}

const timer: Arm = (ms, late) => {
  const set = setTimeout(late, ms);
  return () => clearTimeout(set);
};

const givenUp: FetchFault = {
  ...fault("upstream_unreachable", "The request was given up before the server answered."),
  sent: "perhaps",
};
const unreachable: FetchFault = {
  ...fault(
    "upstream_unreachable",
    "The server refused or broke the connection, or its name does not resolve.",
  ),
  sent: "perhaps",
};
const late: FetchFault = {
  ...fault("upstream_late", "The server did not begin to answer in time."),
  sent: "perhaps",
};
const redirected: FetchFault = {
  ...fault(
    "upstream_bad",
    "The server answered with a redirect, which is not followed. Register its final address.",
  ),
  sent: "perhaps",
};

async function fetchBefore(
  fetch: FetchDeps["fetch"],
  url: URL,
  init: RequestInit,
  watch: (late: () => void) => () => void,
): Promise<Response | FetchFault> {
  const overdue = new AbortController();
  const disarm = watch(() => overdue.abort());
  const signal = init.signal ? AbortSignal.any([init.signal, overdue.signal]) : overdue.signal;
  try {
    return await fetch(url, { ...init, signal, redirect: "manual" });
  } catch {
    // The error's text may quote headers and addresses, so none of it travels on.
    if (overdue.signal.aborted) return late;
    return init.signal?.aborted ? givenUp : unreachable;
  } finally {
    disarm();
  }
}

function capped(body: ReadableStream<Uint8Array>, bytesMax: number): ReadableStream<Uint8Array> {
  let bytes = 0;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > bytesMax) controller.error(new RangeError(`the answer is longer than ${bytesMax} bytes`));
        else controller.enqueue(chunk);
      },
    }),
  );
}
