// Policies and calls that are made to cost as much as they can. A bomb's arguments are JSON text of about the size that is
// asked for, in bytes.

export interface Bomb {
  readonly name: string;
  readonly document: string;
  readonly tool: string;
  readonly args: (size: number) => string;
}

type Rule = Record<string, unknown>;
type Args = (size: number) => string;

const documentOf = (rule: Rule, more: object = {}): string =>
  JSON.stringify({ version: "1", default: "deny", tools: { pay: rule }, ...more });
const bomb = (name: string, rule: Rule, args: Args): Bomb => ({
  name,
  document: documentOf(rule),
  tool: "pay",
  args,
});
const group = (path: string, op: string, value: unknown) => ({ conditions: [{ path, op, value }] });
const denyIf = (path: string, op: string, value: unknown): Rule => ({ deny_if: [group(path, op, value)] });
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const repeated = (unit: string, size: number): string =>
  unit.repeat(Math.max(1, Math.floor(size / Buffer.byteLength(unit))));
const texts: [name: string, make: (size: number) => string][] = [
  ["a…!", (size) => `${"a".repeat(size)}!`],
  ["ab…", (size) => repeated("ab", size)],
  ["a line each", (size) => repeated("aaaa\n", size)],
  ["emoji", (size) => repeated("\u{1f600}", size)],
  ["/../…", (size) => repeated("/../a", size)],
  ["%25…", (size) => `/srv/${repeated("%252525", size)}`],
  ["https://a.a…", (size) => `https://${repeated("a.", size)}example.com/`],
];
const textArgs =
  (make: (size: number) => string): Args =>
  (size) =>
    JSON.stringify({ text: make(size) });

const patterns = [
  "(a+)+$",
  "(a|a)*b",
  "(a|aa)+$",
  "(.*a){12}$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "a*a*a*a*a*b",
  "(a?){64}a{64}",
  "(x+x+)+y",
  "([a-zA-Z]+)*$",
  "^(a|b|ab)*c$",
  "(a{0,30}){30}b",
  "(?i)(a|A|ä)*$",
  "\\w+\\s*\\w+\\s*\\w+$",
  "[^b]*[^c]*[^d]*[^e]*f",
  "(?:a.?){20}b",
  "(?s).*.*.*.*x",
  "((a{1,10}){1,10}){1,10}$",
  "(?:(?:a*)*)*\\b!!",
  "(?i)(k+|\u212a+)+[^\\PL]$",
];
/** About two thousand states that all stay alive on a text of one letter. */
const manyStates = "^(a|aa){0,400}[a-d]$";
const regexes = patterns.flatMap((pattern) =>
  texts.map(([name, make]) =>
    bomb(`regex ${pattern} on ${name}`, denyIf("args.text", "regex", pattern), textArgs(make)),
  ),
);

const globs = ["*a".repeat(128), "*a*b".repeat(60), "?".repeat(256), `${"*?".repeat(127)}b`];
const globbing = globs.flatMap((glob) =>
  texts.map(([name, make]) =>
    bomb(`glob ${glob.slice(0, 8)}… on ${name}`, denyIf("args.text", "glob", glob), textArgs(make)),
  ),
);

const operands: [string, unknown][] = [
  ["eq", "a"],
  ["contains", `${"a".repeat(500)}b`],
  ["lt", "\u{1f600}"],
  ["length_lte", 1],
  ["host_in", ["*.example.com"]],
  ["path_within", "/srv"],
];
const comparisons = operands.flatMap(([op, value]) =>
  texts.map(([name, make]) => bomb(`${op} on ${name}`, denyIf("args.text", op, value), textArgs(make))),
);

/** A list of as many elements as fit, 10,000 keys and elements at most as messages may have. */
const list = (element: string, size: number, members = 1): string =>
  `[${times(Math.min(Math.floor(9_000 / members), Math.floor(size / (element.length + 1))), () => element).join(",")}]`;
