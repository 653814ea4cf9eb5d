import { type Fault, fault } from "../fault.ts";

export interface TrafficDeps {
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
}

/** How a server fares, as traffic shows it. */
export type Fare = "ok" | "unreachable";

/** One request's place among those that are under way to a server. */
export interface Turn {
  /** The server has answered, with whatever status. */
  readonly answered: boolean;
  /** Says how the server answered: a status, or null where it did not. Gives what is news of it, or null. */
  met(status: number | null): Fare | null;
  /** Makes room; what is said twice counts once. */
  leave(): void;
}

// protocol.md §5: a server that answers slowly must not hold every request that an isolate can carry.
const inFlightMax = 256;
const waitMsMax = 10_000;
const pollMs = 50;
// A stream may last ten minutes; a turn that is older was lost with its request.
const turnMsMax = 660_000;
const failuresMax = 5;
const retryMs = 15_000;

// Whoever waits asks again at every poll; who has not for so long has left.
const leftAfterMs = 1_000;

class Lane {
  readonly turns = new Map<Turn, number>();
  /** Who waits, in the order in which they came, and when each last asked. */
  readonly waiting = new Map<symbol, number>();
  failures = 0;
  retryAtMs = 0;
  fare: Fare = "ok";

  /** Whether there is a place for it that nobody who came before is waiting for. */
  hasRoomFor(ticket: symbol, nowMs: number): boolean {
    let places = inFlightMax - this.turns.size;
    for (const [other, askedMs] of this.waiting) {
      if (places <= 0 || other === ticket) break;
      if (askedMs >= nowMs - leftAfterMs) places--;
      else this.waiting.delete(other);
    }
    return places > 0;
  }

  get isIdle(): boolean {
    return this.turns.size === 0 && this.waiting.size === 0 && this.failures === 0 && this.fare === "ok";
  }
}

/**
 * The traffic to each server, by isolate and in memory: how much is under way, and whether it is worth trying. Asked
 * before a call is admitted, so what is turned away here was neither counted nor sent.
 */
export class Traffic {
  readonly #deps: TrafficDeps;
  readonly #lanes = new Map<string, Lane>();

  constructor(deps: TrafficDeps) {
    this.#deps = deps;
  }

  /**
   * A turn with the server, after waiting for room at most 10 s (`upstream_busy`). A server that failed five times in a
   * row is `upstream_unreachable` at once, but for one request every 15 s, whose success ends it.
   */
  async enter(server: string): Promise<Turn | Fault> {
    const ticket = Symbol();
    const giveUpMs = this.#deps.now() + waitMsMax;
    for (;;) {
      const nowMs = this.#deps.now();
      const lane = this.#laneOf(server);
      const entered = this.#tryToEnter(server, lane, ticket, nowMs) ?? (nowMs >= giveUpMs ? busy : null);
      if (entered) {
        lane.waiting.delete(ticket);
        return entered;
      }
      lane.waiting.set(ticket, nowMs);
      await this.#deps.wait(pollMs);
    }
  }

  #laneOf(server: string): Lane {
    const lane = this.#lanes.get(server) ?? new Lane();
    this.#lanes.set(server, lane);
    return lane;
  }

  #tryToEnter(server: string, lane: Lane, ticket: symbol, nowMs: number): Turn | Fault | null {
    if (lane.failures >= failuresMax && nowMs < lane.retryAtMs) return failing(lane.retryAtMs - nowMs);
    if (lane.turns.size >= inFlightMax) forgetLost(lane, nowMs - turnMsMax);
    if (!lane.hasRoomFor(ticket, nowMs)) return null;
    lane.retryAtMs = nowMs + retryMs;
    return this.#turn(server, lane, nowMs);
  }

  #turn(server: string, lane: Lane, nowMs: number): Turn {
    let met = false;
    const turn: { answered: boolean } & Turn = {
      answered: false,
      met: (status) => {
        met = true;
        turn.answered = status !== null;
        return fareAfter(lane, status, this.#deps.now());
      },
      leave: () => {
        if (!lane.turns.delete(turn)) return;
        // A try that never reached the server has tried nothing: the next one may.
        if (!met) lane.retryAtMs = 0;
        if (lane.isIdle) this.#lanes.delete(server);
      },
    };
    lane.turns.set(turn, nowMs);
    return turn;
  }
}

function fareAfter(lane: Lane, status: number | null, nowMs: number): Fare | null {
  const failed = status === null || status >= 500;
  lane.failures = failed ? lane.failures + 1 : 0;
  lane.retryAtMs = nowMs + retryMs;
  const fare = lane.failures >= failuresMax ? "unreachable" : "ok";
  if (fare === lane.fare) return null;
  lane.fare = fare;
  return fare;
}

function forgetLost(lane: Lane, beforeMs: number): void {
  for (const [turn, startedMs] of lane.turns) if (startedMs < beforeMs) lane.turns.delete(turn);
}

const failing = (inMs: number): Fault =>
  fault(
    "upstream_unreachable",
    `The server has failed ${failuresMax} times in a row, so nothing was sent or counted. It is tried again in ${Math.ceil(inMs / 1000)} s.`,
  );

const busy = fault(
  "upstream_busy",
  `The server has ${inFlightMax} requests under way, and none has ended within ${waitMsMax / 1000} s: nothing was sent or counted.`,
);
