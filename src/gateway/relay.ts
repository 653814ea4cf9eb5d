import { type Fault, fault, isFault } from "../fault.ts";
import type { Outcome } from "../gate/rpc.ts";
import type { SseFrame } from "../mcp/sse.ts";
import { brokenOff, endOf, type Intake } from "./intake.ts";
import { type Editing, type Rewrite, rewriteStream } from "./rewrite.ts";

/** How a stream of events is passed on. */
export interface RelayPlan {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  readonly editing: Editing | null;
  /** Asked at every second beat; false ends the stream (a revoked grant's streams follow within 30 s). */
  readonly stands: () => Promise<boolean>;
  /** Hears the data of every event, before anything is rewritten. */
  readonly listen: (data: string) => void;
  /** The event that tells the client why its answer does not come; null where it waits for none. */
  readonly failure: ((why: Fault) => Uint8Array) | null;
  /** The client can come back for the rest of a stream whose events are numbered. */
  readonly resumes: boolean;
  /** Called exactly once. */
  readonly ended: (end: Outcome["end"], bytes: number) => void;
}

/** A comment, which every client passes over; and how one that has left is noticed. */
const comment = new TextEncoder().encode(":\n\n");

const revoked = fault("unauthenticated", "The grant does not stand any more.");
const gone = fault("upstream_bad", "The client has left.");

/** Passes a stream on event by event as the client takes it, byte for byte where nothing is edited. */
export function relay(intake: Intake, plan: RelayPlan): ReadableStream<Uint8Array> {
  let passage: Passage;
  return new ReadableStream({
    start: (controller) => {
      passage = new Passage(intake, plan, controller);
    },
    pull: () => passage.pull(),
    cancel: () => passage.leave(),
  });
}

class Passage {
  readonly #intake: Intake;
  readonly #plan: RelayPlan;
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  readonly #rewrite: Rewrite;
  #answered = false;
  #numbered = false;
  #over = false;

  constructor(intake: Intake, plan: RelayPlan, controller: ReadableStreamDefaultController<Uint8Array>) {
    this.#intake = intake;
    this.#plan = plan;
    this.#controller = controller;
    this.#rewrite = rewriteStream(plan.editing, (event) => this.#hear(event));
    intake.beat = (count) => void this.#beat(count);
  }

  async pull(): Promise<void> {
    let given = false;
    while (!given && !this.#over) {
      const next = await this.#intake.read();
      given = isFault(next) ? this.#fail(next) : this.#pass(next);
    }
  }

  /** The client has left. */
  leave(): void {
    this.#intake.close(gone);
    this.#end("client_gone");
  }

  /** Gives the client what comes, or the end. True where that gave it something. */
  #pass(chunk: Uint8Array | null): boolean {
    if (chunk === null && this.#isLost) return this.#fail(brokenOff);
    const out = this.#rewrite(chunk);
    if (isFault(out)) return this.#fail(out);
    if (out.byteLength > 0 && !this.#over) this.#controller.enqueue(out);
    if (chunk === null && this.#end("answered")) this.#controller.close();
    return chunk === null || out.byteLength > 0;
  }

  // The words alone: whoever is wrongly told of a failure has its answer already, and passes it over.
  #hear({ data, id }: SseFrame): void {
    this.#numbered ||= id !== null;
    if (data === null) return;
    this.#answered ||= /"(?:result|error)"/.test(data);
    this.#plan.listen(data);
  }

  #fail(why: Fault, end = endOf(why, this.#plan.signal)): true {
    this.#intake.close(why);
    if (!this.#end(this.#answered && end === "upstream_failed" ? "answered" : end)) return true;
    if (this.#plan.failure && this.#isLost) this.#controller.enqueue(this.#plan.failure(why));
    this.#controller.close();
    return true;
  }

  async #beat(count: number): Promise<void> {
    if (this.#intake.fault) this.#fail(this.#intake.fault);
    else if (count % 2 === 0 && !(await this.#plan.stands().catch(() => false)))
      this.#fail(revoked, "client_gone");
    else if (!this.#over && (this.#controller.desiredSize ?? 0) > 0) this.#controller.enqueue(comment);
  }

  /** The client waits for an answer that will not come, neither here nor if it comes back. */
  get #isLost(): boolean {
    const { failure, resumes } = this.#plan;
    return failure !== null && !this.#answered && !(resumes && this.#numbered);
  }

  /** False where it has ended before. */
  #end(end: Outcome["end"]): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#plan.ended(end, this.#intake.bytes);
    return true;
  }
}
