import type { Context, Situation } from "../asked.ts";
import { everyElement, type Step, stepsOf } from "../condition.ts";
import { pickKey } from "../key.ts";
import { isObj, listAt, Num, type Obj, objAt, own, put, textAt, type Value } from "../value.ts";
import { incrementPaths, oddUris, promptNames, schemaNames, serverNames, toolNames, uris } from "./names.ts";
import type { Random } from "./random.ts";
import { answering, anything, edgeOf, numbers, type Sample, scalar, strings } from "./sample.ts";

/** A call as a client would send it, and the moment at which it is judged. */
export interface Asking {
  readonly kind: "tool" | "resource" | "prompt";
  readonly name: string;
  readonly args: Obj | undefined;
  readonly frozen: Situation["frozen"];
  readonly context: Context;
}
export interface Documents {
  readonly team: Obj | null;
  readonly server: Obj | null;
}

/** One call, in four of five cases with something near a boundary of a rule that concerns it. */
export function asking(random: Random, documents: Documents, tools: string[]): Asking {
  const kind = random.chance(0.86) ? "tool" : random.chance(0.5) ? "resource" : "prompt";
  const server = random.pick(serverNames);
  const name = nameFor(random, kind, tools);
  const context = contextFor(random, server);
  const frozen = random.chance(0.04) ? "all" : random.chance(0.06) ? "writes" : "off";
  const drafts = new Draft(random, documents, context, tools);
  const bare = kind === "resource" || random.chance(0.03);
  const args = bare ? undefined : drafts.args(kind, name, 1);
  return { kind, name, args, frozen, context: drafts.context };
}

function nameFor(random: Random, kind: Asking["kind"], tools: string[]): string {
  if (kind === "prompt") return random.chance(0.9) ? random.pick(promptNames) : "unlisted";
  if (kind === "resource") return random.chance(0.75) ? random.pick(uris) : random.pick(oddUris);
  return random.chance(0.93) ? random.pick(tools) : random.pick([...toolNames, "ghost"]);
}

function contextFor(random: Random, server: string): Context {
  const label = random.pick(strings);
  const tags = random.some(strings, random.below(3));
  const member = { email: random.pick(strings), role: random.pick(["admin", "member"]) };
  const now = {
    hour: random.below(24),
    weekday: 1 + random.below(7),
    date: random.pick(["2026-11-21", "2026-12-01"]),
  };
  return {
    server: { name: server },
    grant: { label, tags },
    member: random.chance(0.8) ? member : null,
    client: random.chance(0.7) ? { name: random.pick(strings) } : null,
    now,
  };
}

class Draft {
  readonly #random: Random;
  readonly #documents: Documents;
  readonly #tools: string[];
  context: Context;

  constructor(random: Random, documents: Documents, context: Context, tools: string[]) {
    this.#random = random;
    this.#documents = documents;
    this.#tools = tools;
    this.context = context;
  }

  /** Arguments that mostly please every rule, then one value moved to an edge. */
  args(kind: Asking["kind"], name: string, depth: number): Obj {
    const random = this.#random;
    const bodies = this.#bodies(kind, name);
    const args: Obj = {};
    if (random.chance(0.3)) put(args, random.pick(schemaNames), anything(random));
    for (const body of bodies) this.#please(args, body);
    for (const body of bodies) this.#carry(args, body, depth);
    if (bodies.length > 0 && random.chance(0.8)) this.#edge(args, random.pick(bodies));
    if (depth > 1 && random.chance(0.15)) this.#template(args);
    return args;
  }

  #bodies(kind: Asking["kind"], name: string): Obj[] {
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
    const inner = length > 3 ? () => ({ tool: "x" }) : () => this.#inner(depth);
    const calls: Value = random.chance(0.95) ? Array.from({ length }, inner) : (anything(random) ?? null);
    build(args, steps.slice(1), () => calls, random);
  }

  #inner(depth: number): Value {
    const random = this.#random;
    if (random.chance(0.03))
      return random.pick<Value>(["{{step}}", null, { tool: "\u0024{tool}" }, { params: {} }, {}]);
    const carriers = this.#tools.filter((tool) => tool.startsWith("batch"));
    const deeper = carriers.length > 0 && random.chance(0.3);
    const tool = deeper ? random.pick(carriers) : random.chance(0.97) ? random.pick(this.#tools) : "ghost";
    if (random.chance(0.06)) return { tool, params: random.pick<Value>(["{{all}}", null, [], new Num("1")]) };
    return random.chance(0.1) ? { tool } : { tool, params: this.args("tool", tool, depth + 1) };
  }

  #template(args: Obj): void {
    const random = this.#random;
    const text = random.pick(["$prev.id", "$prev[0]", "\u0024{x}", "{{x}}", "<<x>>", "$5.00", "{x}", "a $x"]);
    const names = Object.keys(args);
    const roll = random.below(10);
    if (names.length === 0 || roll === 0) put(args, "other", text);
    else if (roll === 1) put(args, text, true);
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

