import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { DecisionEntry, Ending } from "../../src/audit/entry.ts";
import { outcomeOf } from "../../src/audit/entry_text.ts";
import { Ledger } from "../../src/gate/ledger.ts";
import type { Parcel } from "../../src/gate/parcel.ts";
import { gate, recorded } from "./recorded.ts";

const calls = 300;
const runs = 20;

/** What a log holds that passes over what it has, as the real one does. */
class Told {
  readonly decisions: number[] = [];
  readonly ends = new Map<number, number>();

  take({ shipment }: Parcel): void {
    for (const [text, end] of shipment.calls) {
      const { seq } = JSON.parse(text) as DecisionEntry;
      if (seq > (this.decisions.at(-1) ?? 0)) this.decisions.push(seq);
      if (end !== null) this.ends.set(seq, (JSON.parse(end) as Ending).bytes);
    }
    for (const end of shipment.others) if (end.kind === "outcome") this.ends.set(end.seq, end.bytes);
  }
}

/** mulberry32 */
function generator(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

async function live(seed: number): Promise<void> {
  const pick = generator(seed);
  const stub = env.GATES.get(env.GATES.idFromName(`grt_parcels_${seed}`));
  await runInDurableObject(stub, (_, { storage }) => {
    const wake = () => new Ledger(storage, () => []);
    const told = new Told();
    let ledger = wake();
    const open: number[] = [];
    const ship = (rowsMax: number, openAfterMs: number) => {
      for (;;) {
        const parcel = ledger.unshipped(rowsMax, openAfterMs);
        if (!parcel) return;
        told.take(parcel);
        // The gate may die before it hears that the log has it.
        if (pick(12) === 0) {
          ledger = wake();
          return;
        }
        ledger.shipped(parcel);
      }
    };
    const end = (count: number) => {
      const ended = open.splice(pick(Math.max(1, open.length - count)), count);
      const atMs = ledger.nowMs(0);
      ledger.settle(
        ended.map((seq) =>
          outcomeOf({ gate, seq }, { atMs, end: "answered", status: 200, bytes: seq * 7, ms: 1 }),
        ),
      );
    };
    for (let seq = 1; seq <= calls; seq++) {
      ledger.append(recorded(seq, 1_000 + seq).decision, []);
      open.push(seq);
      if (pick(4) === 0) end(1 + pick(6));
      if (pick(15) === 0)
        ship(1 + pick(20), pick(2) === 0 ? Number.POSITIVE_INFINITY : 1_000 + seq - pick(60));
      if (pick(15) === 0) ledger.forgetShipped();
      if (pick(40) === 0) ledger = wake();
    }
    while (open.length > 0) end(3);
    for (let tries = 0; ledger.hasUnshipped && tries < 50; tries++) {
      ship(7, Number.POSITIVE_INFINITY);
      ledger.forgetShipped();
    }
    expect(ledger.hasUnshipped).toBe(false);
    expect(told.decisions).toEqual(Array.from({ length: calls }, (_, i) => i + 1));
    expect([...told.ends].sort(([a], [b]) => a - b)).toEqual(told.decisions.map((seq) => [seq, seq * 7]));
  });
}

it(`every decision reaches the log in order and every end with it or after it, whatever is lost on the way`, async () => {
  const start = Date.now() % 1_000_000;
  for (let run = 0; run < runs; run++) {
    await live(start + run).catch((error: unknown) => {
      throw new Error(`seed ${start + run}`, { cause: error });
    });
  }
});
