import { decimal, scaled } from "../../json/decimal.ts";
import { type Json, JsonNumber, type JsonObject } from "../../json/value.ts";
import { parsePath } from "../path.ts";
import {
  fail,
  isUnequal,
  jsonOf,
  member,
  noEqual,
  type Reading,
  strangers,
  type Target,
  textOf,
  type Unequal,
} from "./carried.ts";
import type { Written } from "./condition.ts";
import type { Mapping, Node } from "./yaml.ts";

const windows = ["minute", "hour", "day"];
// The most that a limit of this language can be.
const maxMost = 1_000_000_000_000n;

/** `5/hour` as a limit. */
export function carryRateLimit(node: Node, target: Target, reading: Reading): JsonObject | Unequal | null {
  const text = node.kind === "scalar" ? node.text : "";
  const [, count = "", window = ""] = /^\+?([0-9]+)\/(minute|hour|day)$/.exec(text) ?? [];
  if (count === "" || BigInt(count) === 0n) {
    return fail(reading, node, "rate_limit is a number from 1, a slash, and minute, hour or day: 5/hour");
  }
  return limitOf({ counter: `${target.scope}_rate`, window, max: BigInt(count), from: null });
}

/** A `state` block that Intercept would take. */
export interface State {
  readonly counter: string;
  readonly window: string;
  readonly increment: bigint;
  readonly from: string | null;
  readonly strange: readonly string[];
}

/** Reads a `state` block; null where Intercept would refuse it too. */
export function readState(node: Node, reading: Reading): State | null {
  if (node.kind !== "mapping") return fail(reading, node, "state has a counter and a window");
  const counter = textOf(node, "counter", reading) ?? fail(reading, node, "counter is missing");
  const window = windowOf(node, reading);
  const from = fromOf(node, reading);
  const increment = incrementOf(node, reading);
  if (counter === null || window === null || from === null || increment === null) return null;
  const strange = strangers(node, ["counter", "window", "increment", "increment_from"]);
  return { counter, window, increment, from: from ?? null, strange };
}

function windowOf(node: Mapping, reading: Reading): string | null {
  const window = textOf(node, "window", reading);
  if (window !== undefined && (window === null || windows.includes(window))) return window;
  return fail(reading, member(node, "window") ?? node, "window is minute, hour or day");
}

function fromOf(node: Mapping, reading: Reading): string | undefined | null {
  const from = textOf(node, "increment_from", reading);
  if (typeof from !== "string" || from.startsWith("args.")) return from;
  return fail(reading, member(node, "increment_from") ?? node, "increment_from starts with args.");
}

/** Intercept's default is 1, and it takes 0 for absent. */
function incrementOf(node: Mapping, reading: Reading): bigint | null {
  const at = member(node, "increment");
  const written = at ? jsonOf(at, reading) : { json: new JsonNumber("1") };
  if (!written) return null;
  const whole = wholeOf(written.json);
  if (whole === null) return fail(reading, at ?? node, "increment takes a whole number");
  return whole === 0n ? 1n : whole;
}

function wholeOf(value: Json): bigint | null {
  const number = value instanceof JsonNumber ? decimal(value.text) : null;
  return number && scaled(number, 0);
}

/**
 * A `state` block with the one condition that bounds its counter, as a limit. Intercept adds to the counter of a rule only
 * where a `lt` or `lte` on it gives the bound; whatever else it can ask of a counter has no equal.
 */
export function carryState(
  state: State | null,
  conditions: readonly Written[],
  target: Target,
): JsonObject | Unequal {
  const [bound, ...more] = conditions;
  if (state && state.strange.length > 0) return noEqual(state.strange);
  if (!state) return { why: "it reads a counter that another rule keeps" };
  if (!bound) return { why: "its state has no condition that bounds the counter" };
  if (more.length > 0) return { why: "it asks several things of its counter" };
  if (bound.path !== `state.${target.scope}.${state.counter}`) {
    return { why: `it reads ${bound.path}, which is not the counter that it keeps` };
  }
  const max = boundOf(bound);
  if (isUnequal(max)) return max;
  const step = stepOf(state, target);
  if (isUnequal(step)) return step;
  const counter = `${target.scope}.${state.counter}`;
  return limitOf({ counter, window: state.window, max: max.most / step.each, from: step.from });
}

/** The most that the counter may reach; `lt` is one less, since Intercept counts in whole numbers. */
function boundOf({ op, value, strange }: Written): { readonly most: bigint } | Unequal {
  if (strange.length > 0) return noEqual(strange);
  if (op !== "lt" && op !== "lte") return { why: `a counter is bounded by lt or lte here, not by ${op}` };
  const whole = wholeOf(value);
  if (whole === null) return { why: "its bound is not a whole number" };
  const most = op === "lt" ? whole - 1n : whole;
  return most < 0n ? { why: "its bound is below zero, so no call fits under it" } : { most };
}

/** A fixed increment of n under a bound of m is m/n calls, rounded down; an argument's value is added as it is. */
function stepOf(
  { increment, from }: State,
  { every }: Target,
): { readonly each: bigint; readonly from: string | null } | Unequal {
  if (from === null) {
    return increment < 0n
      ? { why: "a negative increment gives back what was used" }
      : { each: increment, from };
  }
  if (every) return { why: "increment_from cannot stand in all_tools: tools differ in their arguments" };
  const steps = parsePath(from)?.steps ?? ["every" as const];
  if (!steps.every((step) => typeof step === "object" && "name" in step)) {
    return { why: `the path ${JSON.stringify(from)} cannot be written here` };
  }
  return { each: 1n, from };
}

interface Bound {
  readonly counter: string;
  readonly window: string;
  readonly max: bigint;
  readonly from: string | null;
}

function limitOf({ counter, window, max, from }: Bound): JsonObject | Unequal {
  if (max > maxMost) return { why: `a limit is at most ${maxMost} here` };
  return new Map<string, Json>([
    ["counter", counter],
    ["window", window],
    ["max", new JsonNumber(String(max))],
    ...(from === null ? [] : ([["increment_from", from]] as const)),
  ]);
}
