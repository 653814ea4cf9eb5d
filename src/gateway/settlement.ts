import type { Fault } from "../fault.ts";
import type { GateStub, Outcome } from "../gate/rpc.ts";
import { type DecisionId, decisionParts, type GrantId } from "../id.ts";
import type { FetchFault } from "../upstream/fetch.ts";
import type { Exchange } from "./exchange.ts";
import { endOf } from "./intake.ts";

// Soon enough for a gate to ship a short call together with its end (gate/shipping.ts).
const flushAfterMs = 500;
const flushAt = 32;

/**
 * How calls ended, gathered per isolate and gate, so that a busy grant costs one request and one row for many outcomes
 * (architecture.md §1). What is lost with an isolate is closed by the gate as `unknown`.
 */
export class Settlements {
  readonly #waiting = new Map<GrantId, Outcome[]>();

  /** Adds an outcome; resolves when this request's share of the work is done, so hand it to `waitUntil`. */
  async add(grant: GrantId, gate: Pick<GateStub, "settle">, outcome: Outcome): Promise<void> {
    const others = this.#waiting.get(grant);
    if (others) {
      others.push(outcome);
      if (others.length >= flushAt) await this.#flush(grant, gate);
      return;
    }
    this.#waiting.set(grant, [outcome]);
    await new Promise((resolve) => setTimeout(resolve, flushAfterMs));
    await this.#flush(grant, gate);
  }

  async #flush(grant: GrantId, gate: Pick<GateStub, "settle">): Promise<void> {
    const outcomes = this.#waiting.get(grant);
    if (!outcomes) return;
    this.#waiting.delete(grant);
    try {
      await gate.settle(outcomes);
    } catch (error) {
      console.error("a gate does not take outcomes", error);
    }
  }
}

/** Tells the gate once how an allowed call ended, behind the answer. */
export function settler({ deps, caller, gate, startedMs }: Exchange, decision: DecisionId) {
  const seq = decisionParts(decision)?.seq ?? 0;
  const told = Promise.withResolvers<void>();
  deps.waitUntil(told.promise);
  return (end: Outcome["end"], status: number | null, bytes: number): void => {
    const outcome = { seq, end, status, bytes, ms: deps.now() - startedMs };
    told.resolve(deps.settlements.add(caller.grant, gate, outcome));
  };
}

/** How the record calls the end of a call that got no answer. What never left the gateway is given back to its limits. */
export const endUnanswered = (why: Fault | FetchFault, client: AbortSignal): Outcome["end"] =>
  "sent" in why && why.sent === "perhaps" ? endOf(why, client) : "not_sent";
