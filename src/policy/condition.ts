import type { Json } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type Outcome, type Test, type Unclear, unlike } from "./operator.ts";
import { type Fact, type Path, type Step, take } from "./path.ts";
import type { OperatorName } from "./schema.ts";
import type { Templates } from "./template.ts";
import { notStored, unread } from "./unread.ts";
import { type Price, spend, tooMuchWork, type Work } from "./work.ts";

/** One comparison, ready to run. `text` is how messages quote it: `args.amount gt 100`. */
export interface Condition {
  /** Where it stands in the document. */
  readonly pointer: string;
  readonly path: Path;
  readonly op: OperatorName;
  readonly operand: Json;
  readonly test: Test;
  readonly price: Price;
  readonly text: string;
}

/** Where conditions read from: the arguments as they came, the facts of the call, and what is filled in later. */
export interface Source {
  readonly args: Json;
  readonly fact: (name: Fact) => Json | undefined;
  readonly templates: Templates | null;
  readonly work: Work;
}

/** What `[*]` means: every element in `require`, any in `deny_if` and `approve_if`. */
export type Quantifier = "every" | "any";

export interface Group {
  readonly id: string;
  readonly conditions: readonly Condition[];
  /** The author's text, or null. */
  readonly text: string | null;
}

const quotedMax = 200;

export function conditionText(path: string, op: string, operand: Json): string {
  const text = `${path} ${op} ${compactJson(operand)}`;
  return text.length > quotedMax ? `${text.slice(0, quotedMax)}…` : text;
}

/**
 * Whether all conditions of a group hold. Every one is evaluated: a single one that cannot be makes the group so, even
 * where another is false.
 */
export function evaluateGroup(group: Group, quantifier: Quantifier, source: Source): Outcome {
  let holds = true;
  let unclear: Unclear | null = null;
  let unknown: Unclear | null = null;
  for (const condition of group.conditions) {
    const outcome = evaluateCondition(condition, quantifier, source);
    if (typeof outcome !== "object") holds &&= outcome;
    else if (outcome.unread) unknown ??= inCondition(condition, outcome);
    else unclear ??= inCondition(condition, outcome);
  }
  // A `require` that fails already refuses, whatever the rest would say; the others may still turn out unclear.
  const settled = quantifier === "every" && !holds;
  return unclear ?? (settled ? holds : (unknown ?? holds));
}

const inCondition = (condition: Condition, unclear: Unclear): Unclear => ({
  ...unclear,
  why: `cannot evaluate ${condition.text}: ${unclear.why}`,
});

/** One condition by itself, for explanations: `evaluateGroup` says what a group comes to. */
export function evaluateCondition(condition: Condition, quantifier: Quantifier, source: Source): Outcome {
  const { root } = condition.path;
  const start = root === "args" ? source.args : source.fact(root);
  const templates = root === "args" ? source.templates : null;
  return walk({ condition, quantifier, templates, work: source.work }, start, 0);
}

interface Walk {
  readonly condition: Condition;
  readonly quantifier: Quantifier;
  readonly templates: Templates | null;
  readonly work: Work;
}

function walk(at: Walk, value: Json | undefined, depth: number): Outcome {
  const step = at.condition.path.steps[depth];
  if (value === undefined) return missing(at.condition);
  if (value === unread && !asksPresence(at, step)) return notStored;
  if (step === undefined) return compare(at, value);
  if (step === "every") return quantify(at, value, depth);
  if (at.templates?.inKeys(value)) return filledInLater;
  const stepped = take(value, step);
  return "needs" in stepped ? unlike(stepped.needs, value) : walk(at, stepped.found, depth + 1);
}

/** Whether the value itself does not matter: `exists`, where no template could stand in its place. */
const asksPresence = (at: Walk, step: Step | undefined): boolean =>
  step === undefined && at.condition.op === "exists" && at.templates === null;

const filledInLater = { why: "it holds a template that is filled in later" };

/** A missing path makes a condition false everywhere; only `exists` asks about just that. */
const missing = (condition: Condition): boolean => condition.op === "exists" && condition.operand === false;

function compare(at: Walk, value: Json): Outcome {
  if (!spend(at.work, at.condition.price(value))) return tooMuchWork;
  return at.templates?.in(value) ? filledInLater : at.condition.test(value);
}

function quantify(at: Walk, value: Json, depth: number): Outcome {
  if (!Array.isArray(value)) return unlike("an array", value);
  if (!spend(at.work, value.length)) return tooMuchWork;
  const every = at.quantifier === "every";
  const last = depth + 1 === at.condition.path.steps.length;
  let holds = every;
  let unclear: Outcome | null = null;
  for (const element of value) {
    const outcome = last && element !== unread ? compare(at, element) : walk(at, element, depth + 1);
    if (typeof outcome === "object") unclear ??= outcome;
    else holds = every ? holds && outcome : holds || outcome;
  }
  return unclear ?? holds;
}

/** The value at a path of the arguments without `[*]`; the value itself may still hold templates. */
export const valueAt = (path: Path, source: Source): At =>
  valueWithin(source.args, path.steps, source.templates);

export type At = { readonly found: Json | undefined } | Unclear;

/** The value some steps into another, undefined where nothing is there. */
export function valueWithin(from: Json, steps: readonly Step[], templates: Templates | null): At {
  let value: Json | undefined = from;
  for (const step of steps) {
    if (value === undefined) return { found: undefined };
    if (step === "every") return { why: "expected one value, got several" };
    if (templates?.inKeys(value)) return filledInLater;
    const stepped = take(value, step);
    if ("needs" in stepped) return unlike(stepped.needs, value);
    value = stepped.found;
    if (value === unread) return notStored;
  }
  return { found: value };
}
