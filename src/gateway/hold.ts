import type { State } from "../approval/approval.ts";
import { sseEvent } from "../mcp/sse.ts";

/** How a call is held open while a person decides. Times in ms. */
export interface HoldPlan {
  readonly holdMs: number;
  /** How its approval stands; null where it is gone. */
  readonly state: () => Promise<State | null>;
  /** The answer once a person has decided: the call is judged again, as a whole. */
  readonly proceed: () => Promise<Response>;
  /** The JSON-RPC text where nobody decided in time. */
  readonly late: string;
  /** A progress notification's text, where the client asked for those. */
  readonly progress: ((elapsedMs: number) => string) | null;
  /** The JSON-RPC text in the place of an answer that is no JSON-RPC. */
  readonly broken: string;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  readonly now: () => number;
}

const pollMs = 1_000;
// After a minute nobody waits for the second, and a request may make only so many subrequests.
const slowPollMs = 2_000;
const slowAfterMs = 60_000;
const progressEveryMs = 5_000;

type Writer = WritableStreamDefaultWriter<Uint8Array>;

/**
 * An event stream that answers when a person has decided, or when the time is up. The Worker asks the gate again and again,
 * so that no object is kept awake; whoever leaves has given the call up, whatever is decided later. `run` is the work
 * behind it, for `waitUntil`.
 */
export function holdOpen(plan: HoldPlan): { body: ReadableStream<Uint8Array>; run: Promise<void> } {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  return { body: readable, run: run(plan, writable.getWriter()) };
}

async function run(plan: HoldPlan, writer: Writer): Promise<void> {
  try {
    if (await decided(plan, writer)) await answer(plan, writer);
    else await writer.write(sseEvent(plan.late));
    await writer.close();
  } catch (error) {
    // The client left, or a part of the gateway failed: either way nothing goes on.
    await writer.abort(error).catch(() => undefined);
  }
}

/** Waits for a person. False: nobody decided in time. Throws where the client leaves first. */
async function decided(plan: HoldPlan, writer: Writer): Promise<boolean> {
  const startMs = plan.now();
  let toldMs = startMs;
  for (;;) {
    const elapsedMs = plan.now() - startMs;
    const state = await plan.state();
    await writer.write(comment);
    plan.signal.throwIfAborted();
    if (state === "approved" || state === "refused") return true;
    if (state !== "pending" || elapsedMs >= plan.holdMs) return false;
    if (plan.progress && plan.now() - toldMs >= progressEveryMs) {
      toldMs = plan.now();
      await writer.write(sseEvent(plan.progress(elapsedMs)));
    }
    const restMs = Math.max(0, plan.holdMs - elapsedMs);
    await sleep(Math.min(restMs, elapsedMs < slowAfterMs ? pollMs : slowPollMs), plan.signal);
  }
}

async function answer(plan: HoldPlan, writer: Writer): Promise<void> {
  const response = await beating(plan.proceed(), writer);
  try {
    if (isStream(response)) await pass(response, writer);
    else await writer.write(sseEvent(jsonRpcText(await beating(response.text(), writer), plan.broken)));
  } catch (error) {
    await response.body?.cancel(error).catch(() => undefined);
    throw error;
  }
}

async function pass(response: Response, writer: Writer): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read())
      await writer.write(read.value);
  } catch (error) {
    await reader.cancel(error).catch(() => undefined);
    throw error;
  }
}

/** Waits for the work, and shows the client meanwhile that the stream lives. */
async function beating<T>(work: Promise<T>, writer: Writer): Promise<T> {
  for (;;) {
    const done = work.then((value) => ({ value }));
    const won = await Promise.race([done, sleep(progressEveryMs)]);
    if (won) return won.value;
    await writer.write(comment);
  }
}

async function sleep(ms: number, signal?: AbortSignal): Promise<null> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return null;
}

const isStream = ({ headers }: Response): boolean =>
  /^text\/event-stream\b/i.test(headers.get("Content-Type") ?? "");

/** The text, where it is one that a client of JSON-RPC takes for an answer. */
function jsonRpcText(text: string, broken: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "jsonrpc" in value ? text : broken;
  } catch {
    return broken;
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const comment = bytes(":\n\n");
