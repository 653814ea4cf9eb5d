import type { Json } from "../json/value.ts";
import type { Step } from "../policy/path.ts";

/** What stands in the record where a policy redacts. */
export const redactedMark = "[redacted]";

/**
 * The value without what the paths lead to. Where a path expects an object or an array and meets something else, that is
 * hidden too: a caller must not get a secret into the record by sending it in another shape.
 */
export function redact(value: Json, paths: readonly (readonly Step[])[]): Json {
  if (paths.length === 0) return value;
  if (paths.some((path) => path.length === 0)) return redactedMark;
  if (value instanceof Map) {
    if (paths.some(([step]) => !isName(step))) return redactedMark;
    return new Map([...value].map(([key, member]) => [key, redact(member, behind(paths, nameIs(key)))]));
  }
  if (!Array.isArray(value) || paths.some(([step]) => isName(step))) return redactedMark;
  return value.map((element, index) => redact(element, behind(paths, indexIs(index))));
}

const isName = (step: Step | undefined): boolean => typeof step === "object" && "name" in step;

const nameIs = (key: string) => (step: Step) =>
  typeof step === "object" && "name" in step && step.name === key;

const indexIs = (index: number) => (step: Step) =>
  step === "every" || ("index" in step && step.index === index);

/** What is left of the paths whose first step leads there. */
const behind = (paths: readonly (readonly Step[])[], leads: (step: Step) => boolean): (readonly Step[])[] =>
  paths.flatMap(([step, ...rest]) => (step !== undefined && leads(step) ? [rest] : []));
