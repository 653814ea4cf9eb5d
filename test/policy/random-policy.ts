/** A number as its text, as in the source of a document. */
export class Num {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Value = null | boolean | string | Num | Value[] | { [name: string]: Value };

/** The value as JSON, numbers as they are written. */
export function write(value: Value): string {
  if (value instanceof Num) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${write(one)}`);
  return `{${members.join(",")}}`;
}

type Objekt = { [name: string]: Value };

/** A small, fast, seeded source of choices. */
export class Choice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  one<T>(from: readonly T[]): T {
    const chosen = from[this.below(from.length)];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

const numbers = [
  "100",
  "1e2",
  "100.0",
  "99.999",
  "100.000001",
  "0",
  "-0",
  "-1",
  "5",
  "9007199254740992",
  "9007199254740993",
  "1e399",
  "1e401",
];
const words = ["a", "ab", "abc", "b", "", "a/b", "\u{1f600}", "\uff5e", "$x.y", "{{t}}", "$5"];
const urls = [
  "https://example.com/",
  "https://a.example.com/x",
  "https://example.com.evil.net",
  "https://x@example.com",
  "ftp://example.com",
  "https://a.example.org.",
  "https://ex ample.com",
  "http://EXAMPLE.org",
];
const files = [
  "/srv/a",
  "/srv",
  "/srvx",
  "/srv/../etc",
  "/srv/%2e%2e/etc",
  "/srv/%252e",
  "/etc",
  "srv/a",
  "/srv/%zz",
  "/srv/%00",
  "/etc/%2e%2e/srv",
];

const number = (choice: Choice): Num => new Num(choice.one(numbers));
const scalar = (choice: Choice): Value =>
  choice.chance(45)
    ? number(choice)
    : choice.chance(80)
      ? choice.one(words)
      : choice.one([null, true, false]);

type Make = (choice: Choice) => Value;
const comparable: Make = (choice) =>
  choice.chance(70) ? new Num(choice.one(numbers.slice(0, -1))) : choice.one(words);
const operand: Make = (choice) => (choice.chance(90) ? comparable(choice) : choice.one([null, true, false]));

const operators: Record<string, { operand: Make; near: Make }> = {
  eq: { operand, near: scalar },
  neq: { operand, near: scalar },
  lt: { operand: comparable, near: scalar },
  lte: { operand: comparable, near: scalar },
  gt: { operand: comparable, near: scalar },
  gte: { operand: comparable, near: scalar },
  in: { operand: (choice) => [operand(choice), ...choice.some(2, () => operand(choice))], near: scalar },
  not_in: { operand: (choice) => [operand(choice), ...choice.some(2, () => operand(choice))], near: scalar },
  exists: { operand: (choice) => choice.chance(50), near: scalar },
  regex: { operand: (choice) => choice.one(["^a", "b$", "^[ab]+$", "a.c", "^$"]), near: scalar },
  contains: {
    operand,
    near: (choice) => (choice.chance(50) ? choice.some(3, () => scalar(choice)) : scalar(choice)),
  },
  starts_with: { operand: (choice) => choice.one(words), near: scalar },
  ends_with: { operand: (choice) => choice.one(words), near: scalar },
  glob: { operand: (choice) => choice.one(["a*", "*b", "?", "a?c", "*/*", "*", "**?b"]), near: scalar },
  length_lte: {
    operand: (choice) => new Num(choice.one(["0", "1", "2"])),
    near: (choice) => (choice.chance(40) ? choice.some(3, () => scalar(choice)) : scalar(choice)),
  },
  host_in: {
    operand: (choice) => [choice.one(["example.com", "*.example.com", "*.example.org", "example.org"])],
    near: (choice) => (choice.chance(90) ? choice.one(urls) : scalar(choice)),
  },
  path_within: {
    operand: (choice) => choice.one(["/srv", "/", "/srv/a/"]),
    near: (choice) => (choice.chance(90) ? choice.one(files) : scalar(choice)),
  },
};
export const operatorNames = Object.keys(operators);

const paths = ["args.a", "args.b", "args.o.a", "args.l[0]", "args.l[*]", "args.m[*].a"];
const facts = [
  "tool.name",
  "tool.category",
  "tool.risk",
  "server.name",
  "grant.label",
  "member.email",
  "now.hour",
];
export const tools = ["pay", "send", "look", "batch", "nope"];
const keys = [...tools, "p*", "*", "?ay", "s*d", "github/p*", "github/pay", "*/look", "gitlab/*"];

/** What a policy's conditions read, so that calls can be made that lie near their bounds. */
export type Bounds = { path: string; near: Make }[];

export function randomPolicy(choice: Choice, bounds: Bounds): Objekt {
  const policy: Objekt = { version: "1", default: choice.chance(50) ? "allow" : "deny" };
  if (choice.chance(15)) policy["mode"] = "shadow";
  if (choice.chance(20)) policy["hide"] = choice.chance(10) ? "*" : choice.some(2, () => choice.one(keys));
  if (choice.chance(40)) policy["all_tools"] = checks(choice, bounds, false);
  if (choice.chance(90)) policy["tools"] = rules(choice, bounds, keys);
  if (choice.chance(30)) policy["prompts"] = rules(choice, bounds, ["pay", "p*"]);
  if (choice.chance(30)) policy["resources"] = rules(choice, bounds, ["file:///srv/*", "file:///srv/a", "*"]);
  return policy;
}

function rules(choice: Choice, bounds: Bounds, from: string[]): Objekt {
  const entries = [0, 1, 2].map(() => [choice.one(from), rule(choice, bounds, from === keys)] as const);
  return Object.fromEntries(entries);
}

function rule(choice: Choice, bounds: Bounds, tool: boolean): Objekt {
  const made = checks(choice, bounds, true);
  if (choice.chance(15)) made["action"] = choice.one(["allow", "deny", "approve", "require_approval"]);
  if (choice.chance(15)) made["reason"] = "Because.";
  if (choice.chance(12)) made["mode"] = choice.one(["shadow", "enforce"]);
  if (choice.chance(15)) {
    const a: Objekt = choice.chance(50)
      ? { type: choice.one(["string", "number"]) }
      : { maximum: new Num("100") };
    made["arguments"] = { required: choice.chance(30) ? ["a"] : [], properties: { a } };
  }
  if (tool && choice.chance(25))
    made["nested"] = {
      each: "args.steps[*]",
      tool: "tool",
      arguments: choice.one(["params", "params", "with"]),
    };
  return made;
}

function checks(choice: Choice, bounds: Bounds, increments: boolean): Objekt {
  const made: Objekt = {};
  if (choice.chance(35)) made["require"] = choice.some(2, () => group(choice, bounds, "on_deny"));
  if (choice.chance(35)) made["deny_if"] = choice.some(2, () => group(choice, bounds, "on_deny"));
  if (choice.chance(35)) made["approve_if"] = choice.some(2, () => group(choice, bounds, "reason"));
  if (choice.chance(30)) made["limits"] = choice.some(2, () => limit(choice, increments));
  return made;
}

function group(choice: Choice, bounds: Bounds, text: string): Objekt {
  const made: Objekt = {
    conditions: choice.chance(8)
      ? []
      : [condition(choice, bounds), ...choice.some(1, () => condition(choice, bounds))],
  };
  if (choice.chance(50)) made[text] = choice.one(["No.", "Never."]);
  return made;
}

function condition(choice: Choice, bounds: Bounds): Objekt {
  if (choice.chance(15)) {
    const op = choice.one(["eq", "neq", "in", "exists", "starts_with", "gte"]);
    const value =
      op === "in"
        ? ["pay", "Read"]
        : op === "exists"
          ? choice.chance(50)
          : op === "gte"
            ? new Num("9")
            : choice.one(["pay", "Read", "github", "ci", "low"]);
    return { path: choice.one(facts), op, value };
  }
  const [path, op] = [choice.one(paths), choice.one(operatorNames)];
  const { operand: make, near } = operators[op] ?? { operand, near: scalar };
  const value = make(choice);
  // Half of the near values are the operand itself, or its only member.
  bounds.push({ path, near: (other) => (other.chance(30) && !Array.isArray(value) ? value : near(other)) });
  return { path, op, value };
}

function limit(choice: Choice, increments: boolean): Objekt {
  const sum = increments && choice.chance(40);
  return {
    counter: sum ? "sum" : choice.one(["calls", "c~/d"]),
    window: choice.one(["minute", "hour", "day"]),
    max: new Num("10"),
    ...(choice.chance(30) && { scope: choice.one(["grant", "team"]) }),
    ...(sum && { increment_from: "args.a" }),
  };
}

/** Arguments of which four in five of the values that are read lie near a bound. */
export function randomArguments(choice: Choice, bounds: Bounds, depth = 1): Objekt {
  const value = (path: string): Value => {
    const near = bounds.filter((bound) => bound.path === path);
    return near.length > 0 && choice.chance(80) ? choice.one(near).near(choice) : scalar(choice);
  };
  const args: Objekt = {};
  if (choice.chance(85)) args["a"] = value("args.a");
  if (choice.chance(75)) args["b"] = value("args.b");
  if (choice.chance(75))
    args["o"] = choice.chance(85) ? (choice.chance(80) ? { a: value("args.o.a") } : {}) : scalar(choice);
  if (choice.chance(75))
    args["l"] = choice.chance(90)
      ? choice.some(3, () => value(choice.one(["args.l[0]", "args.l[*]"])))
      : scalar(choice);
  if (choice.chance(75))
    args["m"] = choice.chance(90)
      ? choice.some(2, () =>
          choice.chance(80) ? { a: value("args.m[*].a") } : choice.one<Value>([{}, true]),
        )
      : scalar(choice);
  if (choice.chance(3)) args["{{k}}"] = true;
  if (choice.chance(60))
    args["steps"] = choice.chance(92) ? choice.some(2, () => step(choice, bounds, depth)) : scalar(choice);
  return args;
}

function step(choice: Choice, bounds: Bounds, depth: number): Value {
  if (choice.chance(3)) return scalar(choice);
  const made: Objekt = {};
  if (choice.chance(96)) made["tool"] = choice.chance(95) ? choice.one(tools) : scalar(choice);
  if (choice.chance(80))
    made["params"] =
      depth < 6 && choice.chance(95) ? randomArguments(choice, bounds, depth + 1) : scalar(choice);
  return made;
}
