import { operators } from "../operator.ts";
import { Num, type Obj, type Value } from "../value.ts";
import {
  incrementPaths,
  type LayerName,
  paths,
  promptKey,
  resourceKey,
  schemaNames,
  toolKey,
} from "./names.ts";
import type { Random } from "./random.ts";
import { numbers, patterns, record, type Sample, strings, wantedFor } from "./sample.ts";

function condition(random: Random): Obj {
  const op = random.pick(operators);
  const value = wantedFor(op, random);
  return { path: pathFor(op, value, random), op, value };
}

function pathFor(op: string, wanted: Value, random: Random): string {
  if (random.chance(0.06)) return random.pick([...paths.number, ...paths.string, ...paths.any]);
  if (op === "exists") return random.pick(Object.values(paths).flat());
  if (op === "path_within") return random.pick(paths.file);
  if (op === "host_in") return random.pick(paths.url);
  if (op === "length_lte" || op === "contains") return random.pick(paths.list);
  const like = Array.isArray(wanted) ? wanted[0] : wanted;
  if (like instanceof Num) return random.pick(paths.number);
  return random.pick(typeof like === "string" ? paths.string : paths.any);
}

function group(random: Random, text: "on_deny" | "reason"): Obj {
  const length = random.chance(0.06) ? 0 : random.chance(0.7) ? 1 : 2;
  return record([
    ["conditions", Array.from({ length }, () => condition(random))],
    [text, random.chance(0.6) ? random.pick(["Not this.", "Ask first.", "Zu groß 😀"]) : undefined],
  ]);
}

function groups(random: Random, text: "on_deny" | "reason", share: number): Value[] | undefined {
  if (!random.chance(share)) return undefined;
  const made = Array.from({ length: 1 + random.below(2) }, () => group(random, text));
  // The same group again: the second refusal is `#2`, and only the first is the reason.
  const [first] = made;
  return first && random.chance(0.1) ? [...made, first] : made;
}

const windows: Value[] = ["second", "minute", "hour", "day", "week", "month", new Num("1"), new Num("90")];

function limits(random: Random, adding: number): Value[] {
  return Array.from({ length: 1 + random.below(2) }, () => {
    const from = random.chance(adding) ? random.pick(incrementPaths) : undefined;
    return record([
      // Limits under one counter must agree on what they add, so each path has a counter of its own.
      [
        "counter",
        from === undefined ? random.pick(["calls", "spend/eur"]) : `sum_${incrementPaths.indexOf(from)}`,
      ],
      ["window", random.pick(windows)],
      ["max", new Num(String(1 + random.below(50)))],
      ["scope", random.pick<Sample>([undefined, "grant", "member", "server"])],
      ["increment_from", from],
    ]);
  });
}

function property(random: Random): Obj {
  const bound = new Num(random.pick(["10", "100", "1000", "9007199254740992"]));
  return random.pick<Obj>([
    { type: "number", maximum: bound },
    { type: "integer", minimum: new Num("0"), exclusiveMaximum: bound },
    { type: "string", maxLength: new Num("3"), minLength: new Num("1") },
    { type: "string", enum: random.some(strings, 3) },
    { type: "string", pattern: random.pick(patterns) },
    { const: random.pick<Value>([...numbers.slice(0, 10), ...strings]) },
    { type: "array", items: { type: "string" }, maxItems: new Num("2"), minItems: new Num("1") },
    { type: "array", uniqueItems: true },
    { type: "object", properties: { b: { type: "number" } }, required: ["b"] },
    { type: "boolean" },
    { type: "null" },
    { anyOf: [{ type: "string" }, { minimum: bound }] },
    { not: { type: "object" } },
  ]);
}

function schema(random: Random): Obj {
  const names = random.some(schemaNames, 1 + random.below(2));
  return record([
    ["type", "object"],
    ["properties", Object.fromEntries(names.map((name) => [name, property(random)]))],
    ["required", random.chance(0.3) ? names.slice(0, 1) : undefined],
    ["additionalProperties", random.chance(0.1) ? false : undefined],
  ]);
}

const flat: [string, Value][] = [
  ["tool", "tool"],
  ["arguments", "params"],
];
const deep: [string, Value][] = [
  ["tool", "call.name"],
  ["arguments", "call.input"],
];

