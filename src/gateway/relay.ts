import type { Outcome } from "../gate/rpc.ts";
import type { Rewrite } from "./rewrite.ts";

/** How a body is passed on. Times in ms, sizes in bytes. */
export interface RelayPlan {
  readonly bytesMax: number;
  /** Set for SSE: how often a silent stream gets a comment, which is also how a client that left is noticed. */
  readonly beatMs: number | null;
  /** Asked at every second beat; false ends the stream (a revoked grant's streams follow within 30 s). */
  readonly stands: () => Promise<boolean>;
  /** Where a list must be filtered. */
  readonly rewrite: Rewrite | null;
  /** Hears the bytes that come, before anything is rewritten. */
  readonly listen?: (chunk: Uint8Array) => void;
  /** Called exactly once. */
  readonly ended: (end: Outcome["end"], bytes: number) => void;
}

const comment = new TextEncoder().encode(":\n\n");

/** Passes a body on chunk by chunk as the client takes it, byte for byte unless the plan rewrites. */
export function relay(body: ReadableStream<Uint8Array>, plan: RelayPlan): ReadableStream<Uint8Array> {
  const passage = new Passage(body.getReader(), plan);
  return new ReadableStream({
    pull: (controller) => passage.pull(controller),
    cancel: () => passage.leave("client_gone"),
  });
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = { readonly done: boolean; readonly value?: Uint8Array | undefined };
type Controller = ReadableStreamDefaultController<Uint8Array>;

class Passage {
  readonly #reader: Reader;
  readonly #plan: RelayPlan;
  #reading: Promise<Read> | null = null;
  #bytes = 0;
  #beats = 0;
  #over = false;
  #tail = "";

  constructor(reader: Reader, plan: RelayPlan) {
    this.#reader = reader;
    this.#plan = plan;
  }

  async pull(controller: Controller): Promise<void> {
    while (!this.#over) {
      this.#reading ??= this.#reader.read();
      let next: Read | "beat";
      try {
        next = await this.#orBeat(this.#reading);
      } catch {
        this.#end("upstream_failed");
        return controller.error(new Error("the upstream's stream broke"));
      }
      if (next === "beat") {
        if (await this.#beat(controller)) return;
        continue;
      }
      this.#reading = null;
      if (this.#pass(controller, next.done ? null : (next.value ?? new Uint8Array()))) return;
    }
  }

  /** Enqueues a chunk, or ends with the body. True once the pull has given the client something. */
  #pass(controller: Controller, chunk: Uint8Array | null): boolean {
    this.#bytes += chunk?.byteLength ?? 0;
    if (chunk) this.#plan.listen?.(chunk);
    const out = this.#plan.rewrite ? this.#plan.rewrite(chunk) : (chunk ?? new Uint8Array());
    if (out === null || this.#bytes > this.#plan.bytesMax) {
      void this.leave(out === null ? "upstream_failed" : "too_large");
      controller.error(new Error("the upstream's answer is not acceptable"));
      return true;
    }
    if (out.byteLength > 0) {
      this.#tail = tailOf(this.#tail, out);
      controller.enqueue(out);
    }
    if (chunk === null) {
      this.#end("answered");
      controller.close();
    }
    return chunk === null || out.byteLength > 0;
  }

  /** True where the beat gave the client something, or ended the stream. */
  async #beat(controller: Controller): Promise<boolean> {
    this.#beats++;
    if (this.#beats % 2 === 0 && !(await this.#plan.stands())) {
      await this.leave("answered");
      controller.close();
      return true;
    }
    if (!betweenEvents(this.#tail)) return false;
    controller.enqueue(comment);
    return true;
  }

  async #orBeat<T>(reading: Promise<T>): Promise<T | "beat"> {
    if (this.#plan.beatMs === null) return reading;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const beat = new Promise<"beat">((resolve) => {
      timer = setTimeout(() => resolve("beat"), this.#plan.beatMs ?? 0);
    });
    try {
      return await Promise.race([reading, beat]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the stream from our side and lets go of the upstream. */
  async leave(end: Outcome["end"]): Promise<void> {
    if (this.#over) return;
    this.#end(end);
    await this.#reader.cancel().catch(() => undefined);
  }

  #end(end: Outcome["end"]): void {
    if (this.#over) return;
    this.#over = true;
    this.#plan.ended(end, this.#bytes);
  }
}

/** The last bytes of what was sent: enough to see whether an event has just ended. */
function tailOf(before: string, chunk: Uint8Array): string {
  const last = String.fromCharCode(...chunk.subarray(-4));
  return (before + last).slice(-4);
}

/** Whether a comment may follow: at the start or behind a blank line, never inside an event. */
const betweenEvents = (tail: string): boolean => tail === "" || /(?:\n\n|\r\r|\r\n\r\n)$/.test(tail);
