import { expect, test } from "vitest";
import { fromPlain } from "../../src/json/value.ts";
import { review, reviewTeam } from "../../src/policy/review.ts";
import { policy } from "./judge.ts";

const tools = [
  {
    name: "pay",
    category: "Financial",
    inputSchema: fromPlain({
      type: "object",
      properties: {
        amount: { type: "number" },
        note: { type: "string" },
        to: {
          type: "array",
          items: { type: "object", properties: { iban: { type: "string" } }, required: ["iban"] },
        },
        any: { anyOf: [{ type: "string" }, { type: "number" }] },
        currency: { enum: ["EUR", "USD"] },
        share: { type: "integer", minimum: 0, maximum: 100 },
      },
      required: ["amount", "to"],
      additionalProperties: false,
    }),
  },
  { name: "delete_all", category: "Destructive", inputSchema: null },
  { name: "look", category: "Read", inputSchema: fromPlain({ type: "object" }) },
];

const warnings = (document: object) => review(policy({ version: "1", default: "deny", ...document }), tools);
const condition = (path: string, op: string, value: unknown) => ({ conditions: [{ path, op, value }] });

test("keys that match no tool are told, with the nearest tool, and a server part means nothing here", () => {
  expect(warnings({ tools: { lok: {}, "x_*": {}, "gitlab/lok": {}, "github/lok": {}, look: {} } })).toEqual([
    { pointer: "/tools/lok", message: 'the server has no such tool: did you mean "look"?' },
    { pointer: "/tools/x_*", message: "the server has no such tool" },
    { pointer: "/tools/gitlab~1lok", message: "the server has no such tool" },
    { pointer: "/tools/github~1lok", message: "the server has no such tool" },
  ]);
});

test("a rule behind others for all that it matches never applies", () => {
  expect(warnings({ tools: { "lo*": {}, look: {} } })).toEqual([
    {
      pointer: "/tools/lo*",
      message: "never applies: another key goes before it for every tool that it matches",
    },
  ]);
});

test("an open default over Destructive tools is told until they are listed or hidden", () => {
  expect(warnings({ default: "allow" })).toEqual([
    { pointer: "/default", message: "allows Destructive tools that no key lists: delete_all" },
  ]);
  expect(warnings({ default: "allow", tools: { "delete_*": {} } })).toEqual([]);
  expect(warnings({ default: "allow", hide: ["delete_all"] })).toEqual([]);
});

test.each<[string, string, unknown, string | null]>([
  ["args.amount", "gt", 100, null],
  ["args.note", "eq", "x", "args.note is optional for pay: a call without it passes this"],
  ["args.note", "exists", true, null],
  [
    "args.amount",
    "eq",
    "100",
    "pay takes number at args.amount, so eq can never be evaluated and denies every such call",
  ],
  [
    "args.amount",
    "regex",
    "1",
    "pay takes number at args.amount, so regex can never be evaluated and denies every such call",
  ],
  ["args.amuont", "gt", 1, "pay takes no args.amuont, so this can never hold"],
  ["args.amuont", "exists", true, "pay takes no args.amuont, so this can never hold"],
  ["args.amuont", "exists", false, null],
  [
    "args.currency",
    "eq",
    "usd",
    'no value that pay takes at args.currency makes args.currency eq "usd" hold',
  ],
  ["args.currency", "eq", "USD", "args.currency is optional for pay: a call without it passes this"],
  ["args.share", "gt", 100, "no value that pay takes at args.share makes args.share gt 100 hold"],
  ["args.share", "gte", 100, "args.share is optional for pay: a call without it passes this"],
  ["args.share", "lt", 0, "no value that pay takes at args.share makes args.share lt 0 hold"],
  ["args.to[*].iban", "starts_with", "DE", null],
  [
    "args.to[0].iban",
    "gt",
    1,
    "pay takes string at args.to[0].iban, so gt can never be evaluated and denies every such call",
  ],
  ["args.to", "length_lte", 3, null],
  ["args.any", "gt", 1, "args.any is optional for pay: a call without it passes this"],
  ["member.role", "eq", "admin", null],
])("deny_if %s %s %j against the tool's own schema", (path, op, value, message) => {
  const found = warnings({ tools: { pay: { deny_if: [condition(path, op, value)] } } });
  expect(found).toEqual(message === null ? [] : [{ pointer: "/tools/pay/deny_if/0/conditions/0", message }]);
});

test("a require needs no warning about what is optional, since it denies what is missing", () => {
  expect(warnings({ tools: { pay: { require: [condition("args.note", "eq", "x")] } } })).toEqual([]);
});

test("a require on what the tool does not take is told to deny every call", () => {
  expect(warnings({ tools: { pay: { require: [condition("args.amuont", "lt", 1)] } } })).toEqual([
    {
      pointer: "/tools/pay/require/0/conditions/0",
      message: "pay takes no args.amuont, so this denies every call",
    },
  ]);
});

test("increments, redactions and nested calls of what the tool does not take are told", () => {
  const limits = [
    { counter: "a", window: "day", max: 1, increment_from: "args.amuont" },
    { counter: "b", window: "day", max: 1, increment_from: "args.note" },
    { counter: "c", window: "day", max: 1, increment_from: "args.amount" },
  ];
  const nested = { each: "args.steps[*]", tool: "tool", arguments: "params" };
  const rule = { limits, redact: ["args.note", "args.card"], nested };
  expect(warnings({ tools: { pay: rule } })).toEqual([
    {
      pointer: "/tools/pay/limits/0/increment_from",
      message: "pay takes no args.amuont, so every call is denied",
    },
    {
      pointer: "/tools/pay/limits/1/increment_from",
      message: "pay takes string at args.note, which adds nothing, so every call is denied",
    },
    { pointer: "/tools/pay/redact/1", message: "pay takes no args.card, so this redacts nothing" },
    { pointer: "/tools/pay/nested/each", message: "pay takes no args.steps, so every call is denied" },
  ]);
});

test("a team's key is unused only where no server has a tool for it", () => {
  const servers = [
    { name: "github", tools },
    { name: "mail", tools: [{ name: "send", category: "Write", inputSchema: null }] },
  ];
  const document = { version: "1", default: "allow", tools: { send: {}, "github/look": {}, "*/sned": {} } };
  expect(reviewTeam(policy(document), servers)).toEqual([
    { pointer: "/tools/*~1sned", message: "no server of the team has such a tool" },
  ]);
  expect(reviewTeam(policy(document), [])).toEqual([]);
});

test("patterns that would take long to compare are not compared, and that is told", () => {
  const many = Array.from({ length: 2_000 }, (_, index) => ({
    name: `${"a".repeat(120)}${index}`,
    category: "Read",
    inputSchema: null,
  }));
  const keys = Array.from({ length: 1_000 }, (_, index) => [`${"*a".repeat(50)}${index}`, {}]);
  const hostile = policy({ version: "1", default: "deny", tools: Object.fromEntries(keys) });
  expect(review(hostile, many)).toEqual([
    {
      pointer: "/tools",
      message: "these are too many patterns to compare with so many tools, so none was looked at",
    },
  ]);
});
