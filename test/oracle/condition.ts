import { type Answer, Cannot } from "./answer.ts";
import { holds } from "./operator.ts";
import { isObj, listAt, type Obj, own, textAt, type Value, write } from "./value.ts";

export type Use = "require" | "deny_if" | "approve_if";

/** What conditions read: the arguments and the context under one root, and what marks a string as filled in later. */
export interface Facts {
  readonly root: Obj;
  readonly templates: RegExp[];
  readonly hit: (name: string) => void;
}

/** A group's answer: every condition is asked, and one that cannot be evaluated outweighs the others. */
export function group(stated: Obj, use: Use, facts: Facts): boolean | { starts: string; exact: boolean } {
  let all = true;
  let trouble: { starts: string; exact: boolean } | null = null;
  for (const condition of listAt(stated, "conditions").filter(isObj)) {
    const answer = ask(condition, use, facts);
    if (answer instanceof Cannot) trouble ??= describe(condition, answer);
    else all &&= answer;
  }
  return trouble ?? all;
}

function describe(condition: Obj, cannot: Cannot): { starts: string; exact: boolean } {
  const value = write(own(condition, "value") ?? null);
  const head = `cannot evaluate ${textAt(condition, "path")} ${textAt(condition, "op")} ${value}: `;
  return { starts: head + (cannot.detail ?? ""), exact: cannot.detail !== null };
}

function ask(condition: Obj, use: Use, facts: Facts): Answer {
  const op = textAt(condition, "op") ?? "";
  const steps = stepsOf(textAt(condition, "path") ?? "");
  const asked = { op, wanted: own(condition, "value") ?? null, use, facts, untrusted: steps[0] === "args" };
  const answer = follow(facts.root, steps, asked);
  facts.hit(`${use} ${op} ${answer instanceof Cannot ? "cannot" : answer}`);
  return answer;
}

export type Step = string | number | typeof everyElement;
export const everyElement = Symbol("[*]");

/** `args.items[*].sku` as `args`, `items`, every element, `sku`. */
export function stepsOf(path: string): Step[] {
  return [...path.matchAll(/\[\*\]|\[(\d+)\]|[^.[\]]+/g)].map(([text, index]) =>
    text === "[*]" ? everyElement : index !== undefined ? Number(index) : text,
  );
}

interface Asked {
  readonly op: string;
  readonly wanted: Value;
  readonly use: Use;
  readonly facts: Facts;
  readonly untrusted: boolean;
}

function follow(value: Value, steps: Step[], asked: Asked): Answer {
  const [step, ...rest] = steps;
  if (step === undefined) return leaf(value, asked);
  if (step === everyElement) return each(value, rest, asked);
  const next = stepInto(value, step, asked.untrusted ? asked.facts.templates : []);
  if (next instanceof Cannot) return next;
  if (next !== undefined) return follow(next, rest, asked);
  asked.facts.hit(`${asked.use} ${asked.op} missing`);
  return asked.op === "exists" && asked.wanted === false;
}

/** The member or element, undefined where there is none; a step into another type cannot be evaluated. */
export function stepInto(
  value: Value,
  step: string | number,
  templates: RegExp[],
): Value | undefined | Cannot {
  if (typeof step === "number") return Array.isArray(value) ? value[step] : new Cannot();
  if (!isObj(value)) return new Cannot();
  // A key that is filled in later may become the one that is asked for.
  if (Object.keys(value).some((key) => isTemplate(key, templates))) return new Cannot();
  return own(value, step);
}

/** What a path without `[*]` leads to. */
export function reach(from: Value, steps: Step[], templates: RegExp[]): Value | undefined | Cannot {
  let value = from;
  for (const step of steps) {
    const next = step === everyElement ? new Cannot() : stepInto(value, step, templates);
    if (next === undefined || next instanceof Cannot) return next;
    value = next;
  }
  return value;
}

function leaf(value: Value, asked: Asked): Answer {
  if (asked.untrusted && holdsTemplate(value, asked.facts.templates)) {
    asked.facts.hit("template read by a condition");
    return new Cannot();
  }
  return holds(asked.op, asked.wanted, value);
}

function each(value: Value, rest: Step[], asked: Asked): Answer {
  if (!Array.isArray(value)) return new Cannot();
  if (value.length === 0) asked.facts.hit(`${asked.use} over nothing`);
  const answers = value.map((element) => follow(element, rest, asked));
  const cannot = answers.find((answer) => answer instanceof Cannot);
  if (cannot) return cannot;
  return asked.use === "require" ? !answers.includes(false) : answers.includes(true);
}

export const isTemplate = (text: string, templates: RegExp[]): boolean =>
  templates.some((template) => template.test(text));

/** Whether the value is, or holds anywhere, a string that is filled in later. */
export function holdsTemplate(value: Value, templates: RegExp[]): boolean {
  if (templates.length === 0) return false;
  if (typeof value === "string") return isTemplate(value, templates);
  if (Array.isArray(value)) return value.some((element) => holdsTemplate(element, templates));
  if (!isObj(value)) return false;
  return Object.entries(value).some(
    ([key, member]) => isTemplate(key, templates) || holdsTemplate(member, templates),
  );
}
