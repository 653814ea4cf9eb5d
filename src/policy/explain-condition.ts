import type { Json } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type Condition, evaluateCondition, type Quantifier, type Source } from "./condition.ts";
import type { OperatorName } from "./schema.ts";
import { newWork } from "./work.ts";

/** One comparison as it went. Values are compact JSON texts, numbers as written. */
export interface ExplainedCondition {
  readonly path: string;
  readonly op: OperatorName;
  readonly value: string;
  /** What stood at the path: nothing where it is missing, several under `[*]`, `[redacted]` where it must not be shown. */
  readonly found: readonly string[];
  readonly outcome: "held" | "not_held" | "missing" | "cannot_evaluate";
  /** Why it could not be evaluated. */
  readonly why: string | null;
}

// As many elements, and as much of each, as helps a person to see what was compared.
const foundMax = 20;
const textMax = 1_000;

/** Evaluates a condition as the engine does and watches which values it compares. */
export function explainCondition(
  condition: Condition,
  quantifier: Quantifier,
  source: Source,
  redacted: boolean,
): ExplainedCondition {
  const values: Json[] = [];
  let allHeld = true;
  const watched: Condition = {
    ...condition,
    test: (value) => {
      const held = condition.test(value);
      values.push(value);
      allHeld &&= held === true;
      return held;
    },
  };
  // What this takes is not the decision's, which the same conditions have been or will be part of.
  const aside = { ...source, work: newWork() };
  const outcome = evaluateCondition(watched, quantifier, aside);
  const said = { path: condition.path.text, op: condition.op, value: shown(condition.operand) };
  const found = values.slice(0, foundMax).map((value) => (redacted ? "[redacted]" : shown(value)));
  if (typeof outcome === "object") return { ...said, found, outcome: "cannot_evaluate", why: outcome.why };
  const missing = !outcome && allHeld && isMissing(condition, aside);
  return { ...said, found, outcome: outcome ? "held" : missing ? "missing" : "not_held", why: null };
}

/** Whether nothing is there at (some element of) the path: asked of the engine, as `exists` would. */
function isMissing(condition: Condition, source: Source): boolean {
  const absent: Condition = { ...condition, op: "exists", operand: false, test: () => false };
  return evaluateCondition(absent, "any", source) === true;
}

function shown(value: Json): string {
  const text = compactJson(value);
  return text.length > textMax ? `${text.slice(0, textMax)}…` : text;
}
