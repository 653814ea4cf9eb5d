import { expect, test } from "vitest";
import { fromPlain } from "../../src/json/value.ts";
import { review } from "../../src/policy/review.ts";
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
      },
      required: ["amount", "to"],
      additionalProperties: false,
    }),
  },
  { name: "delete_all", category: "Destructive", inputSchema: null },
  { name: "look", category: "Read", inputSchema: fromPlain({ type: "object" }) },
];

const warnings = (document: object) =>
  review(policy({ version: "1", default: "deny", ...document }), "github", tools);
const condition = (path: string, op: string, value: unknown) => ({ conditions: [{ path, op, value }] });

test("keys that match no tool are told, with the nearest tool, unless they mean another server", () => {
  expect(warnings({ tools: { lok: {}, "x_*": {}, "gitlab/lok": {}, "github/lok": {}, look: {} } })).toEqual([
    { pointer: "/tools/lok", message: 'the server has no such tool: did you mean "look"?' },
    { pointer: "/tools/x_*", message: "the server has no such tool" },
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