const nested = (random: Random): Obj =>
  record([
    ["each", random.pick(["args.steps[*]", "args.steps[*]", "args.plan.calls[*]"])],
    ...random.pick([flat, flat, deep]),
    ["template", random.chance(0.2) ? "<<" : undefined],
  ]);

/** How documents differ: `ownMode` is the share of rules that say `mode` for themselves, `density` how much each says. */
interface Habit {
  readonly ownMode: number;
  readonly density: number;
  readonly carries: boolean;
  readonly short: boolean;
}

function rule(random: Random, { ownMode, density, carries, short }: Habit): Obj {
  if (random.chance(0.15 / density)) return {};
  return record([
    ["mode", random.chance(ownMode) ? random.pick(["shadow", "enforce"]) : undefined],
    [
      "action",
      random.chance(density * 0.15)
        ? random.pick(["deny", "approve", "require_approval", "allow"])
        : undefined,
    ],
    ["reason", random.chance(0.3) ? "Not with this grant." : undefined],
    ["require", groups(random, "on_deny", density * 0.25)],
    ["deny_if", groups(random, "on_deny", density * 0.35)],
    ["approve_if", groups(random, "reason", density * 0.25)],
    ["limits", !short && random.chance(density * 0.3) ? limits(random, density * 0.4) : undefined],
    ["rate_limit", short ? { max: new Num("10"), window: new Num("60") } : undefined],
    ["arguments", random.chance(density * 0.18) ? schema(random) : undefined],
    ["nested", carries ? nested(random) : undefined],
  ]);
}

function allTools(random: Random): Obj {
  return record([
    ["require", groups(random, "on_deny", 0.35)],
    ["deny_if", groups(random, "on_deny", 0.35)],
    ["approve_if", groups(random, "reason", 0.35)],
    ["limits", random.chance(0.4) ? limits(random, 0) : undefined],
  ]);
}

function hide(random: Random, layer: LayerName): Value {
  if (random.chance(0.1)) return "*";
  const keys = [
    toolKey(random, layer),
    toolKey(random, layer),
    promptKey(random, layer),
    resourceKey(random, layer),
  ];
  return random.some([...keys, "*_all"], 2);
}

function rules(count: number, key: () => string, make: (key: string) => Obj): Obj {
  return Object.fromEntries(Array.from({ length: count }, key).map((name) => [name, make(name)]));
}

/** One valid policy document of version "1", in either dialect; a dense one has much to say about every tool. */
export function document(random: Random, layer: LayerName, dense: boolean): Obj {
  const density = dense ? 2.2 : 1;
  const mode = random.chance(0.25) ? random.pick(["shadow", "shadow", "enforce"]) : undefined;
  const habit = { density, ownMode: mode === "shadow" ? 0.6 : 0.12, carries: false, short: false };
  const carries = (key: string): boolean => random.chance(key.includes("batch") ? 0.8 : dense ? 0.2 : 0);
  const tool = (key: string): Obj =>
    rule(random, { ...habit, carries: carries(key), short: random.chance(0.08) });
  const other = (): Obj => rule(random, habit);
  const tools = rules(1 + random.below(6), () => toolKey(random, layer), tool);
  const few = 1 + random.below(2);
  return record([
    ["version", "1"],
    ["default", random.chance(layer === "team" ? 0.35 : 0.5) ? "deny" : "allow"],
    ["description", random.chance(0.1) ? "Generated." : undefined],
    ["mode", mode],
    ["hide", random.chance(0.15 * density) ? hide(random, layer) : undefined],
    ["all_tools", random.chance(0.3 * density) ? allTools(random) : undefined],
    ["tools", dense ? { "*": tool("*"), ...tools } : tools],
    ["resources", random.chance(0.5) ? rules(few, () => resourceKey(random, layer), other) : undefined],
    ["prompts", random.chance(0.5) ? rules(few, () => promptKey(random, layer), other) : undefined],
    ["methods", random.chance(0.1) ? { "completion/complete": "allow" } : undefined],
    ["requests", random.chance(0.1) ? { sampling: "deny", elicitation: "allow" } : undefined],
  ]);
}
