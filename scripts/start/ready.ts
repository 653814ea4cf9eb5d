import type { Child } from "./child.ts";
import { Trouble } from "./trouble.ts";

const readyMs = 90_000;
const pauseMs = 100;

/** Resolves once `url` answers 200. A child that ends first, or takes too long, is a `Trouble` with its last words. */
export async function untilReady(child: Child, url: string): Promise<void> {
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  const giveUp = Date.now() + readyMs;
  let last = "no answer";
  while (!ended && Date.now() < giveUp) {
    last = await probe(url);
    if (last === "200") return;
    await new Promise((done) => setTimeout(done, pauseMs));
  }
  const why = ended ? "ended while it started" : `was not ready after ${readyMs / 1000} s (${url}: ${last})`;
  throw new Trouble(`${child.name} ${why}. Its last words, from ${child.log}:\n\n${child.lastWords()}`);
}

/** The HTTP status at `url`, or "no answer". */
export async function probe(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return String(response.status);
  } catch {
    return "no answer";
  }
}
