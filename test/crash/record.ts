import type { DecisionEntry, Entry, OutcomeEntry } from "../../src/audit/entry.ts";
import type { GrantId } from "../../src/id.ts";
import type { Gateway } from "./gateway.ts";

/** Everything that was ever read of the record: at the gates, and in the log. */
export class Record {
  readonly decisions = new Map<string, DecisionEntry>();
  readonly outcomes = new Map<string, OutcomeEntry>();
  /** Entries that said something else when they were read again. */
  readonly changed: string[] = [];
  #logged = 0;

  /** Reads what is new. The gates first: what leaves them meanwhile is in the log by then. */
  async read(gateway: Gateway, grants: readonly GrantId[]): Promise<void> {
    for (const grant of grants) for (const entry of await gateway.unshipped(grant)) this.#add(entry);
    for (;;) {
      const items = await gateway.log(this.#logged);
      if (items.length === 0) return;
      for (const { n, entry } of items) {
        this.#add(entry);
        this.#logged = n;
      }
    }
  }

  #add(entry: Entry): void {
    if (entry.kind === "control") return;
    const key = keyOf(entry);
    const before = entry.kind === "decision" ? this.decisions.get(key) : this.outcomes.get(key);
    if (before && JSON.stringify(before) !== JSON.stringify(entry)) this.changed.push(`${entry.kind} ${key}`);
    if (entry.kind === "decision") this.decisions.set(key, entry);
    else this.outcomes.set(key, entry);
  }
}

export const keyOf = ({ gate, seq }: Pick<DecisionEntry, "gate" | "seq">): string => `${gate} ${seq}`;

/** The id that the call carried in its arguments, which the policy has the record keep. */
export const callOf = ({ values }: DecisionEntry): string | null =>
  values ? (JSON.parse(values.text) as { id: string }).id : null;