const elements: [name: string, path: string, args: Args][] = [
  ["numbers", "args.list[*]", (size) => `{"list":${list("1e400", size)}}`],
  ["strings", "args.list[*]", (size) => `{"list":${list('"a"', size)}}`],
  ["objects", "args.list[*].a", (size) => `{"list":${list('{"a":1}', size, 2)}}`],
  ["lists", "args.list[*][*]", (size) => `{"list":${list("[1,1,1,1,1,1,1,1]", size, 9)}}`],
];
const arrays = elements.flatMap(([name, path, args]) => [
  bomb(`[*] of ${name}, gt`, denyIf(path, "gt", 1), args),
  bomb(
    `[*] of ${name}, in 1,000`,
    denyIf(
      path,
      "in",
      times(1_000, (i) => i + 2),
    ),
    args,
  ),
  bomb(
    `[*] of ${name}, not_in 1,000 strings`,
    denyIf(
      path,
      "not_in",
      times(1_000, (i) => `a${i}`),
    ),
    args,
  ),
  bomb(`[*] of ${name}, regex`, denyIf(path, "regex", "(a|aa)+$"), args),
  bomb(`contains in ${name}`, denyIf("args.list", "contains", "b"), args),
]);

const digits: [name: string, make: Args][] = [
  ["digits", (size) => `{"n":${"9".repeat(size)}}`],
  ["decimals", (size) => `{"n":0.${"1".repeat(size)}}`],
  ["an exponent", () => '{"n":1e999999999}'],
  ["the greatest exponent", () => '{"n":9e400}'],
  ["64 digits", () => `{"n":${"9".repeat(64)}}`],
];
const numbers = digits.flatMap(([name, args]) => [
  bomb(`a number of ${name}, gt`, denyIf("args.n", "gt", 1), args),
  bomb(`a number of ${name}, in`, denyIf("args.n", "in", [1, 2]), args),
  bomb(
    `a number of ${name}, increment`,
    { limits: [{ counter: "n", window: "day", max: 1, increment_from: "args.n" }] },
    args,
  ),
]);

const nested = { each: "args.steps[*]", tool: "tool", arguments: "params" };
const inner = (params: string) => `{"tool":"pay","params":${params}}`;
const groupsOf = (count: number, path: string, op: string, value: (index: number) => unknown): Rule => ({
  deny_if: times(Math.ceil(count / 64), (at) => ({
    conditions: times(Math.min(64, count - at * 64), (i) => ({ path, op, value: value(at * 64 + i) })),
  })),
});
const listArgs: Args = (size) => `{"list":${list('"aa"', size)}}`;
const strange = (schema: unknown): Rule => ({ arguments: { properties: { list: schema, text: schema } } });
/** Two ways at each of 20 steps: 2^20 if a validator walked them all. */
const doubling = {
  $defs: Object.fromEntries(
    times(20, (i) => [
      `d${i}`,
      i === 19 ? false : { anyOf: times(2, () => ({ $ref: `#/$defs/d${i + 1}` })) },
    ]),
  ),
  $ref: "#/$defs/d0",
};
const textsOf500: Args = (size) => JSON.stringify({ list: times(size / 500, () => "a".repeat(490)) });
const schemas = [
  bomb("schema: items with a large pattern", strange({ items: { pattern: manyStates } }), textsOf500),
  bomb(
    "schema: items with 20 patterns",
    strange({ items: { allOf: times(20, (i) => ({ not: { pattern: `(a|aa)+[b-d]{${i + 1}}$` } })) } }),
    textsOf500,
  ),
  bomb(
    "schema: 1,000 large required by 1,000",
    {
      arguments: {
        $defs: { r: { required: times(1_000, (i) => `k${i}`) } },
        allOf: times(1_000, () => ({ $ref: "#/$defs/r" })),
      },
    },
    (size) => JSON.stringify(Object.fromEntries(times(Math.min(9_000, size / 10), (i) => [`k${i}`, 1]))),
  ),
  bomb(
    "schema: 3,000 lengths of one text",
    {
      arguments: {
        properties: { text: { allOf: times(3_000, (i) => ({ minLength: 1, maxLength: 70_000 + i })) } },
      },
    },
    textArgs(texts[0]?.[1] ?? String),
  ),
  bomb(
    "schema: 3,000 times all of it",
    { arguments: { properties: { list: { anyOf: times(3_000, (i) => ({ const: [`${i}`] })) } } } },
    listArgs,
  ),
  bomb(
    "schema: 2^20 in each of 100 calls",
    { nested, arguments: { ...doubling, properties: { steps: true } } },
    (size) => `{"steps":[${times(Math.min(100, size / 30), () => inner("{}")).join(",")}]}`,
  ),
  bomb("schema: uniqueItems", strange({ uniqueItems: true }), listArgs),
  bomb("schema: items with a pattern", strange({ items: { pattern: "(a|aa)+$" } }), listArgs),
  bomb("schema: contains", strange({ contains: { const: "b" } }), listArgs),
  bomb("schema: enum of 1,000", strange({ items: { enum: times(1_000, (i) => `b${i}`) } }), listArgs),
  bomb(
    "schema: anyOf of 200",
    strange({ items: { anyOf: times(200, (i) => ({ const: `b${i}` })) } }),
    listArgs,
  ),
  bomb("schema: 2^20 by $ref", { arguments: doubling }, listArgs),
  bomb("schema: itself", { arguments: { $ref: "#" } }, listArgs),
  bomb(
    "schema: itself in each element",
    { arguments: { anyOf: [{ items: { $ref: "#" } }, { additionalProperties: { $ref: "#" } }] } },
    listArgs,
  ),
  bomb("schema: not of not", strange(times(8, () => 0).reduce<unknown>((not) => ({ not }), true)), listArgs),
  bomb(
    "schema: unevaluated",
    {
      arguments: {
        allOf: times(50, (i) => ({ properties: { [`p${i}`]: true } })),
        unevaluatedProperties: false,
      },
    },
    listArgs,
  ),
  bomb(
    "schema: 1,000 properties",
    { arguments: { properties: Object.fromEntries(times(1_000, (i) => [`k${i}`, { maxLength: 1 }])) } },
    (size) => JSON.stringify(Object.fromEntries(times(Math.min(9_000, size / 10), (i) => [`k${i}`, "aa"]))),
  ),
];

