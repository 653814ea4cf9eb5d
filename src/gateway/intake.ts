import { type Fault, fault } from "../fault.ts";
import type { Outcome } from "../gate/rpc.ts";

/** How much of a body is taken. */
export interface Bounds {
  readonly bytesMax: number;
  /** Silence means that there is nothing to say, not that the server is stuck. */
  readonly patient: boolean;
}

const beatMs = 12_000;
const silentBeatsMax = 5;
const beatsMax = 50;
/** How long a server may be silent (protocol.md §5). */
export const silentMs = silentBeatsMax * beatMs;

/**
 * The body of an upstream's answer, for as long as it keeps to its bounds. One clock drives all that time drives: the beats,
 * the deadline for silence, and the one of ten minutes for the whole.
 */
export class Intake {
  /** So many have come. */
  bytes = 0;
  /** Why it is closed; null while it is open. */
  fault: Fault | null = null;
  /** Hears every beat, by its number. */
  beat: (count: number) => void = () => undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #bounds: Bounds;
  readonly #clock: ReturnType<typeof setInterval>;
  #waiting = false;
  #silent = 0;
  #beats = 0;

  constructor(body: ReadableStream<Uint8Array>, bounds: Bounds) {
    this.#reader = body.getReader();
    this.#bounds = bounds;
    this.#clock = setInterval(() => this.#tick(), beatMs);
  }

  /** The next bytes; null at the end; a fault where no more are taken. Behind both it is closed. */
  async read(): Promise<Uint8Array | null | Fault> {
    this.#waiting = true;
    const next = await this.#reader.read().catch(() => null);
    this.#waiting = false;
    this.#silent = 0;
    if (this.fault) return this.fault;
    if (!next) return this.close(brokenOff);
    if (next.done) {
      this.close(brokenOff);
      return null;
    }
    this.bytes += next.value.byteLength;
    return this.bytes > this.#bounds.bytesMax ? this.close(tooMuch) : next.value;
  }

  /** Lets go of the upstream; gives the fault that it was closed for first. */
  close(why: Fault): Fault {
    if (this.fault) return this.fault;
    this.fault = why;
    clearInterval(this.#clock);
    // What is over cannot be given up, and need not be.
    this.#reader.cancel().catch(() => undefined);
    return why;
  }

  #tick(): void {
    this.#beats++;
    // While nobody reads, it is the client who is slow.
    if (this.#waiting) this.#silent++;
    if (this.#beats >= beatsMax) this.close(tooSlow);
    else if (this.#silent > silentBeatsMax && !this.#bounds.patient) this.close(silent);
    this.beat(this.#beats);
  }
}

export const brokenOff = fault("upstream_bad", "The server's answer broke off.");
export const tooMuch = fault("upstream_bad", "The server's answer is longer than the gateway passes on.");
export const silent = fault("upstream_late", "The server was silent for a minute.");
const tooSlow = fault("upstream_late", "The server's answer has taken ten minutes.");

/** How the record calls an end for that reason. A client that leaves takes its upstream with it, which then looks broken. */
export function endOf(why: Fault, client: AbortSignal): Outcome["end"] {
  if (client.aborted) return "client_gone";
  return why === tooMuch ? "too_large" : "upstream_failed";
}
