import { type Asked, escaped, numbered, type Part, parts } from "./asked.ts";
import { type Facts, reach, stepsOf } from "./condition.ts";
import { compareExact, exact, isObj, listAt, Num, type Obj, objAt, own, textAt } from "./value.ts";

/** One limit that the call counts against: `millionths` to add, or null where that cannot be evaluated. */
export interface Counting {
  readonly rule: string;
  /** The series: one for each layer, counter and scope; what shadows counts in a series of its own. */
  readonly series: string;
  readonly millionths: bigint | null;
  readonly enforces: boolean;
}

/** policy.md §5: every limit that concerns this one call, the team's before the server's. */
export function countings(asked: Asked): Counting[] {
  return asked.layers.flatMap((layer) =>
    parts(layer, asked).flatMap((part) => countingsOf(layer.name, part, asked.facts)),
  );
}

function countingsOf(layer: string, part: Part, facts: Facts): Counting[] {
  const short = objAt(part.body, "rate_limit");
  const written = listAt(part.body, "limits").filter(isObj);
  const stated = short ? [{ ...short, counter: `${part.key}_rate` }, ...written] : written;
  const names = numbered(stated.map((each) => escaped(`${textAt(each, "counter")}-per-${windowOf(each)}`)));
  if (short) facts.hit("limit by rate_limit");
  return stated.map((each, at) => {
    const from = textAt(each, "increment_from");
    const millionths = from === null ? 1_000_000n : increment(facts, from);
    facts.hit(
      from === null ? "limit by one" : `limit by increment ${millionths === null ? "cannot" : "counts"}`,
    );
    const series = [layer, textAt(each, "counter"), textAt(each, "scope") ?? "grant", part.enforces].join(
      " ",
    );
    return { rule: `${part.at}/limits/${names[at]}`, series, millionths, enforces: part.enforces };
  });
}

function windowOf(limit: Obj): string {
  const window = own(limit, "window");
  return window instanceof Num ? window.source : String(window);
}

const trillion = { units: 10n ** 12n, places: 0 };

/** A number from 0 to 10^12 with at most 6 decimals after normalising. */
function increment(facts: Facts, path: string): bigint | null {
  const value = reach(facts.root, stepsOf(path), facts.templates);
  const amount = value instanceof Num ? exact(value) : null;
  if (amount === null || amount.units < 0n || compareExact(amount, trillion) > 0) return null;
  if (amount.places <= 6) return amount.units * 10n ** BigInt(6 - amount.places);
  const finer = 10n ** BigInt(amount.places - 6);
  return amount.units % finer === 0n ? amount.units / finer : null;
}
