import type { Json, JsonObject } from "../json/value.ts";

/** One step into a value: a member by name, an element by index, or every element. */
export type Step = { readonly name: string } | { readonly index: number } | "every";

/** Where a condition looks. `args` walks the call's arguments; the other roots are single facts of the call. */
export interface Path {
  readonly text: string;
  readonly root: "args" | Fact;
  readonly steps: readonly Step[];
}

export const facts = [
  "tool.name",
  "tool.category",
  "tool.risk",
  "server.name",
  "grant.label",
  "grant.tags",
  "member.email",
  "member.role",
  "client.name",
  "now.hour",
  "now.weekday",
  "now.date",
] as const;
export type Fact = (typeof facts)[number];

const step = /\.([^.[\]]+)|\[(?:(0|[1-9][0-9]{0,8})|(\*))\]/y;

/** Reads a path of the language; null where it is none (policy.md §2). */
export function parsePath(text: string): Path | null {
  if (text.startsWith("args.")) return withSteps(text, "args", "args".length);
  const fact = facts.find((name) => text === name || text.startsWith(`${name}[`));
  if (!fact || (text !== fact && fact !== "grant.tags")) return null;
  return withSteps(text, fact, fact.length);
}

function withSteps(text: string, root: Path["root"], from: number): Path | null {
  const steps = parseSteps(text, from);
  return steps && { text, root, steps };
}

/** The steps of a path relative to an element, such as `params` or `call.name` (policy.md §7). */
export function parseRelative(text: string): readonly Step[] | null {
  return parseSteps(`.${text}`, 0);
}

function parseSteps(text: string, from: number): Step[] | null {
  const steps: Step[] = [];
  let at = from;
  while (at < text.length) {
    step.lastIndex = at;
    const found = step.exec(text);
    if (!found) return null;
    const [, name, index] = found;
    steps.push(name !== undefined ? { name } : index !== undefined ? { index: Number(index) } : "every");
    at = step.lastIndex;
  }
  return steps;
}

export const hasEvery = (steps: readonly Step[]): boolean => steps.includes("every");

/** One step's outcome: the value there, `undefined` where nothing is, or the type that the step needs but has not met. */
export type Stepped = { readonly found: Json | undefined } | { readonly needs: "an object" | "an array" };

/** Own members and elements only: the tree has no prototypes. */
export function take(value: Json, to: { readonly name: string } | { readonly index: number }): Stepped {
  if ("name" in to) return value instanceof Map ? { found: member(value, to.name) } : { needs: "an object" };
  return Array.isArray(value) ? { found: value[to.index] } : { needs: "an array" };
}

const member = (object: JsonObject, name: string): Json | undefined => object.get(name);
