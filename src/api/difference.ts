import * as z from "zod/mini";
import { readJson } from "../json/read.ts";
import type { Json } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { pointer } from "./body.ts";
import { Exact } from "./reply.ts";

export const differenceShape = z
  .strictObject({ pointer: z.string(), before: z.optional(z.unknown()), after: z.optional(z.unknown()) })
  .check(
    z.describe(
      "A place where two documents differ; `before` is absent where it is new, `after` where it is gone.",
    ),
  );

/** One place where two documents differ. */
export interface Difference {
  readonly pointer: string;
  readonly before?: Exact;
  readonly after?: Exact;
}

/** Where two JSON texts of our own differ, as deep as both have objects; arrays are compared whole. Null is no document. */
export function difference(before: string | null, after: string | null): Difference[] {
  return [...walk(parse(before), parse(after), [])];
}

function parse(text: string | null): Json | undefined {
  if (text === null) return undefined;
  const read = readJson(text, { depthMax: 128, membersMax: 200_000, stringMax: 1_048_576 });
  if (!read.ok) throw new Error(`a stored document is not JSON: ${read.problem}`);
  return read.value;
}

function* walk(before: Json | undefined, after: Json | undefined, path: string[]): Generator<Difference> {
  if (before instanceof Map && after instanceof Map) {
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      yield* walk(before.get(key), after.get(key), [...path, key]);
    }
    return;
  }
  const was = before === undefined ? undefined : compactJson(before);
  const is = after === undefined ? undefined : compactJson(after);
  if (was === is) return;
  yield {
    pointer: pointer(path),
    ...(was === undefined ? {} : { before: new Exact(was) }),
    ...(is === undefined ? {} : { after: new Exact(is) }),
  };
}
