import { decisionId } from "../id.ts";
import { link } from "./chain.ts";
import type {
  ControlEntry,
  DecisionEntry,
  Ending,
  Entry,
  KeptValues,
  LogRow,
  OutcomeEntry,
  Shipment,
} from "./entry.ts";

/** An entry with the JSON text that is hashed and stored: a decision's has a salted hash in place of the arguments that were kept. */
export interface Written {
  readonly entry: Entry;
  readonly body: string;
}

type StoredDecision = Omit<DecisionEntry, "values"> & { valuesHash?: string | null };

/** The salted hash under which the chain holds kept arguments. */
export const valuesHash = ({ salt, text }: KeptValues): string => link(salt, [text]);

/** An entry in the text that it is recorded in. */
export function written(entry: Entry): Written {
  if (entry.kind !== "decision") return { entry, body: JSON.stringify(entry) };
  const { values, outcome, ...rest } = entry;
  const stored = { ...rest, valuesHash: values && valuesHash(values), ...(outcome && { outcome }) };
  return { entry, body: JSON.stringify(stored) };
}

// How a decision's text ends for which nothing was kept (gate/decision.ts): nearly all of them.
const noValues = '"values":null}';

/** What a gate ships, in the same texts as `written` makes. They are put together, and not written anew, where that can be. */
export const writtenOf = ({ calls, others }: Shipment): Written[] => [
  ...calls.map(([decision, outcome]) => writtenCall(decision, outcome)),
  ...others.map(written),
];

function writtenCall(decision: string, outcome: string | null): Written {
  const entry = JSON.parse(decision) as DecisionEntry;
  const ended = outcome === null ? entry : { ...entry, outcome: JSON.parse(outcome) as Ending };
  if (!decision.endsWith(noValues)) return written(ended);
  const start = decision.slice(0, -noValues.length);
  const end = outcome === null ? "}" : `,"outcome":${outcome}}`;
  return { entry: ended, body: `${start}"valuesHash":null${end}` };
}

/** Reads a stored body back. Rows of the first version name no member. */
export function entryOf(body: string, kept: KeptValues | null = null): Entry {
  const entry = JSON.parse(body) as StoredDecision | OutcomeEntry | ControlEntry;
  if (entry.kind !== "decision") return entry;
  const { valuesHash: _, outcome, ...decision } = entry;
  return { ...decision, member: decision.member ?? null, values: kept, ...(outcome && { outcome }) };
}

/** The same, with an outcome that stands in a decision's entry apart from it, as one that has an entry of its own. */
export function entriesOf(body: string, kept: KeptValues | null = null): Entry[] {
  const entry = entryOf(body, kept);
  if (entry.kind !== "decision") return [entry];
  const { outcome, ...decision } = entry;
  return outcome ? [decision, outcomeOf(decision, outcome)] : [decision];
}

/** How that decision ended, as an entry. */
export const outcomeOf = (
  { gate, seq }: Pick<DecisionEntry, "gate" | "seq">,
  ending: Ending,
): OutcomeEntry => ({
  kind: "outcome",
  gate,
  seq,
  ...ending,
});

/** What of an entry the list is searched by. */
export const searchable = (entry: Entry) =>
  entry.kind === "decision"
    ? { server: entry.server.id, name: entry.target.name, verdict: entry.verdict }
    : { server: null, name: null, verdict: null };

/** By what an entry is known: an event's id (and 0), or its gate and number. */
export const placeOf = (entry: Entry): readonly [source: string, seq: number] =>
  entry.kind === "control" ? [entry.id, 0] : [entry.gate, entry.seq];

export const keptOf = (salt: string | null, text: string | null): KeptValues | null =>
  salt === null || text === null ? null : { salt, text };

/** A decision's row; `outcome` is the body of the entry that told its end, where that is one of its own. */
export type DecisionRow = {
  readonly n: number;
  readonly body: string;
  readonly outcome: string | null;
  readonly salt: string | null;
  readonly text: string | null;
};

/** A line of the list from its row. */
export function logRow({ n, body, outcome, salt, text }: DecisionRow): LogRow {
  const [entry, ended] = entriesOf(body, keptOf(salt, text));
  const decision = entry as DecisionEntry;
  const later = outcome === null ? null : (JSON.parse(outcome) as OutcomeEntry);
  return {
    n,
    id: decisionId(decision.gate, decision.seq),
    decision,
    outcome: (ended as OutcomeEntry | undefined) ?? later,
  };
}
