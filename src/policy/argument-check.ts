import type { Json } from "../json/value.ts";
import type { Place } from "./pointer.ts";

/** What one evaluation of a schema has used up, and why it could not go on. */
export interface Run {
  stepsLeft: number;
  depth: number;
  unclear: string | null;
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
