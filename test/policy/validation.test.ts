import { expect, test } from "vitest";
import { readPolicy } from "../../src/policy/document.ts";
import { onPay } from "./judge.ts";

const errors = (document: unknown) => {
  const read = readPolicy(typeof document === "string" ? document : JSON.stringify(document));
  return read.ok ? [] : read.errors;
};
const warnings = (document: unknown) => {
  const read = readPolicy(JSON.stringify(document));
  return read.ok ? read.warnings : read;
};
const condition = (path: string, op: string, value: unknown) => ({ conditions: [{ path, op, value }] });

test("all mistakes are told at once, each with its place and the nearest right thing", () => {
  const document = {
    version: "2",
    defualt: "deny",
    tools: {
      "a/b": {
        limit: [],
        deny_if: [condition("arg.amount", "gte_", 1), condition("args.x", "regex", "(")],
        limits: [{ counter: "c", window: "fortnight", max: -1, scope: "gran" }],
      },
    },
  };
  const found = new Map(errors(document).map(({ pointer, message }) => [pointer, message]));
  expect(Object.fromEntries(found)).toEqual({
    "/version": 'unknown value "2": did you mean "1"?',
    "/default": 'expected "allow", "deny": it is missing',
    "/defualt": 'unknown key "defualt": did you mean "default"?',
    "/tools/a~1b/limit": 'unknown key "limit": did you mean "limits"?',
    "/tools/a~1b/deny_if/0/conditions/0/path": 'not a path: "arg.amount": did you mean "args.amount"?',
    "/tools/a~1b/deny_if/0/conditions/0/op": 'unknown value "gte_": did you mean "gte"?',
    "/tools/a~1b/deny_if/1/conditions/0/value": "regex: not a pattern of RE2: ( is never closed: `(`",
    "/tools/a~1b/limits/0/window":
      "expected one of second, minute, hour, day, week, month, or whole seconds from 1 to 2678400",
    "/tools/a~1b/limits/0/max": "expected at least 0",
    "/tools/a~1b/limits/0/scope": 'unknown value "gran": did you mean "grant"?',
  });
});

test.each<[string, string, string]>([
  ["", "", "the text ends where a value is expected (line 1, column 1)"],
  ["[]", "", "expected object, got array"],
  ["null", "", "expected object, got null"],
  [
    '{"version":"1","default":"deny","tools":{"a":{},"a":{}}}',
    "/tools",
    'duplicate key "a" (line 1, column 52)',
  ],
  [
    '{"version":"1","default":"deny","tools":{"__proto__":{}}}',
    "/tools/__proto__",
    "this key is not allowed",
  ],
  [`{"version":"1","description":"${"é".repeat(131_072)}"}`, "", "a policy has at most 256 KiB"],
])("a text that is no document is refused where it fails: %s", (text, pointer, message) => {
  expect(errors(text)).toEqual([{ pointer, message }]);
});

const nest = (depth: number): unknown => (depth === 0 ? 1 : [nest(depth - 1)]);

test("the caps on a document are enforced", () => {
  const tools = (count: number) => ({
    version: "1",
    default: "deny",
    tools: Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, {}])),
  });
  expect(errors(tools(2_000))).toEqual([]);
  expect(errors(tools(2_001))).toEqual([{ pointer: "/tools", message: "more than 2000 keys" }]);
  const many = (count: number) =>
    onPay({ require: [{ conditions: Array(count).fill({ path: "args.a", op: "eq", value: 1 }) }] });
  expect(errors(many(64))).toEqual([]);
  expect(errors(many(65))).toEqual([
    { pointer: "/tools/pay/require/0/conditions", message: "expected at most 64 elements" },
  ]);
  const deep = (depth: number) =>
    errors(onPay({ arguments: { const: nest(depth) } })).map(({ message }) => message);
  expect(deep(12)).toEqual([]);
  expect(deep(13)).toEqual([expect.stringContaining("nested deeper than 16")]);
});

