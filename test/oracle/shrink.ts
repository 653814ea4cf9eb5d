import { type Answer, type Documents, disagreement, readBoth } from "./compare.ts";
import type { Asking } from "./generate/call.ts";
import { isObj, type Obj, own, parse, put, type Value, write } from "./value.ts";
import type { Verdict } from "./verdict.ts";

/** One disagreement, whole, so that whoever reads it can ask both again. */
export interface Found {
  readonly policy: number;
  readonly documents: Documents["texts"];
  readonly pins: ReadonlyMap<string, { readonly category: string; readonly risk: string }>;
  readonly asking: Asking;
  readonly engine: Answer;
  readonly oracle: Verdict;
}

/** The same disagreement with every member and element gone that it does not need. */
export function shrink(found: Found): Found {
  let smallest = found;
  for (let smaller: Found | undefined = found; smaller !== undefined; ) {
    smallest = smaller;
    smaller = candidates(smallest).find((candidate) => candidate !== null) ?? undefined;
  }
  return smallest;
}

function* candidates(found: Found): Generator<Found | null> {
  const { team, server } = found.documents;
  if (team !== null) yield retried({ ...found, documents: { team: null, server } });
  for (const text of smallerTexts(team)) yield retried({ ...found, documents: { team: text, server } });
  for (const text of smallerTexts(server)) yield retried({ ...found, documents: { team, server: text } });
  const { args } = found.asking;
  for (const fewer of smallerValues(args ?? {})) {
    if (isObj(fewer)) yield retried({ ...found, asking: { ...found.asking, args: fewer } });
  }
}

function retried(candidate: Found): Found | null {
  try {
    const answers = disagreement(readBoth(candidate.documents), candidate.asking, candidate.pins, () => {});
    return answers === null ? null : { ...candidate, ...answers };
  } catch {
    // What the validator refuses is no smaller case of the same disagreement.
    return null;
  }
}

function smallerTexts(text: string | null): string[] {
  return text === null ? [] : [...smallerValues(parse(text))].map(write);
}

function* smallerValues(value: Value): Generator<Value> {
  if (Array.isArray(value)) {
    for (const at of value.keys()) yield value.toSpliced(at, 1);
    for (const [at, element] of value.entries()) {
      for (const smaller of smallerValues(element)) yield value.with(at, smaller);
    }
  }
  if (!isObj(value)) return;
  for (const key of Object.keys(value)) yield without(value, key);
  for (const key of Object.keys(value)) {
    for (const smaller of smallerValues(own(value, key) ?? null)) {
      const changed = without(value, "");
      put(changed, key, smaller);
      yield changed;
    }
  }
}

function without(object: Obj, key: string): Obj {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}
