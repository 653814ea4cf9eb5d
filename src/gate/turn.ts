import { decisionId, type TeamId } from "../id.ts";
import type { Calendar } from "../limit/calendar.ts";
import { type Charge, type Taking, takeAll } from "../limit/take.ts";
import {
  type Limits,
  limitState,
  mayGo,
  outcomeOf,
  refusalOf,
  testOnly,
  together,
  upstreamOf,
  waitsFor,
} from "./admission.ts";
import type { Approvals } from "./approvals.ts";
import { readArguments } from "./arguments.ts";
import { entryOf, type Heard } from "./decision.ts";
import type { Held, Holds } from "./hold.ts";
import type { InForce } from "./in_force.ts";
import { judge } from "./judge.ts";
import type { Ledger } from "./ledger.ts";
import type { Admission, Ask, Caller, Continued } from "./rpc.ts";
import type { Sealed, Snapshot } from "./snapshot.ts";
import { type Compiled, stand } from "./standing.ts";

/** What a turn works on: all of it is the gate's own, and none of it is awaited. */
export interface TurnParts {
  readonly inForce: InForce;
  readonly calendar: Calendar;
  readonly ledger: Ledger;
  readonly holds: Holds;
  readonly approvals: Approvals;
  /** The team's key for argument hashes, by its wrapped data key; null in what a gate kept of an earlier version. */
  readonly argumentKey: (team: TeamId, dataKey: Sealed | null) => Uint8Array;
  readonly nowMs: () => number;
}

/**
 * How a gate decides a call: it hears it, reserves what is shared, and concludes in one turn, in which nothing is awaited
 * between reading the counters and writing the row, so no two calls can take the same room.
 */
export class Turn {
  readonly #parts: TurnParts;
  #argumentKey: { readonly of: Sealed | null; readonly key: Uint8Array } | null = null;

  constructor(parts: TurnParts) {
    this.#parts = parts;
  }

  /** Derived once for a wrapping: a gate has one team for life, and the master keys change only with a restart. */
  #keyOf({ id, dataKey }: Snapshot["team"]): Uint8Array {
    const of = dataKey ?? null;
    if (this.#argumentKey?.of !== of) this.#argumentKey = { of, key: this.#parts.argumentKey(id, of) };
    return this.#argumentKey.key;
  }

  /** Judges a message by the policies alone; an admission where that is the end of it, with nothing recorded. */
  hear(compiled: Compiled, caller: Caller, ask: Ask): Heard | Admission {
    const nowMs = this.#parts.nowMs();
    const standing = stand(compiled, caller, nowMs);
    if ("gone" in standing) return { effect: "gone", because: standing.gone };
    if (this.#parts.ledger.full) return { effect: "full" };
    const args = readArguments(ask.argumentsText);
    const judged = judge(compiled, standing.route, ask, args, nowMs);
    const continues = this.#continues(ask, nowMs) ? ask.continues.seq : null;
    return { compiled, caller, route: standing.route, ask, args, judged, continues };
  }

  #continues(ask: Ask, nowMs: number): ask is Ask & { readonly continues: Continued } {
    return ask.continues !== undefined && this.#parts.ledger.mayContinue(ask.continues, nowMs);
  }

  /** The charges to take to shared counters: none where the gate's own limits refuse already, or another round was counted. */
  toReserve({ judged, continues }: Heard): Charge[] {
    const { charges } = judged;
    const shared = charges.filter((charge) => charge.shared);
    if (!mayGo(judged) || continues !== null || shared.length === 0) return [];
    return this.#takeOwn(charges, this.#parts.nowMs()).ok ? shared : [];
  }

  #takeOwn(charges: readonly Charge[], nowMs: number): Taking {
    const own = charges.filter((charge) => !charge.shared);
    return takeAll(this.#parts.ledger.book.series, own, nowMs, this.#parts.calendar);
  }

  #limits({ judged: { charges }, continues }: Heard, held: readonly Held[], nowMs: number): Limits {
    return continues === null
      ? together(charges, this.#takeOwn(charges, nowMs), held, nowMs)
      : testOnly(this.#parts.ledger.book.series, charges, nowMs, this.#parts.calendar);
  }

  /** Takes the limits and writes the decision. Null: what was heard no longer holds, so hear again. */
  conclude(heard: Heard, held: readonly Held[]): Admission | null {
    const { inForce, ledger, holds, approvals } = this.#parts;
    const { compiled, caller, judged } = heard;
    const nowMs = this.#parts.nowMs();
    const limits = mayGo(judged) ? this.#limits(heard, held, nowMs) : null;
    const stale =
      inForce.compiled !== compiled ||
      "gone" in stand(compiled, caller, nowMs) ||
      (heard.continues !== null && !this.#continues(heard.ask, nowMs));
    if (stale || (limits?.ok && !holds.usable(held))) {
      holds.release(held);
      return null;
    }
    const met = limits?.ok ? approvals.meet(heard, nowMs) : null;
    const { verdict, rule, reason } = outcomeOf(judged, limits, met);
    const entry = entryOf(
      heard,
      ledger.nextSeq,
      nowMs,
      { verdict, rule, reason },
      this.#keyOf(compiled.snapshot.team),
    );
    const decision = decisionId(entry.gate, entry.seq);
    const states = (limits?.standings ?? []).flatMap((one) => limitState(one, nowMs));
    if (verdict !== "allowed") {
      ledger.append(entry, []);
      holds.release(held);
      const refusal = refusalOf(verdict, rule, reason, limits, nowMs);
      return { effect: "deny", decision, refusal, limits: states, waitsFor: waitsFor(met, judged) };
    }
    if (!limits?.ok) throw new Error("a call was allowed without its limits");
    ledger.append(entry, [...limits.takes, ...holds.use(held)]);
    if (met?.state === "approved") approvals.use(met.seq, met.approval, nowMs);
    return {
      effect: "allow",
      epoch: entry.epoch,
      decision,
      upstream: upstreamOf(heard.route),
      limits: states,
    };
  }
}