/** Makes the containers on the way; now and then one of them is something else. */
function build(parent: Obj, steps: Step[], value: () => Sample, random: Random): void {
  const [step, ...rest] = steps;
  if (typeof step !== "string") return;
  const made = grown(own(parent, step), rest, value, random);
  if (made === undefined) delete parent[step];
  else put(parent, step, made);
}

function grown(at: Sample, steps: Step[], value: () => Sample, random: Random): Sample {
  const [step, ...rest] = steps;
  if (step === undefined) return value();
  if (random.chance(0.03)) return random.pick<Sample>([undefined, null, "text", [], {}, new Num("5")]);
  if (typeof step === "string") {
    const object: Obj = isObj(at) ? at : {};
    build(object, steps, value, random);
    return object;
  }
  const present = Array.isArray(at) ? [...at] : [];
  const least = typeof step === "number" ? step + (random.chance(0.9) ? 1 : 0) : random.below(3);
  while (present.length < least) present.push(grown(undefined, rest, value, random) ?? scalar(random));
  const chosen = typeof step === "number" ? step : random.below(present.length + 1);
  if (chosen < present.length) present[chosen] = grown(present[chosen], rest, value, random) ?? {};
  return present;
}

const increments: Sample[] = [
  ..."0 1 2.5 0.000001 0.0000001 1.0000000 1.000000e0 1e12 1000000000000.000001 1e-6 10e-7 -1 -0 1e400 12e11".split(
    " ",
  ),
]
  .map((source): Sample => new Num(source))
  .concat(["1", null, undefined, [new Num("1")], true]);

function schemaEdge(property: Obj, random: Random): Value {
  const bound = own(property, "maximum") ?? own(property, "exclusiveMaximum");
  const constant = own(property, "const") ?? bound;
  if (constant !== undefined && random.chance(0.7)) return edgeOf("lte", constant, random) ?? constant;
  if (random.chance(0.3)) return edgeOf("regex", "", random) ?? null;
  return random.pick<Value>([
    ...["a", "abc", "abcd", "😀😀😀", "", "usd", true, null, new Num("1.0"), new Num("1.5"), new Num("-1")],
    ...[
      [],
      ["a"],
      ["a", "b"],
      ["a", "a"],
      ["a", "b", "c"],
      ["a", new Num("1")],
      [new Num("1"), new Num("1.0")],
    ],
    ...[{}, { b: new Num("1") }, { b: "1" }],
  ]);
}

/** Context is typed, so only a value of the right type moves it. */
function moved(context: Context, where: string, value: Sample): Context {
  const { grant, member, now } = context;
  const whole = value instanceof Num && /^\d+$/.test(value.source) ? Number(value.source) : null;
  if (where === "now.hour" && whole !== null && whole < 24)
    return { ...context, now: { ...now, hour: whole } };
  if (where === "now.weekday" && whole !== null && whole > 0 && whole < 8) {
    return { ...context, now: { ...now, weekday: whole } };
  }
  if (where === "member.email" && value === undefined) return { ...context, member: null };
  if (Array.isArray(value) && where === "grant.tags") {
    return { ...context, grant: { ...grant, tags: value.filter((tag) => typeof tag === "string") } };
  }
  if (typeof value !== "string") return context;
  if (where === "grant.label") return { ...context, grant: { ...grant, label: value } };
  if (where === "client.name") return { ...context, client: { name: value } };
  if (where === "now.date") return { ...context, now: { ...now, date: value } };
  if (where === "member.email") return { ...context, member: { role: "member", ...member, email: value } };
  if (where === "member.role") return { ...context, member: { email: "a@x.io", ...member, role: value } };
  return context;
}