const amount = (rule: object) => onPay({ limits: [{ counter: "c", window: "day", max: 1, ...rule }] });

test.each<[string, unknown, string, string]>([
  [
    "a sliding month",
    amount({ window: "month", algorithm: "sliding" }),
    "/tools/pay/limits/0/algorithm",
    "a month cannot slide: use calendar",
  ],
  [
    "a calendar of seconds",
    amount({ window: 60, algorithm: "calendar" }),
    "/tools/pay/limits/0/algorithm",
    "a window in seconds is sliding",
  ],
  [
    "a max finer than a millionth",
    amount({ max: 0.0000001 }),
    "/tools/pay/limits/0/max",
    "more than 6 decimals",
  ],
  [
    "an increment by many",
    amount({ increment_from: "args.a[*]" }),
    "/tools/pay/limits/0/increment_from",
    "[*] names several values where one is needed",
  ],
  [
    "an increment by a fact",
    amount({ increment_from: "now.hour" }),
    "/tools/pay/limits/0/increment_from",
    "expected a path that starts with args.",
  ],
  [
    "an increment in all_tools",
    {
      version: "1",
      default: "deny",
      all_tools: { limits: [{ counter: "c", window: "day", max: 1, increment_from: "args.a" }] },
    },
    "/all_tools/limits/0/increment_from",
    "all_tools counts calls only: tools differ in their arguments",
  ],
  [
    "two increments under one name",
    {
      version: "1",
      default: "deny",
      tools: {
        a: { limits: [{ counter: "c", window: "day", max: 1, increment_from: "args.a" }] },
        b: { limits: [{ counter: "c", window: "day", max: 1 }] },
      },
    },
    "/tools/b/limits/0/counter",
    'another limit on "c" adds args.a: use another counter',
  ],
  [
    "exists without a truth value",
    onPay({ require: [condition("args.a", "exists", "yes")] }),
    "/tools/pay/require/0/conditions/0/value",
    "exists: exists takes true or false",
  ],
  [
    "a comparison with a list",
    onPay({ require: [condition("args.a", "eq", [1])] }),
    "/tools/pay/require/0/conditions/0/value",
    "eq: takes strings, numbers, booleans and null, not lists or objects",
  ],
  [
    "an order of truth values",
    onPay({ require: [condition("args.a", "lt", true)] }),
    "/tools/pay/require/0/conditions/0/value",
    "lt: takes a number or a string",
  ],
  [
    "an empty list",
    onPay({ require: [condition("args.a", "in", [])] }),
    "/tools/pay/require/0/conditions/0/value",
    "in: takes a list of at least one value",
  ],
  [
    "a host with a path",
    onPay({ require: [condition("args.a", "host_in", ["a.com/x"])] }),
    "/tools/pay/require/0/conditions/0/value",
    'host_in: host_in takes hosts such as "example.com" or "*.example.com"',
  ],
  [
    "a relative root",
    onPay({ require: [condition("args.a", "path_within", "srv")] }),
    "/tools/pay/require/0/conditions/0/value",
    "path_within: path_within takes an absolute path",
  ],
  [
    "a look-ahead",
    onPay({ require: [condition("args.a", "regex", "(?=a)")] }),
    "/tools/pay/require/0/conditions/0/value",
    "regex: not a pattern of RE2: look-around is no part of it: `(?=`",
  ],
  [
    "a pattern of 513 characters",
    onPay({ require: [condition("args.a", "regex", "a".repeat(513))] }),
    "/tools/pay/require/0/conditions/0/value",
    "regex: a pattern has at most 512 characters",
  ],
  [
    "a path to nowhere",
    onPay({ require: [condition("server.nam", "eq", "x")] }),
    "/tools/pay/require/0/conditions/0/path",
    'not a path: "server.nam": did you mean "server.name"?',
  ],
  [
    "a path with an empty step",
    onPay({ require: [condition("args..a", "eq", "x")] }),
    "/tools/pay/require/0/conditions/0/path",
    'not a path: "args..a"; paths start with args. or name a fact such as tool.name',
  ],
  [
    "a redaction of a fact",
    onPay({ redact: ["member.email"] }),
    "/tools/pay/redact/0",
    'not an argument path: "member.email"',
  ],
  [
    "nested calls that are no array",
    onPay({ nested: { each: "args.steps", tool: "tool", arguments: "params" } }),
    "/tools/pay/nested/each",
    "expected the path of one array of calls, such as args.steps[*]",
  ],
  [
    "denying what is always allowed",
    { version: "1", default: "deny", methods: { ping: "deny" } },
    "/methods/ping",
    "ping is always allowed",
  ],
  [
    "denying a judged method",
    { version: "1", default: "deny", methods: { "tools/call": "deny" } },
    "/methods/tools~1call",
    "tools/call is judged by the names it asks for: deny those",
  ],
  [
    "nested calls in a prompt",
    { version: "1", default: "deny", prompts: { p: { nested: {} } } },
    "/prompts/p/nested",
    'unknown key "nested"',
  ],
])("%s is refused", (_, document, pointer, message) => {
  expect(errors(document)).toEqual([{ pointer, message }]);
});

