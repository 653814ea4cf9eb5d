import { decimal, scaled } from "../json/decimal.ts";
import { type Json, JsonNumber } from "../json/value.ts";
import { compileSinglePath, namer } from "./compile-groups.ts";
import { elements, type Place, textAt } from "./pointer.ts";
import type { Limit, Scope } from "./rule.ts";
import { type WindowName, windowNames } from "./schema.ts";

const secondMs = 1_000;
const dayMs = 86_400_000;
const windowMs: Record<WindowName, number> = {
  second: secondMs,
  minute: 60 * secondMs,
  hour: 3_600 * secondMs,
  day: dayMs,
  week: 7 * dayMs,
  // The longest month; a calendar window's true bounds come from the team's zone.
  month: 31 * dayMs,
};
const decimalsMax = 6;

/** Every limit of a document by counter, so that two ways of counting under one name are found. */
export type Increments = Map<string, string | null>;

/** The limits of `limits` and of a `rate_limit` in its long form. `increments` is null where none may be increased by an argument. */
export function compileLimits(
  at: Place,
  short: Place | null,
  owner: string,
  increments: Increments,
  perCall: boolean,
): Limit[] {
  const name = namer(`${owner}/limits`);
  const places = [...elements(at), ...(short ? [short] : [])];
  return places.flatMap((place) => compileLimit(place, name, increments, perCall) ?? []);
}

function compileLimit(
  at: Place,
  name: (id: string) => string,
  increments: Increments,
  perCall: boolean,
): Limit | null {
  const counter = textAt(at.at("counter"));
  const window = windowOf(at.at("window").value);
  const max = maxOf(at.at("max"));
  if (counter === null || window === null || max === null) return null;
  const algorithm = algorithmOf(at, window.written);
  const incrementFrom = incrementOf(at.at("increment_from"), perCall);
  agree(at, counter, textAt(at.at("increment_from")), increments);
  if (!algorithm || incrementFrom === undefined) return null;
  const unit = typeof window.written === "number" ? `${window.written} s` : window.written;
  return {
    id: name(`${counter}-per-${window.written}`),
    counter,
    window: window.written,
    windowMs: window.ms,
    algorithm,
    ...max,
    scope: scopeOf(textAt(at.at("scope"))),
    incrementFrom,
    text: `${max.max} per ${unit}`,
  };
}

const isWindowName = (text: string): text is WindowName => windowNames.some((name) => name === text);

function windowOf(value: Json | undefined): { written: string | number; ms: number } | null {
  if (typeof value === "string") return isWindowName(value) ? { written: value, ms: windowMs[value] } : null;
  if (!(value instanceof JsonNumber)) return null;
  const seconds = Number(value.text);
  return Number.isSafeInteger(seconds) && seconds > 0 ? { written: seconds, ms: seconds * secondMs } : null;
}

function maxOf(at: Place): { max: number; maxMicros: bigint } | null {
  if (!(at.value instanceof JsonNumber)) return null;
  const value = decimal(at.value.text);
  const maxMicros = value && scaled(value, decimalsMax);
  if (maxMicros === null) return at.fail(`more than ${decimalsMax} decimals`);
  return { max: Number(at.value.text), maxMicros };
}

function algorithmOf(at: Place, window: string | number): Limit["algorithm"] | null {
  const written = textAt(at.at("algorithm"));
  if (window === "month")
    return written === "sliding" ? at.at("algorithm").fail("a month cannot slide: use calendar") : "calendar";
  if (written !== "calendar") return "sliding";
  return typeof window === "number" ? at.at("algorithm").fail("a window in seconds is sliding") : "calendar";
}

/** The path, null where each call counts as one, undefined where it has been refused. */
function incrementOf(at: Place, perCall: boolean): Limit["incrementFrom"] | undefined {
  const text = textAt(at);
  if (text === null) return null;
  if (perCall) {
    at.fail("all_tools counts calls only: tools differ in their arguments");
    return undefined;
  }
  return compileSinglePath(at, text) ?? undefined;
}

/** A call adds to a counter once, so everyone who names it must agree on what is added (policy.md §5). */
function agree(at: Place, counter: string, increment: string | null, increments: Increments): void {
  const known = increments.get(counter);
  if (known !== undefined && known !== increment) {
    const other = known === null ? "counts calls" : `adds ${known}`;
    at.at("counter").fail(`another limit on ${JSON.stringify(counter)} ${other}: use another counter`);
  }
  if (known === undefined) increments.set(counter, increment);
}

const scopeOf = (text: string | null): Scope =>
  text === "member" || text === "server" || text === "team" ? text : "grant";
