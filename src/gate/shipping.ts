import type { OutcomeEntry, Shipment } from "../audit/entry.ts";
import type { TeamId } from "../id.ts";
import type { Approvals } from "./approvals.ts";
import type { Holds } from "./hold.ts";
import type { InForce } from "./in_force.ts";
import type { Ledger } from "./ledger.ts";

/** What shipping works on, and where to. */
export interface ShippingParts {
  readonly storage: DurableObjectStorage;
  readonly inForce: InForce;
  readonly ledger: Ledger;
  readonly holds: Holds;
  readonly approvals: Approvals;
  /** Hands decisions and ends to the team's log; resolves when they are durable there. */
  readonly ship: (team: TeamId, shipment: Shipment) => Promise<void>;
  readonly nowMs: () => number;
}

// Decisions must be in the list within 2 s of the answer (architecture.md §1). Ends come up to half a second late, in batches: a
// call that has ended by then is one entry of the log, with its end in it; one that has not is shipped open.
const shipAfterMs = 1_500;
// An alarm may come a little before its time.
const earlyMs = 250;
// The log takes a batch in one go, and nobody else meanwhile: calls of the same isolate wait for it.
const shipRowsMax = 64;
const batchesMax = 160;
const retryMs = 5_000;
// A stream may last 10 min (protocol.md §5); a call without an end 30 s after that is closed as `unknown`.
const orphanAfterMs = 630_000;

/** What a gate does behind its answers, woken by its alarm: ship, close orphans, give back, expire. */
export class Shipping {
  readonly #parts: ShippingParts;
  #alarmAtMs: number | null = null;

  constructor(parts: ShippingParts) {
    this.#parts = parts;
  }

  /** There is something new for the log. */
  soon(): void {
    this.#wakeBy(this.#parts.nowMs() + shipAfterMs);
  }

  /** Ships what the log does not have yet and closes calls whose end nobody told. At least once: the log drops repeats. */
  async run(): Promise<void> {
    this.#alarmAtMs = null;
    const { inForce, holds, approvals, nowMs } = this.#parts;
    const team = inForce.team;
    if (!team) return;
    this.#closeOrphans();
    const allBack = await holds.giveBack();
    approvals.expire(nowMs());
    try {
      await this.#shipAll(team);
      await approvals.listAll(team, nowMs());
    } catch (error) {
      console.error("the team's log does not take entries", error);
      return this.#retry();
    }
    await this.#announce(team);
    if (!allBack) this.#retry();
    this.plan();
  }

  /** Open calls after this time wait for their ends. Where the gate is woken for something else than a call that is due, none does. */
  get #openAfterMs(): number {
    const dueMs = this.#parts.nowMs() - shipAfterMs;
    const oldestMs = this.#parts.ledger.oldestUnshippedMs;
    return oldestMs !== null && oldestMs <= dueMs + earlyMs ? dueMs : Number.POSITIVE_INFINITY;
  }

  /** What has arrived is forgotten together at the end: to fold the counts costs more than a batch. */
  async #shipAll(team: TeamId): Promise<void> {
    const openAfterMs = this.#openAfterMs;
    try {
      for (let batches = 0; batches < batchesMax && (await this.#ship(team, openAfterMs)); batches++);
    } finally {
      this.#parts.ledger.forgetShipped();
    }
  }

  /** Ships one batch. True where more waits: a busy second leaves more behind than one message should carry. */
  async #ship(team: TeamId, openAfterMs: number): Promise<boolean> {
    const { ledger, ship } = this.#parts;
    const parcel = ledger.unshipped(shipRowsMax, openAfterMs);
    if (!parcel) return false;
    await ship(team, parcel.shipment);
    ledger.shipped(parcel);
    return parcel.isFull;
  }

  /** D1 may be away while the log is not: then the webhooks wait, and nothing else does. */
  async #announce(team: TeamId): Promise<void> {
    try {
      await this.#parts.approvals.announce(team);
    } catch (error) {
      console.error("webhooks cannot be told yet", error);
      this.#retry();
    }
  }

  #closeOrphans(): void {
    const { inForce, ledger } = this.#parts;
    const nowMs = this.#parts.nowMs();
    const grant = inForce.compiled?.snapshot.grant.id;
    const orphans = ledger.book.orphans(nowMs - orphanAfterMs);
    if (!grant || orphans.length === 0) return;
    const outcome = (seq: number): OutcomeEntry => ({
      kind: "outcome",
      gate: grant,
      seq,
      atMs: nowMs,
      end: "unknown",
      status: null,
      bytes: 0,
      ms: orphanAfterMs,
    });
    ledger.settle(orphans.map(outcome));
  }

  /** Sets the alarm for whatever comes next. */
  plan(): void {
    const { ledger, approvals } = this.#parts;
    const openMs = ledger.book.oldestOpenMs;
    const expiryMs = approvals.nextExpiryMs;
    const unshippedMs = ledger.oldestUnshippedMs;
    if (unshippedMs !== null) this.#wakeBy(Math.max(unshippedMs + shipAfterMs, this.#parts.nowMs()));
    if (ledger.hasUnshipped || approvals.hasUnlisted) this.soon();
    if (openMs !== null) this.#wakeBy(openMs + orphanAfterMs + 1);
    if (expiryMs !== null) this.#wakeBy(expiryMs);
  }

  #retry(): void {
    this.#wakeBy(this.#parts.nowMs() + retryMs);
  }

  #wakeBy(atMs: number): void {
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = atMs;
    // Not awaited: the output gate holds every answer until this write is durable too.
    void this.#parts.storage.setAlarm(atMs);
  }
}
