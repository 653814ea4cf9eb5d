import type { GrantId } from "../id.ts";
import type { Cap, Reading } from "./window.ts";

/** A gate's wish to take from a shared counter, for a call that it may let through. */
export interface Reservation {
  /** Names this attempt alone, in any counter. */
  readonly id: string;
  readonly gate: GrantId;
  /** In millionths. */
  readonly amount: bigint;
  /** Every limit that the call must fit under here; none where it only counts, in shadow. */
  readonly caps: readonly Cap[];
  /** The team's zone, and the epoch in which the gate learnt of it: the latest word holds. */
  readonly zone: string;
  readonly epoch: number;
}

/** What became of a reservation. Told any number of times, each has its effect once. */
export type Notice =
  /** The call was let through this long after the gate asked, by the gate's clock. */
  | { readonly id: string; readonly end: "used"; readonly elapsedMs: number }
  /** It was not, and never will be. */
  | { readonly id: string; readonly end: "void" }
  /** Nobody could be asked, so it counts as used at the last moment at which it could have been. */
  | { readonly id: string; readonly end: "assumed" }
  /** It was let through, counted at `atMs`, and the request provably never left the gateway. */
  | { readonly id: string; readonly end: "returned"; readonly atMs: number; readonly amount: bigint };

/** The counter's answer, in its own time: `atMs` is its now. */
export interface Reserved {
  readonly granted: boolean;
  readonly atMs: number;
  /** One a cap, in order. */
  readonly before: readonly Reading[];
  /** With the amount, if it was granted. */
  readonly after: readonly Reading[];
}

/** The methods of a `SharedCounter` that gates call, as an RPC stub offers them. */
export interface CounterStub {
  reserve(reservation: Reservation, notices: readonly Notice[]): Promise<Reserved>;
  tell(notices: readonly Notice[]): Promise<void>;
  read(caps: readonly Cap[], zone: string): Promise<Reserved>;
}

/** How long after asking a gate may still use what it was granted; later it must ask again. */
export const usableMs = 4_000;
/** How long a counter waits to be told before it asks the gate. */
export const askAfterMs = 5_000;
