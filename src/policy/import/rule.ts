import type { Json } from "../../json/value.ts";
import {
  type Carried,
  fail,
  isUnequal,
  itemsOf,
  member,
  noEqual,
  type Part,
  type Reading,
  strangers,
  type Target,
  textOf,
  type Unequal,
} from "./carried.ts";
import { carryCondition, namesOf, readCondition, refusesNull, type Written } from "./condition.ts";
import { carryRateLimit, carryState, readState, type State } from "./counter.ts";
import { secondsOf } from "./duration.ts";
import type { Mapping } from "./yaml.ts";

const known = ["name", "action", "rate_limit", "conditions", "on_deny", "state", "approval_timeout"];
const actions = ["evaluate", "deny", "require_approval"] as const;
type Action = (typeof actions)[number];

// Only a tool's own rule says how long its approvals wait; elsewhere it is this (policy.md §6).
const usualExpiry = 900;

/** A rule's members, read. */
interface Rule {
  readonly node: Mapping;
  readonly action: Action;
  readonly onDeny: string | null;
  readonly conditions: readonly Written[];
  readonly state: State | null;
  readonly strange: readonly string[];
}

/** What one rule of a tool, or of `"*"`, becomes; null where it has mistakes, which are told. */
export function carryRule(node: Mapping, target: Target, reading: Reading): Carried | null {
  const rule = readRule(node, reading);
  if (!rule) return null;
  // What an unknown key would have asked of a call, nobody can say.
  if (rule.strange.length > 0) return noEqual(rule.strange);
  const parts = [
    ...actionParts(rule, target, reading),
    ...conditionParts(rule, target, reading),
    ...limitParts(rule, target, reading),
  ];
  const unequal = parts.find(isUnequal);
  if (unequal) return unequal;
  const equal = parts.filter((part): part is Part => !isUnequal(part));
  return { parts: equal, notes: notesOn(rule, equal) };
}

function readRule(node: Mapping, reading: Reading): Rule | null {
  const before = reading.errors.length;
  const onDeny = textOf(node, "on_deny", reading) ?? null;
  const action = actionOf(node, reading);
  const written = itemsOf(node, "conditions", reading) ?? [];
  const conditions = written.flatMap((condition) => readCondition(condition, reading) ?? []);
  const stateAt = member(node, "state");
  const state = stateAt ? readState(stateAt, reading) : null;
  if (reading.errors.length > before || action === null) return null;
  const strange = strangers(node, known);
  const contradiction = contradictionIn(node, action, conditions.length > 0);
  if (contradiction && strange.length === 0) return fail(reading, node, contradiction);
  return { node, action, onDeny, conditions, state, strange };
}

function actionOf(node: Mapping, reading: Reading): Action | null {
  const text = textOf(node, "action", reading);
  if (text === null) return null;
  const action = actions.find((name) => name === (text || "evaluate"));
  return action ?? fail(reading, member(node, "action") ?? node, `action is ${actions.join(", ")}`);
}

/** What Intercept refuses of a rule as a whole. */
function contradictionIn(node: Mapping, action: Action, conditioned: boolean): string | null {
  const has = (key: string) => member(node, key) !== undefined;
  if (has("rate_limit") && (conditioned || has("state"))) {
    return "rate_limit stands alone: write conditions and state in rules of their own";
  }
  if (action === "deny" && (conditioned || has("rate_limit"))) {
    return "a rule that denies takes neither conditions nor rate_limit";
  }
  if (action === "evaluate" && !conditioned && !has("rate_limit")) return "a rule needs a condition at least";
  return null;
}

function actionParts({ node, action, onDeny }: Rule, target: Target, reading: Reading): (Part | Unequal)[] {
  const timeout = member(node, "approval_timeout");
  if (timeout && action !== "require_approval") return [noEqual(["approval_timeout"])];
  if (action === "evaluate") return [];
  if (action === "deny") return [{ to: "action", action: "deny", reason: onDeny }];
  const seconds = timeout ? secondsOf(timeout, reading) : null;
  if (target.every && seconds !== null && seconds < usualExpiry) {
    return [
      { why: `an approval asked by all_tools waits ${usualExpiry} seconds, which is longer than this one` },
    ];
  }
  return [
    { to: "action", action: "approve", reason: onDeny },
    ...(seconds === null ? [] : [{ to: "expires", seconds } as const]),
  ];
}

/** The conditions on arguments: one group of `require`, since they say what must hold. */
function conditionParts({ conditions, onDeny }: Rule, target: Target, reading: Reading): (Part | Unequal)[] {
  const onArguments = conditions.filter(({ path }) => path.startsWith("args."));
  if (onArguments.length === 0) return [];
  const carried = onArguments.map((condition) => carryCondition(condition, reading));
  const unequal = carried.find(isUnequal);
  if (unequal) return [unequal];
  const group = new Map<string, Json>([
    ["conditions", carried.flatMap((condition) => (isUnequal(condition) ? [] : [condition]))],
    ...(onDeny === null ? [] : ([["on_deny", onDeny]] as const)),
  ]);
  return [{ to: "require", value: group }, ...presenceParts(onArguments, target)];
}

/** Intercept's `exists` takes null for absent; here null is present, so the arguments' schema must refuse it. */
function presenceParts(conditions: readonly Written[], { every }: Target): (Part | Unequal)[] {
  const bare = conditions.filter(
    ({ op, path, value }) =>
      op === "exists" &&
      value === true &&
      !conditions.some((other) => other.path === path && refusesNull(other)),
  );
  if (every && bare.length > 0) {
    return [{ why: "an argument that is null counts as absent in Intercept, and all_tools cannot say so" }];
  }
  return bare.map(({ path }) => ({ to: "present", names: namesOf(path) }));
}

function limitParts({ node, conditions, state }: Rule, target: Target, reading: Reading): (Part | Unequal)[] {
  const short = member(node, "rate_limit");
  const onState = conditions.filter(({ path }) => path.startsWith("state."));
  if (!short && !state && onState.length === 0) return [];
  const limit = short ? carryRateLimit(short, target, reading) : carryState(state, onState, target);
  if (limit === null) return [];
  return [isUnequal(limit) ? limit : { to: "limits", value: limit }];
}

function notesOn({ action, onDeny, conditions }: Rule, parts: readonly Part[]): string[] {
  const has = (to: Part["to"]) => parts.some((part) => part.to === to);
  const waits = action === "require_approval";
  return [
    ...(action === "deny" ? ["every call is refused"] : []),
    ...(waits ? ["a person must approve every call"] : []),
    ...(waits && conditions.length > 0 ? ["a call for which its conditions do not hold is refused"] : []),
    ...(has("require") && !waits ? ["its conditions must all hold; values of another type are refused"] : []),
    ...(has("present") ? ["null is refused too, as absent"] : []),
    ...(has("limits") ? [counted] : []),
    ...(has("limits") && onDeny !== null && !has("require") && !waits
      ? ["in place of on_deny the agent reads the limit and when to retry"]
      : []),
  ];
}

const counted =
  "the window slides, and each grant counts by itself: give it a scope where agents shared Intercept's counter";
