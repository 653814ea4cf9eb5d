import type { Json } from "../json/value.ts";
import { applicators } from "./argument-applicators.ts";
import { assertions } from "./argument-assertions.ts";
import { type Build, type Check, type Run, unseen } from "./argument-check.ts";
import { suggestion } from "./nearest.ts";
import { hasHugeNumber, type Outcome } from "./operator.ts";
import { members, type Place } from "./pointer.ts";
import { lengthOf, spend, type Work } from "./work.ts";

// Ten for each of the 10,000 members that arguments may have; more mean references that multiply.
const stepsMax = 100_000;
// Deeper than any document or message may be nested, so only a reference that leads to itself gets here.
const depthMax = 256;
// Of one schema on one value, and of one character for one keyword, in steps of a decision's work.
const stepPrice = 40;
const characterPrice = 3;

const annotations = new Set(
  "$schema $comment $defs definitions title description default examples deprecated readOnly writeOnly".split(
    " ",
  ),
);
const unchecked = new Set(["contentEncoding", "contentMediaType", "contentSchema"]);
const hugeNumber = "a number of more than 64 digits or an exponent beyond ±400";
const dialect = "https://json-schema.org/draft/2020-12/schema";

/** Compiles the `arguments` of a rule: JSON Schema 2020-12 on exact numbers, in bounded time (policy.md §2). */
export function compileArgumentSchema(root: Place): (args: Json, work: Work) => Outcome {
  if (root.value !== undefined && hasHugeNumber(root.value)) root.fail(hugeNumber);
  const check = new Compiler(root).subschema(root);
  return (args, work) => {
    if (hasHugeNumber(args)) return { why: hugeNumber };
    const run: Run = { stepsLeft: stepsMax, depth: 0, unclear: null, work, texts: new Map() };
    const holds = check(args, run, unseen());
    return run.unclear === null ? holds : { why: run.unclear };
  };
}

// `unevaluated…` reads what the others have seen, so it comes last; `contains` and the rest in the author's order.
const isLate = (keyword: string): boolean => keyword.startsWith("unevaluated");

class Compiler implements Build {
  readonly #root: Place;
  readonly #done = new Map<Json, { check: Check }>();
  readonly #anchors = new Map<string, Place>();

  constructor(root: Place) {
    this.#root = root;
    this.#findAnchors(root);
  }

  #findAnchors(at: Place): void {
    if (at.value instanceof Map) {
      const anchor = at.value.get("$anchor");
      if (typeof anchor === "string") this.#anchors.set(anchor, at);
      for (const [, member] of members(at)) this.#findAnchors(member);
    } else if (Array.isArray(at.value)) {
      for (let index = 0; index < at.value.length; index++) this.#findAnchors(at.at(index));
    }
  }

  subschema(at: Place): Check {
    const { value } = at;
    if (typeof value === "boolean") return () => value;
    if (!(value instanceof Map)) {
      at.fail("expected a JSON Schema: an object, true or false");
      return () => false;
    }
    const known = this.#done.get(value);
    if (known) return (instance, run, seen) => known.check(instance, run, seen);
    // Entered before its parts are built, so that a reference back to it finds it.
    const entry: { check: Check } = { check: () => false };
    this.#done.set(value, entry);
    const size = [...value.values()].reduce<number>((sum, operand) => sum + 1 + lengthOf(operand), 0);
    entry.check = bounded(this.#keywords(at), size);
    return (instance, run, seen) => entry.check(instance, run, seen);
  }

  #keywords(at: Place): Check[] {
    const named = members(at).map(([keyword, place]) => ({
      late: isLate(keyword),
      check: this.#keyword(keyword, place, at),
    }));
    const checks = (late: boolean) =>
      named.filter((one) => one.late === late).flatMap((one) => one.check ?? []);
    return [...checks(false), ...checks(true)];
  }

  #keyword(keyword: string, at: Place, schema: Place): Check | null {
    const build = assertions.get(keyword) ?? applicators.get(keyword);
    if (build) return build(at, this, schema);
    if (keyword === "$schema" && at.value !== dialect) return at.fail(`expected ${dialect}`);
    if (keyword === "$defs" || keyword === "definitions") return this.#definitions(at);
    if (keyword === "$anchor") return typeof at.value === "string" ? null : at.fail("expected a name");
    if (unchecked.has(keyword)) at.warn(`${keyword} describes and is not checked`);
    else if (!annotations.has(keyword))
      at.fail(`${keyword} is not a keyword that is checked here${suggestion(keyword, known)}`);
    return null;
  }

  /** Built even where nothing refers to them, so that a mistake in them is told. */
  #definitions(at: Place): null {
    for (const [, member] of members(at)) this.subschema(member);
    return null;
  }

  reference(text: string): Check | null {
    if (!text.startsWith("#")) return null;
    const fragment = decodedFragment(text.slice(1));
    if (fragment === null) return null;
    if (fragment !== "" && !fragment.startsWith("/")) {
      const anchored = this.#anchors.get(fragment);
      return anchored ? this.subschema(anchored) : null;
    }
    let at = this.#root;
    for (const token of fragment.split("/").slice(1)) {
      const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
      at = at.at(Array.isArray(at.value) ? Number(name) : name);
    }
    return at.value === undefined ? null : this.subschema(at);
  }
}

function decodedFragment(fragment: string): string | null {
  try {
    return decodeURIComponent(fragment);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

const known = [...assertions.keys(), ...applicators.keys(), ...annotations];

/** Counts what it takes to hold a value against keywords with operands of that many members together. */
function bounded(checks: readonly Check[], size: number): Check {
  return (value, run, seen) => {
    const steps = stepPrice + size + checks.length * lengthOf(value) * characterPrice;
    if (--run.stepsLeft < 0 || run.depth >= depthMax || !spend(run.work, steps)) {
      run.unclear ??= "the schema takes too long on these arguments";
      return false;
    }
    run.depth++;
    const holds = checks.every((check) => check(value, run, seen));
    run.depth--;
    return holds;
  };
}
