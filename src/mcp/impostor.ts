import type { JsonObject } from "../json/value.ts";

/**
 * A key that some parser may take for one of `names` and is not it: case-folded (Go matches so, U+017F and U+212A
 * included), in a compatibility form, or with the underscores and hyphens that alias generators move. Null where none is.
 */
export function impostor(object: JsonObject, names: ReadonlySet<string>): string | null {
  const folded = foldedNames(names);
  for (const key of object.keys()) {
    if (!names.has(key) && folded.has(fold(key))) return key;
  }
  return null;
}

// The names are a few constant sets.
const known = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();

function foldedNames(names: ReadonlySet<string>): ReadonlySet<string> {
  const folded = known.get(names) ?? new Set([...names].map(fold));
  known.set(names, folded);
  return folded;
}

const asItFolds = /^[a-z0-9]*$/;

const fold = (key: string): string =>
  asItFolds.test(key) ? key : key.normalize("NFKC").toUpperCase().toLowerCase().replaceAll(/[_-]/g, "");
