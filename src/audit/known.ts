import type { Entry } from "./entry.ts";
import { outcomeOf, placeOf, type Written, written } from "./entry_text.ts";

/** An entry that stands in the log. */
interface Standing {
  readonly gate: string;
  readonly seq: number;
  readonly kind: Entry["kind"];
  readonly body: string;
}

/** What stands of one call, or of one event: the body of each kind. `ended` says that its end does, in whichever entry. */
interface Call {
  readonly bodies: Partial<Record<Entry["kind"], string>>;
  readonly ended: boolean;
}

const nothing: Call = { bodies: {}, ended: false };

/** What a log has already of the calls and events that are shipped to it: gates ship at least once, and each thing is recorded once. */
export class Known {
  readonly #calls = new Map<string, Call>();

  constructor(standing: Iterable<Standing>) {
    for (const { gate, seq, kind, body } of standing) this.#note(`${gate} ${seq}`, kind, body);
  }

  #note(key: string, kind: Entry["kind"], body: string): void {
    const { bodies, ended } = this.#calls.get(key) ?? nothing;
    const ends = kind === "outcome" || (kind === "decision" && body.includes(outcomeWithin));
    this.#calls.set(key, { bodies: { ...bodies, [kind]: body }, ended: ended || ends });
  }

  #callOf(entry: Entry): Call {
    return this.#calls.get(keyOf(entry)) ?? nothing;
  }

  /** What of the entry is new: all of it; of a decision that stands already its end; or, null, nothing. */
  news(one: Written): Written | null {
    const { entry } = one;
    const { bodies, ended } = this.#callOf(entry);
    if (entry.kind === "outcome") return ended ? null : one;
    const stands = bodies[entry.kind] !== undefined;
    if (entry.kind === "control" || !entry.outcome || (!stands && !ended)) return stands ? null : one;
    const { outcome, ...decision } = entry;
    if (!stands) return written(decision);
    return ended ? null : written(outcomeOf(entry, outcome));
  }

  /** The body of the other entry of the same call, or null. */
  other(entry: Entry): string | null {
    const { bodies } = this.#callOf(entry);
    switch (entry.kind) {
      case "decision":
        return bodies.outcome ?? null;
      case "outcome":
        return bodies.decision ?? null;
      case "control":
        return null;
    }
  }

  /** The entry stands now. */
  add({ entry, body }: Written): void {
    this.#note(keyOf(entry), entry.kind, body);
  }
}

function keyOf(entry: Entry): string {
  const [source, seq] = placeOf(entry);
  return `${source} ${seq}`;
}

// No text inside a JSON text reads so: its quotes are escaped. Read as text, so that a row which somebody broke is for `verify`.
const outcomeWithin = '"outcome":{';
