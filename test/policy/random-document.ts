import fc from "fast-check";

// Documents that the validator accepts, in both dialects, every key of the language among them. A string that starts
// with `number:` stands for one that must be written just so.

const some = <T>(value: fc.Arbitrary<T>, most = 2): fc.Arbitrary<T[]> => fc.array(value, { maxLength: most });
const optional = <T extends object>(members: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(members, { requiredKeys: [] });

const text = fc.constantFrom("", "No.", "Über 500 €", "\u{1f600}", 'quotes " and \\');
const number = fc.constantFrom<unknown>(
  0,
  -1,
  0.5,
  1e21,
  "number:1e2",
  "number:1.50",
  "number:9007199254740993",
  "number:-0",
  "number:1E400",
);
const word = fc.constantFrom("", "a", "usd", "/srv", "\u{1f600}");
const scalar = fc.oneof(number, word, fc.constantFrom(null, true, false));
const argument = fc.constantFrom("args.a", "args.a.b", "args.l[0].c", "args.l[*]", "args.l[*].d", "args.ä ö");
const fact = fc.constantFrom(
  "tool.name",
  "tool.risk",
  "grant.tags[*]",
  "client.name",
  "now.hour",
  "now.date",
);
const op = (names: string[], value: fc.Arbitrary<unknown>) =>
  fc.record({ path: fc.oneof(argument, fact), op: fc.constantFrom(...names), value });
const condition = fc.oneof(
  op(["eq", "neq", "contains"], scalar),
  op(["lt", "lte", "gt", "gte"], fc.oneof(number, word)),
  op(["in", "not_in"], fc.array(scalar, { minLength: 1, maxLength: 3 })),
  op(["exists"], fc.boolean()),
  op(["regex"], fc.constantFrom("", "^a+$", "\\d{1,3}", "[^\\s]", "(?i)x")),
  op(["starts_with", "ends_with", "glob"], fc.constantFrom("", "*", "a?c", "**")),
  op(["length_lte"], fc.constantFrom<unknown>(0, 10, "number:1e2")),
  op(["host_in"], fc.constantFrom<unknown>("example.com", ["*.example.com", "localhost"])),
  op(["path_within"], fc.constantFrom("/", "/srv/a")),
);
const conditions = some(condition);
const denyGroups = some(fc.record({ conditions, on_deny: text }, { requiredKeys: ["conditions"] }));
const approveGroups = some(fc.record({ conditions, reason: text }, { requiredKeys: ["conditions"] }));

const max = fc.constantFrom<unknown>(0, 10, 0.000001, "number:1e12", "number:10.500000", 1e12);
const scope = fc.constantFrom("grant", "member", "server", "team");
const slidingWindow = fc.constantFrom<unknown>(
  "second",
  "minute",
  "hour",
  "day",
  "week",
  1,
  90,
  "number:6e1",
  2_678_400,
);
const limit = (counters: fc.Arbitrary<{ counter: string; increment_from?: string }>) =>
  fc
    .tuple(
      counters,
      fc.oneof(
        fc.record({ window: slidingWindow, algorithm: fc.constant("sliding") }, { requiredKeys: ["window"] }),
        fc.record(
          { window: fc.constantFrom("day", "week", "month"), algorithm: fc.constant("calendar") },
          { requiredKeys: ["window", "algorithm"] },
        ),
        fc.record({ window: fc.constant("month") }),
      ),
      fc.record({ max, scope }, { requiredKeys: ["max"] }),
    )
    .map((parts) => Object.assign({}, ...parts) as object);
const calls = fc.constantFrom("calls", "a/b~c", "ä").map((counter) => ({ counter }));
const sums = fc
  .constantFrom("args.a", "args.l[0].c")
  .map((path) => ({ counter: `sum of ${path}`, increment_from: path }));

const checks = {
  require: denyGroups,
  deny_if: denyGroups,
  approve_if: approveGroups,
  limits: some(limit(fc.oneof(calls, sums))),
};
const approve = optional({
  approvers: fc.constantFrom("approver", "admin"),
  expires: fc.constantFrom(1, 900, 604_800),
  quorum: fc.constantFrom(1, 20),
  hold: fc.constantFrom(0, 3_600),
});
const argumentSchema = fc.constantFrom<unknown>(
  true,
  false,
  {},
  { type: "object", properties: { a: { type: ["string", "null"], maxLength: 3 } }, required: ["a"] },
  { $defs: { n: { minimum: 0 } }, properties: { a: { $ref: "#/$defs/n" } }, additionalProperties: false },
  { anyOf: [{ const: 1 }, { enum: ["a", null] }], description: "d" },
);
const mode = fc.constantFrom("enforce", "shadow");
const record = fc.constantFrom("keys", "values");
const rule = {
  mode,
  record,
  redact: some(argument),
  action: fc.constantFrom("allow", "deny", "approve", "require_approval"),
  reason: text,
  ...checks,
  approve,
  arguments: argumentSchema,
};
const shortRule = {
  rate_limit: fc.record({ max, window: slidingWindow }),
  action: fc.constantFrom("deny", "approve", "require_approval"),
  reason: text,
};
const nested = fc.record(
  {
    each: fc.constantFrom("args.steps[*]", "args.a.steps[*]"),
    tool: fc.constantFrom("tool", "call.name"),
    arguments: fc.constantFrom("params", "call.arguments"),
    template: fc.constantFrom("<<", "\\$[a-z]+"),
  },
  { requiredKeys: ["each", "tool", "arguments"] },
);
const targetRule = fc.oneof(optional(rule), optional(shortRule));
const toolRule = fc.oneof(optional({ ...rule, nested }), optional(shortRule));

const name = fc.constantFrom(
  "pay",
  "send",
  "p*",
  "?ay",
  "*",
  "github/pay",
  "*/look",
  "a b",
  "constructor",
  "é",
);
const uri = fc.constantFrom("file:///srv/*", "https://example.com/a", "*", "github/file:///a");
const under = <T>(key: fc.Arbitrary<string>, value: fc.Arbitrary<T>) =>
  fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true });
const permission = fc.constantFrom("allow", "deny");

const document = fc.record(
  {
    $schema: fc.constant("https://gateway.example/schemas/policy-v1.json"),
    version: fc.constant("1"),
    description: text,
    default: permission,
    mode,
    record,
    hide: fc.oneof(name, some(name)),
    all_tools: optional({ ...checks, limits: some(limit(calls)) }),
    tools: under(name, toolRule),
    resources: under(uri, targetRule),
    prompts: under(name, targetRule),
    methods: under(fc.constantFrom("completion/complete", "tasks/list", "custom/x"), permission),
    requests: optional({ sampling: permission, elicitation: permission, roots: permission }),
  },
  { requiredKeys: ["version", "default"] },
);

/** A document's text. */
export const randomDocument: fc.Arbitrary<string> = document.map((value) =>
  JSON.stringify(value).replaceAll(/"number:([^"]*)"/g, "$1"),
);
