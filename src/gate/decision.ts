import type { DecisionEntry } from "../audit/entry.ts";
import type { JsonObject } from "../json/value.ts";
import { namePolicy } from "./admission.ts";
import { describeArguments } from "./arguments.ts";
import type { Judged } from "./judge.ts";
import type { Ask, Caller } from "./rpc.ts";
import type { Compiled, CompiledRoute } from "./standing.ts";
import { keptValues, valuesText } from "./values.ts";

/** A message that was judged, and by what. */
export interface Heard {
  readonly compiled: Compiled;
  readonly caller: Caller;
  readonly route: CompiledRoute;
  readonly ask: Ask;
  readonly args: JsonObject | undefined;
  readonly judged: Judged;
  /** The round that it goes on from, not to be counted again; null for a call of its own. */
  readonly continues: number | null;
}

/** The row that the decision becomes; `key` is the team's, for what is said of the arguments. */
export function entryOf(
  { compiled, route, ask, args, judged, continues }: Heard,
  seq: number,
  atMs: number,
  outcome: Pick<DecisionEntry, "verdict" | "rule" | "reason">,
  key: Uint8Array,
): DecisionEntry {
  const { grant, epoch } = compiled.snapshot;
  const text = judged.keeps && valuesText(args, judged.keeps);
  return {
    kind: "decision",
    gate: grant.id,
    seq,
    atMs,
    requestId: ask.requestId,
    epoch,
    member: grant.member?.id ?? null,
    server: { id: route.route.server.id, slug: route.route.server.slug },
    method: ask.method,
    target: judged.target,
    ...outcome,
    notes: judged.notes,
    policy: namePolicy(route),
    client: ask.clientName ?? null,
    ...describeArguments(args, key),
    ...(continues === null ? {} : { continues }),
    // Last, so that the log tells by the end of the text whether there are any (audit/entry_text.ts).
    values: text === null ? null : keptValues(text, key, grant.id, seq),
  };
}