test("the patterns of a document are bounded together", () => {
  const patterns = (count: number) =>
    onPay({
      deny_if: Array.from({ length: count }, (_, index) =>
        condition("args.a", "regex", `(a|aa){1000}${index}`),
      ),
    });
  expect(errors(patterns(20))).toEqual([]);
  expect(errors(patterns(60))[0]).toEqual({
    pointer: "/tools/pay/deny_if/50/conditions/0/value",
    message: "regex: the patterns of this document are too large together",
  });
});

test("operands keep all their digits", () => {
  const document = (number: string) =>
    `{"version":"1","default":"deny","tools":{"pay":{"require":[{"conditions":[{"path":"args.a","op":"eq","value":${number}}]}]}}}`;
  expect(errors(document("1e400"))).toEqual([]);
  expect(errors(document("1e401"))).toEqual([
    {
      pointer: "/tools/pay/require/0/conditions/0/value",
      message: "eq: a number of more than 64 digits or an exponent beyond ±400",
    },
  ]);
});

test("what is legal and often not meant is warned of", () => {
  const document = onPay({
    require: [condition("client.name", "eq", "inspector"), { conditions: [] }],
    deny_if: [
      condition("args.a", "neq", 1),
      condition("args.b", "not_in", [1]),
      condition("args.c", "path_within", "/srv"),
    ],
    approve: { quorum: 2 },
  });
  expect(warnings(document)).toEqual([
    {
      pointer: "/tools/pay/require/0/conditions/0",
      message: "client.name is what the client calls itself, so this permits whoever uses that name",
    },
    { pointer: "/tools/pay/require/1", message: "an empty group always holds, so it never refuses" },
    {
      pointer: "/tools/pay/deny_if/0/conditions/0",
      message: "neq in deny_if lets a call without args.a pass: a require with eq does not",
    },
    {
      pointer: "/tools/pay/deny_if/1/conditions/0",
      message: "not_in in deny_if lets a call without args.b pass: a require with in does not",
    },
    {
      pointer: "/tools/pay/deny_if/2/conditions/0",
      message:
        "path_within holds only where every reading of the path lies inside, so deny_if can be walked round: use require",
    },
    { pointer: "/tools/pay/approve", message: "nothing here asks for approval, so this is never used" },
  ]);
});

test("a name that the client gives itself is warned of wherever it lets a call pass", () => {
  const groups = [
    condition("client.name", "not_in", ["inspector"]),
    condition("client.name", "eq", "inspector"),
  ];
  expect(warnings(onPay({ require: groups.slice(1), approve_if: groups }))).toEqual(
    ["require/0", "approve_if/0"].map((group) => ({
      pointer: `/tools/pay/${group}/conditions/0`,
      message: "client.name is what the client calls itself, so this permits whoever uses that name",
    })),
  );
});
