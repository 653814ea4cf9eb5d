import { exact, kindOf, Num, type Obj, own, type Value } from "../value.ts";
import type { Random } from "./random.ts";
import {
  anything,
  globTexts,
  num,
  numbers,
  oddities,
  paths,
  patternTexts,
  type Sample,
  scalar,
  strings,
  urls,
} from "./sample.ts";

/** A value close to where the operator's answer turns, or of a type that it does not take. */
export function edgeOf(op: string, wanted: Value, random: Random): Sample {
  if (random.chance(0.25)) return random.pick(oddities);
  switch (op) {
    case "exists":
      return random.chance(0.4) ? undefined : anything(random);
    case "regex":
      return random.pick(patternTexts);
    case "glob":
      return random.pick(globTexts);
    case "path_within":
      return random.pick(paths);
    case "host_in":
      return random.pick(urls);
    case "length_lte":
      return ofLength(Number(wanted instanceof Num ? wanted.source : "0") + random.below(3) - 1, random);
    case "contains":
      return random.chance(0.4) ? around(wanted, random) : collection(wanted, random);
    case "in":
    case "not_in":
      return near(Array.isArray(wanted) ? random.pick(wanted) : wanted, random);
    default:
      return near(wanted, random);
  }
}

function near(wanted: Value, random: Random): Sample {
  if (random.chance(0.3)) return wanted;
  if (wanted instanceof Num) return nearNumber(wanted, random);
  if (typeof wanted === "string") return nearString(wanted, random);
  if (typeof wanted === "boolean") return random.pick([!wanted, "true", num("1")]);
  return random.pick<Value>(["null", num("0"), [null], false]);
}

function nearNumber(wanted: Num, random: Random): Value {
  const value = exact(wanted);
  if (value === null) return wanted;
  const bumped = (by: bigint): Num => num(`${value.units + by}e${-value.places}`);
  const finer = num(`${value.units * 1000n + BigInt(random.pick([-1, 1]))}e${-value.places - 3}`);
  const respelled = num(`${value.units * 100n}e${-value.places - 2}`);
  return random.pick<Value>([bumped(1n), bumped(-1n), finer, respelled, respelled, wanted.source, [wanted]]);
}

function nearString(wanted: string, random: Random): Value {
  const shorter = [...wanted].slice(0, -1).join("");
  const numeric = /^\d+$/.test(wanted) ? num(wanted) : num("0");
  return random.pick<Value>([`${wanted}x`, `x${wanted}`, shorter, wanted.toUpperCase(), numeric, [wanted]]);
}

function around(wanted: Value, random: Random): Value {
  const core = typeof wanted === "string" ? wanted : "x";
  return random.pick([
    core,
    `${core}x`,
    `x${core}`,
    `-${core}-`,
    [...core].slice(1).join(""),
    core.toUpperCase(),
  ]);
}

function collection(wanted: Value, random: Random): Value {
  const other = kindOf(wanted) === "number" ? random.pick(numbers) : random.pick(strings);
  const odd = anything(random);
  return random.pick<Value>([
    [wanted],
    [other],
    [other, wanted],
    [],
    [wanted, odd],
    [odd, other],
    [other, other],
  ]);
}

function ofLength(length: number, random: Random): Value {
  const size = Math.max(0, length);
  if (random.chance(0.4)) return Array.from({ length: size }, () => scalar(random));
  return random.pick(["a", "é", "😀"]).repeat(size);
}

export const increments: Sample[] = [
  ..."0 1 2.5 0.000001 0.0000001 1.0000000 1.000000e0 1e12 1000000000000.000001 1e-6 10e-7 -1 -0 1e400 12e11".split(
    " ",
  ),
]
  .map((source): Sample => new Num(source))
  .concat(["1", null, undefined, [new Num("1")], true]);

/** A value near the bounds that one property of a generated schema states. */
export function schemaEdge(property: Obj, random: Random): Value {
  const bound = own(property, "maximum") ?? own(property, "exclusiveMaximum");
  const constant = own(property, "const") ?? bound;
  if (constant !== undefined && random.chance(0.7)) return edgeOf("lte", constant, random) ?? constant;
  if (random.chance(0.3)) return edgeOf("regex", "", random) ?? null;
  return random.pick<Value>([
    ...["a", "abc", "abcd", "😀😀😀", "", "usd", true, null, new Num("1.0"), new Num("1.5"), new Num("-1")],
    ...[
      [],
      ["a"],
      ["a", "b"],
      ["a", "a"],
      ["a", "b", "c"],
      ["a", new Num("1")],
      [new Num("1"), new Num("1.0")],
    ],
    ...[{}, { b: new Num("1") }, { b: "1" }],
  ]);
}