const nesting = [
  bomb("nested: as many calls as fit", { nested }, (size) => `{"steps":${list(inner("{}"), size, 3)}}`),
  bomb(
    "nested: each call with a pattern",
    { nested, deny_if: [group("args.text", "regex", "(a|aa)+$")] },
    (size) =>
      `{"steps":[${times(Math.min(100, size / 60), () => inner(`{"text":"${"a".repeat(size / 100)}"}`)).join(",")}]}`,
  ),
  bomb(
    "nested: calls in calls",
    { nested },
    (size) => `{"steps":[${inner(`{"steps":${list(inner("{}"), size, 3)}}`)}]}`,
  ),
  bomb(
    "nested: templates",
    { nested: { ...nested, template: "(a|aa)+$" } },
    (size) => `{"steps":[${inner(`{"text":"${"a".repeat(size)}"}`)}]}`,
  ),
  bomb(
    "nested: 3,000 conditions on text with a template",
    {
      nested: { ...nested, template: "(a|aa)+$" },
      ...groupsOf(3_000, "args.text", "contains", (i) => `b${i}`),
    },
    (size) => JSON.stringify({ steps: [], text: "a".repeat(size) }),
  ),
  bomb(
    "nested: a large template on many texts",
    {
      nested: { ...nested, template: "(a|aa){0,400}[b-d]" },
      deny_if: [group("args.list", "contains", "b")],
    },
    (size) => JSON.stringify({ steps: [], list: times(size / 500, () => "a".repeat(490)) }),
  ),
  bomb("nested: five deep", { nested }, () => {
    let steps = "[]";
    for (let depth = 0; depth < 5; depth++) steps = `[${inner(`{"steps":${steps}}`)}]`;
    return `{"steps":${steps}}`;
  }),
];

const manyArgs: Args = (size) =>
  JSON.stringify({ text: "a".repeat(size / 2), list: times(size / 8, () => "aa") });
