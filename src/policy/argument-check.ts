import type { Json } from "../json/value.ts";
import { canonicalJson } from "../json/write.ts";
import type { Place } from "./pointer.ts";
import type { Work } from "./work.ts";

/** What one evaluation of a schema has used up, and why it could not go on. */
export interface Run {
  stepsLeft: number;
  depth: number;
  unclear: string | null;
  readonly work: Work;
  /** The texts by which values were compared before. */
  readonly texts: Map<Json, string>;
}

/** The one text of a value and of all that are equal to it, written once a run. */
export function canonicalIn(run: Run, value: Json): string {
  const text = run.texts.get(value) ?? canonicalJson(value);
  run.texts.set(value, text);
  return text;
}

/** The members and elements that some schema in place has looked at, for `unevaluated…`. */
export interface Seen {
  readonly names: Set<string>;
  readonly indexes: Set<number>;
}
export const unseen = (): Seen => ({ names: new Set(), indexes: new Set() });

/** Whether a value satisfies a schema; adds to `seen` what it looked at. */
export type Check = (value: Json, run: Run, seen: Seen) => boolean;

/** Builds the check of one keyword; null where the document has a mistake, which has then been reported. */
export type Keyword = (at: Place, build: Build, schema: Place) => Check | null;

export interface Build {
  readonly subschema: (at: Place) => Check;
  readonly reference: (text: string) => Check | null;
}
