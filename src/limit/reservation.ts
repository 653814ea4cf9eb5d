import type { GrantId } from "../id.ts";
import type { Cap, Reading } from "./window.ts";

/** A gate's wish to take from a shared counter, for a call that it may let through. */
export interface Reservation {
  /** Names this attempt alone, in any counter. */
  readonly id: string;
  readonly gate: GrantId;
  /** In millionths. */
  readonly amount: bigint;
  /** How much it would rather have, for the calls that come next: a lease. 0: no more than the amount. */
  readonly block: bigint;
  /** Every limit that the call must fit under here; none where it only counts, in shadow. */
  readonly caps: readonly Cap[];
  /** The team's zone, and the epoch in which the gate learnt of it: the latest word holds. */
  readonly zone: string;
  readonly epoch: number;
}

/** A call that was let through this long after the gate asked, by the gate's clock; `seq` is its decision's. */
export interface Use {
  readonly seq: number;
  readonly elapsedMs: number;
  readonly amount: bigint;
}

/** What became of a reservation. Told any number of times, each has its effect once. */
export type Notice =
  /** These calls were let through, and never will another be. */
  | { readonly id: string; readonly end: "used"; readonly uses: readonly Use[] }
  /** None was, and never will be. */
  | { readonly id: string; readonly end: "void" }
  /** Nobody knows, so all of it counts as used at the last moment at which it could have been. */
  | { readonly id: string; readonly end: "assumed" }
  /** One call, let through and counted at `atMs`: its request provably never left the gateway. */
  | {
      readonly id: string;
      readonly end: "returned";
      readonly seq: number;
      readonly atMs: number;
      readonly amount: bigint;
    };

/** Names one call's part of a reservation. */
export const partOf = ({ id, seq }: { readonly id: string; readonly seq: number }): string => `${id} ${seq}`;

/** The counter's answer, in its own time: `atMs` is its now. */
export interface Reserved {
  readonly granted: boolean;
  /** What was granted, in millionths: the amount, or a block. */
  readonly amount: bigint;
  readonly atMs: number;
  /** One a cap, in order. */
  readonly before: readonly Reading[];
  /** With all that was granted, if it was. */
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