const crowds = [
  bomb(
    "3,500 conditions on one text",
    groupsOf(3_500, "args.text", "contains", (i) => `b${i}`),
    manyArgs,
  ),
  bomb(
    "3,500 conditions on each element",
    groupsOf(3_500, "args.list[*]", "eq", (i) => `b${i}`),
    manyArgs,
  ),
  bomb(
    "3,500 conditions on one number",
    groupsOf(3_500, "args.n", "eq", (i) => i),
    (size) => `{"n":${"9".repeat(size)}}`,
  ),
  bomb(
    "3,500 conditions on nothing",
    groupsOf(3_500, "args.gone", "eq", (i) => i),
    manyArgs,
  ),
  bomb(
    "500 patterns on one text",
    groupsOf(500, "args.text", "regex", (i) => `(a|aa)+[b-d]{${(i % 9) + 1}}$`),
    manyArgs,
  ),
  bomb(
    "500 patterns on each element",
    groupsOf(500, "args.list[*]", "regex", (i) => `(a|aa)+[b-d]{${(i % 9) + 1}}$`),
    manyArgs,
  ),
  bomb(
    "500 globs on one text",
    groupsOf(500, "args.text", "glob", (i) => `${"*a".repeat(60)}${"?".repeat(i % 9)}*b*a`),
    manyArgs,
  ),
  bomb(
    "3,000 paths",
    groupsOf(3_000, "args.text", "path_within", (i) => `/a${i}`),
    (size) => JSON.stringify({ text: `/${"a/../".repeat(size / 5)}` }),
  ),
  bomb(
    "3,000 hosts",
    denyIf(
      "args.text",
      "host_in",
      times(3_000, (i) => `*.a${i}.example.com`),
    ),
    (size) => JSON.stringify({ text: `https://${"a.".repeat(size / 2)}com/` }),
  ),
  bomb(
    "100 calls inside, each with 200 conditions",
    { nested, ...groupsOf(200, "args.list[*]", "eq", (i) => `b${i}`) },
    (size) => `{"steps":[${times(100, () => inner(`{"list":${list('"a"', size / 100, 100)}}`)).join(",")}]}`,
  ),
];

const longName = "a".repeat(128);
const named = (name: string, more: object): Bomb => ({
  name,
  document: JSON.stringify({ version: "1", default: "allow", ...more }),
  tool: longName,
  args: () => "{}",
});
const stars = (count: number, width: number): string[] => times(count, (i) => `${"*a".repeat(width)}${i}`);
const keys = [
  named("2,000 globs as keys", { tools: Object.fromEntries(stars(1_900, 50).map((key) => [key, {}])) }),
  named("2,000 hidden globs", { hide: stars(1_900, 50) }),
  named("2,000 keys with servers", {
    tools: Object.fromEntries(stars(1_500, 30).map((key) => [`${"*b".repeat(30)}/${key}`, {}])),
  }),
  named("one glob of 1,000 characters", { tools: { [`${"*a".repeat(500)}b`]: {} } }),
];

const own = ["constructor", "toString", "__defineGetter__", "hasOwnProperty", "valueOf"];
const prototypes = own.flatMap((name) => [
  bomb(`a condition on ${name}`, denyIf(`args.${name}`, "exists", true), (size) =>
    JSON.stringify({ text: "a".repeat(size) }),
  ),
  {
    ...named(`a tool called ${name}`, {
      default: "deny",
      tools: { [name]: denyIf(`args.${name}.${name}`, "eq", 1) },
    }),
    tool: name,
    args: (size: number) => `{"${name}":{"${name}":${list("1", size)}}}`,
  },
]);
const deep = [
  bomb(
    "arguments 60 deep",
    denyIf(`args${".a".repeat(60)}`, "eq", 1),
    () => `${'{"a":'.repeat(60)}1${"}".repeat(60)}`,
  ),
  bomb(
    "lists 60 deep",
    denyIf(`args.a${"[*]".repeat(59)}`, "eq", 1),
    () => `{"a":${"[".repeat(59)}1${"]".repeat(59)}}`,
  ),
  bomb("a list of lists at every level", denyIf(`args.a${"[*]".repeat(8)}`, "eq", 2), () => {
    let tree = "1";
    for (let level = 0; level < 8; level++) tree = `[${tree},${tree},${tree}]`;
    return `{"a":${tree}}`;
  }),
];

/** Every bomb whose document the validator takes. */
export const bombs: readonly Bomb[] = [
  ...regexes,
  ...globbing,
  ...comparisons,
  ...arrays,
  ...numbers,
  ...schemas,
  ...nesting,
  ...crowds,
  ...keys,
  ...prototypes,
  ...deep,
];
