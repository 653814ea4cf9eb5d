import type { Call, Context } from "../asked.ts";
import type { Documents } from "../compare.ts";
import { everyElement, stepsOf } from "../condition.ts";
import { pickKey } from "../key.ts";
import { isObj, listAt, Num, type Obj, objAt, own, put, textAt, type Value } from "../value.ts";
import { edgeOf, increments, schemaEdge } from "./edge.ts";
import { incrementPaths, schemaNames } from "./names.ts";
import { build, moved } from "./place.ts";
import type { Random } from "./random.ts";
import { answering, anything, numbers, type Sample } from "./sample.ts";

/** Writes the arguments of one call, moving the context where a rule reads that. */
export class Draft {
  readonly #random: Random;
  readonly #documents: Documents["oracle"];
  readonly #tools: string[];
  context: Context;

  constructor(random: Random, documents: Documents["oracle"], context: Context, tools: string[]) {
    this.#random = random;
    this.#documents = documents;
    this.#tools = tools;
    this.context = context;
  }

  /** Arguments that mostly please every rule, then one value moved to an edge. */
  args(kind: Call["kind"], name: string, depth: number): Obj {
    const random = this.#random;
    const bodies = this.#bodies(kind, name);
    const args: Obj = {};
    if (random.chance(0.3)) put(args, random.pick(schemaNames), anything(random));
    for (const body of bodies) this.#please(args, body);
    for (const body of bodies) this.#carry(args, body, depth);
    if (bodies.length > 0 && random.chance(0.8)) this.#edge(args, random.pick(bodies));
    if (depth > 1 && random.chance(0.2)) this.#template(args);
    return args;
  }

  #bodies(kind: Call["kind"], name: string): Obj[] {
    return (["team", "server"] as const).flatMap((layer) => {
      const document = this.#documents[layer];
      if (document === null) return [];
      const section = objAt(
        document,
        kind === "tool" ? "tools" : kind === "resource" ? "resources" : "prompts",
      );
      const named = { layer, kind, server: this.context.server.name, name };
      const key = pickKey(Object.keys(section ?? {}), named, () => undefined);
      const all = kind === "tool" ? objAt(document, "all_tools") : null;
      return [all, key === null ? null : objAt(section, key)].filter((body) => body !== null);
    });
  }

  #please(args: Obj, body: Obj): void {
    const random = this.#random;
    for (const use of ["require", "deny_if", "approve_if"] as const) {
      for (const condition of conditionsOf(body, use)) {
        const truth = random.chance(0.85) === (use === "require");
        const value = () => answering(op(condition), wanted(condition), truth, random);
        if (use === "require" || random.chance(0.6)) this.#place(args, path(condition), value);
      }
    }
    for (const limit of listAt(body, "limits").filter(isObj)) {
      const from = textAt(limit, "increment_from");
      if (from !== null) this.#place(args, from, () => random.pick(numbers.slice(0, 8)));
    }
  }

  #edge(args: Obj, body: Obj): void {
    const random = this.#random;
    const conditions = (["require", "deny_if", "approve_if"] as const).flatMap((use) =>
      conditionsOf(body, use),
    );
    const schema = objAt(objAt(body, "arguments"), "properties");
    const names = Object.keys(schema ?? {});
    const sums = listAt(body, "limits").some(
      (limit) => isObj(limit) && Object.hasOwn(limit, "increment_from"),
    );
    if (names.length > 0 && random.chance(0.35)) {
      const name = random.pick(names);
      put(args, name, schemaEdge(objAt(schema, name) ?? {}, random));
    } else if (sums && random.chance(0.4)) {
      this.#place(args, random.pick(incrementPaths), () => random.pick(increments));
    } else if (conditions.length > 0) {
      const condition = random.pick(conditions);
      this.#place(args, path(condition), () => edgeOf(op(condition), wanted(condition), random));
    } else put(args, random.pick(schemaNames), anything(random));
  }

  #place(args: Obj, where: string, value: () => Sample): void {
    const [first, ...rest] = stepsOf(where);
    if (first === "args") build(args, rest, value, this.#random);
    else this.context = moved(this.context, where, value());
  }

  #carry(args: Obj, body: Obj, depth: number): void {
    const nested = objAt(body, "nested");
    if (nested === null) return;
    const random = this.#random;
    const steps = stepsOf(textAt(nested, "each") ?? "").filter((step) => step !== everyElement);
    const length = depth > 4 ? 0 : random.chance(0.01) ? 100 + random.below(2) : random.below(3);
    const inner = (): Value => (length > 3 ? this.#element(nested, "x", {}) : this.#inner(nested, depth));
    const calls: Value = random.chance(0.95) ? Array.from({ length }, inner) : anything(random);
    build(args, steps.slice(1), () => calls, random);
  }

  #inner(nested: Obj, depth: number): Value {
    const random = this.#random;
    if (random.chance(0.02)) return random.pick<Value>(["{{step}}", null, {}, [], new Num("1")]);
    if (random.chance(0.02))
      return this.#element(nested, random.pick<Sample>(["$prev.tool", null, undefined]), {});
    const carriers = this.#tools.filter((tool) => tool.startsWith("batch"));
    const deeper = carriers.length > 0 && random.chance(0.3);
    const tool = deeper ? random.pick(carriers) : random.chance(0.97) ? random.pick(this.#tools) : "ghost";
    const odd = random.chance(0.05);
    if (odd) return this.#element(nested, tool, random.pick<Value>(["{{all}}", null, [], new Num("1")]));
    return this.#element(nested, tool, random.chance(0.1) ? undefined : this.args("tool", tool, depth + 1));
  }

  #element(nested: Obj, tool: Sample, params: Sample): Value {
    const element: Obj = {};
    build(element, stepsOf(textAt(nested, "tool") ?? ""), () => tool, this.#random);
    build(element, stepsOf(textAt(nested, "arguments") ?? ""), () => params, this.#random);
    return element;
  }

  #template(args: Obj): void {
    const random = this.#random;
    const text = random.pick(["$prev.id", "$prev[0]", "\u0024{x}", "{{x}}", "<<x>>", "$5.00", "{x}", "a $x"]);
    const names = Object.keys(args);
    const roll = random.below(10);
    if (names.length === 0 || roll === 0) put(args, "other", text);
    else if (roll < 3) put(args, text, true);
    else put(args, random.pick(names), random.pick<Value>([text, text, [text], { b: text, c: "abc" }]));
  }
}

const op = (condition: Obj): string => textAt(condition, "op") ?? "";
const path = (condition: Obj): string => textAt(condition, "path") ?? "";
const wanted = (condition: Obj): Value => own(condition, "value") ?? null;
const conditionsOf = (body: Obj, use: string): Obj[] =>
  listAt(body, use)
    .filter(isObj)
    .flatMap((group) => listAt(group, "conditions").filter(isObj));
