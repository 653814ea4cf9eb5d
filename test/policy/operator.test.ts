import { expect, test } from "vitest";
import { readJson } from "../../src/json/read.ts";
import { compactJson } from "../../src/json/write.ts";
import { allow, deny, judge, verdict } from "./judge.ts";

/** path, op, operand as JSON, arguments as JSON, and whether it holds, fails, or why it cannot be evaluated. */
type Row = readonly [path: string, op: string, operand: string, args: string, outcome: boolean | string];

const cannot = (why: string) => why;
const gotString = cannot("expected a number, got a string");

const rows: readonly Row[] = [
  ["args.a", "eq", '"x"', '{"a":"x"}', true],
  ["args.a", "eq", '"x"', '{"a":"y"}', false],
  ["args.a", "eq", '"x"', "{}", false],
  ["args.a", "eq", "1", '{"a":"1"}', gotString],
  ["args.a", "eq", "true", '{"a":false}', false],
  ["args.a", "eq", "null", '{"a":null}', true],
  ["args.a", "eq", "null", '{"a":0}', cannot("expected null, got a number")],
  ["args.a", "eq", "1", '{"a":[1]}', cannot("expected a number, got an array")],
  ["args.a", "eq", '"x"', '{"a":{}}', cannot("expected a string, got an object")],
  ["args.a", "eq", "1000", '{"a":1e3}', true],
  ["args.a", "eq", "1000", '{"a":1000.000}', true],
  ["args.a", "eq", "0", '{"a":-0}', true],
  ["args.a", "eq", "0.3", '{"a":0.30000000000000004}', false],
  ["args.a", "eq", "9007199254740992", '{"a":9007199254740993}', false],
  ["args.a", "eq", "9007199254740993", '{"a":9007199254740993}', true],
  ["args.a", "neq", '"x"', '{"a":"y"}', true],
  ["args.a", "neq", '"x"', '{"a":"x"}', false],
  ["args.a", "neq", '"x"', "{}", false],
  ["args.a", "neq", '"x"', '{"a":null}', cannot("expected a string, got null")],
  ["args.a", "lt", "10", '{"a":9.99}', true],
  ["args.a", "lt", "10", '{"a":10}', false],
  ["args.a", "lte", "10", '{"a":10.0}', true],
  ["args.a", "lte", "10", '{"a":10.000000000000000000001}', false],
  ["args.a", "gt", "100", '{"a":101}', true],
  ["args.a", "gt", "100", '{"a":100}', false],
  ["args.a", "gt", "100", '{"a":"1000"}', gotString],
  ["args.a", "gt", "9007199254740992", '{"a":9007199254740993}', true],
  ["args.a", "gt", "1e400", '{"a":1e399}', false],
  [
    "args.a",
    "gt",
    "100",
    '{"a":1e401}',
    cannot("expected a number of at most 64 digits and an exponent within ±400"),
  ],
  [
    "args.a",
    "gt",
    "100",
    `{"a":${"1".repeat(65)}}`,
    cannot("expected a number of at most 64 digits and an exponent within ±400"),
  ],
  ["args.a", "gte", "100", '{"a":100}', true],
  ["args.a", "gte", '"2026-01-01"', '{"a":"2026-11-02"}', true],
  ["args.a", "gt", '"\uff5e"', '{"a":"\ud83d\ude00"}', true],
  ["args.a", "lt", '"b"', '{"a":1}', cannot("expected a string, got a number")],
  ["args.a", "in", '["usd","eur"]', '{"a":"eur"}', true],
  ["args.a", "in", '["usd","eur"]', '{"a":"EUR"}', false],
  ["args.a", "in", "[1,2]", '{"a":2.0}', true],
  ["args.a", "in", '["a",1]', '{"a":"b"}', false],
  ["args.a", "in", '["a",1]', '{"a":true}', cannot("expected a string or a number, got a boolean")],
  ["args.a", "in", '["a"]', '{"a":["a"]}', cannot("expected a string, got an array")],
  ["args.a", "not_in", '["usd","eur"]', '{"a":"gbp"}', true],
  ["args.a", "not_in", '["usd","eur"]', '{"a":"usd"}', false],
  ["args.a", "not_in", '["usd"]', "{}", false],
  ["args.a", "not_in", '["usd"]', '{"a":1}', cannot("expected a string, got a number")],
  ["args.a", "exists", "true", '{"a":null}', true],
  ["args.a", "exists", "true", "{}", false],
  ["args.a", "exists", "false", "{}", true],
  ["args.a", "exists", "false", '{"a":1}', false],
  ["args.a.b", "exists", "false", '{"a":"s"}', cannot("expected an object, got a string")],
  ["args.a.b", "exists", "false", '{"a":null}', cannot("expected an object, got null")],
  ["args.toString", "exists", "true", "{}", false],
  ["args.__proto__.x", "exists", "true", "{}", false],
  ["args.a", "regex", '"^[a-z]+$"', '{"a":"abc"}', true],
  ["args.a", "regex", '"^[a-z]+$"', '{"a":"ABC"}', false],
  ["args.a", "regex", '"b"', '{"a":"abc"}', true],
  ["args.a", "regex", '"b"', '{"a":1}', cannot("expected a string, got a number")],
  ["args.a", "contains", '"bc"', '{"a":"abcd"}', true],
  ["args.a", "contains", '"x"', '{"a":"abcd"}', false],
  ["args.a", "contains", '"x"', '{"a":["x","y"]}', true],
  ["args.a", "contains", "2", '{"a":[1,2.0]}', true],
  ["args.a", "contains", "2", '{"a":[]}', false],
  ["args.a", "contains", "2", '{"a":[2,"2"]}', cannot("expected a number, got a string as an element")],
  ["args.a", "contains", '"x"', '{"a":{"x":1}}', cannot("expected a string or an array, got an object")],
  ["args.a", "starts_with", '"/tmp"', '{"a":"/tmp/x"}', true],
  ["args.a", "starts_with", '"/tmp"', '{"a":"/etc"}', false],
  ["args.a", "starts_with", '"/tmp"', '{"a":["/tmp"]}', cannot("expected a string, got an array")],
  ["args.a", "ends_with", '".md"', '{"a":"a.md"}', true],
  ["args.a", "ends_with", '".md"', '{"a":"a.mdx"}', false],
  ["args.a", "glob", '"src/*.ts"', '{"a":"src/a.ts"}', true],
  ["args.a", "glob", '"src/*.ts"', '{"a":"src/b/a.ts"}', false],
  ["args.a", "glob", '"a?c"', '{"a":"a\ud83d\ude00c"}', true],
  ["args.a", "glob", '"a?c"', '{"a":"ac"}', false],
  ["args.a", "glob", '"*?*b"', '{"a":"x/b"}', true],
  ["args.a", "length_lte", "3", '{"a":"\ud83d\ude00\ud83d\ude00\ud83d\ude00"}', true],
  ["args.a", "length_lte", "3", '{"a":"abcd"}', false],
  ["args.a", "length_lte", "1", '{"a":[1,2]}', false],
  ["args.a", "length_lte", "1", '{"a":7}', cannot("expected a string or an array, got a number")],
  ["args.a.b.c", "eq", "1", '{"a":{"b":{"c":1}}}', true],
  ["args.a[1].b", "eq", "1", '{"a":[{},{"b":1}]}', true],
  ["args.a[2]", "eq", "1", '{"a":[1]}', false],
  ["args.a[0]", "eq", "1", '{"a":{"0":1}}', cannot("expected an array, got an object")],
  ["args.a.length", "eq", "1", '{"a":[1]}', cannot("expected an object, got an array")],
];

const quoted = (text: string) => {
  const read = readJson(text);
  return read.ok ? compactJson(read.value) : "";
};
const document = (section: string, [path, op, operand]: Row) =>
  `{"version":"1","default":"deny","tools":{"pay":{"${section}":[{"conditions":[{"path":${JSON.stringify(path)},"op":"${op}","value":${operand}}]}]}}}`;

test.each(rows)("%s %s %s of %s", (...row) => {
  const [path, op, operand, args, outcome] = row;
  const asked = (section: string) => verdict(judge(document(section, row), { args }));
  const id = (section: string) => `/tools/pay/${section}/${path}-${op}`;
  if (typeof outcome === "string") {
    const reason = `cannot evaluate ${path} ${op} ${quoted(operand)}: ${outcome}`;
    for (const section of ["require", "deny_if", "approve_if"]) {
      expect(asked(section)).toEqual(deny(id(section), reason));
    }
    return;
  }
  const asks = {
    effect: "approve",
    rule: id("approve_if"),
    reason: `Approval required by rule ${id("approve_if")}.`,
  };
  expect([asked("require"), asked("deny_if"), asked("approve_if")]).toEqual(
    outcome ? [allow, deny(id("deny_if")), asks] : [deny(id("require")), allow, allow],
  );
});

/** `[*]` means every element in `require`, any in `deny_if`; an outcome each. */
const quantified: readonly (readonly [
  args: string,
  require: boolean | "cannot",
  denyIf: boolean | "cannot",
])[] = [
  ['{"items":[{"n":1},{"n":1}]}', true, true],
  ['{"items":[{"n":1},{"n":2}]}', false, true],
  ['{"items":[{"n":2}]}', false, false],
  ['{"items":[]}', true, false],
  ["{}", false, false],
  ['{"items":[{"n":1},{}]}', false, true],
  ['{"items":[{}]}', false, false],
  ['{"items":{"n":1}}', "cannot", "cannot"],
  ['{"items":null}', "cannot", "cannot"],
  ['{"items":[{"n":1},{"n":"1"}]}', "cannot", "cannot"],
  ['{"items":[{"n":1},7]}', "cannot", "cannot"],
];

test.each(quantified)("[*] over %s: require %s, deny_if %s", (args, require, denyIf) => {
  const row: Row = ["args.items[*].n", "eq", "1", args, true];
  const outcome = (section: string) => {
    const decision = judge(document(section, row), { args });
    if (decision.errors.length > 0) return decision.effect === "deny" ? "cannot" : "let through";
    return decision.effect === (section === "require" ? "allow" : "deny");
  };
  expect([outcome("require"), outcome("deny_if")]).toEqual([require, denyIf]);
});

test("conditions quantify each alone", () => {
  const rule = {
    deny_if: [
      {
        conditions: [
          { path: "args.to[*].kind", op: "eq", value: "external" },
          { path: "args.to[*].size", op: "gt", value: 5 },
        ],
      },
    ],
  };
  const args = '{"to":[{"kind":"external","size":1},{"kind":"internal","size":9}]}';
  expect(verdict(judge({ version: "1", default: "deny", tools: { pay: rule } }, { args }))).toEqual(
    deny("/tools/pay/deny_if/args.to[*].kind-eq"),
  );
});

test("one condition that cannot be evaluated denies, even beside one that is false", () => {
  const rule = {
    deny_if: [
      {
        conditions: [
          { path: "args.a", op: "eq", value: 1 },
          { path: "args.b", op: "gt", value: 1 },
        ],
      },
    ],
  };
  expect(
    verdict(judge({ version: "1", default: "deny", tools: { pay: rule } }, { args: '{"a":2,"b":"x"}' })),
  ).toEqual(
    deny("/tools/pay/deny_if/args.a-eq", "cannot evaluate args.b gt 1: expected a number, got a string"),
  );
});

test.each([
  ["tool.name", "eq", "pay", true],
  ["tool.category", "eq", "Write", true],
  ["tool.risk", "in", ["low", "medium"], true],
  ["server.name", "eq", "github", true],
  ["grant.label", "starts_with", "c", true],
  ["grant.tags", "contains", "eu", true],
  ["grant.tags[*]", "eq", "eu", false],
  ["grant.tags[0]", "eq", "nightly", true],
  ["member.email", "ends_with", "@example.com", true],
  ["member.role", "eq", "viewer", false],
  ["client.name", "eq", "inspector", true],
  ["now.hour", "gte", 9, true],
  ["now.weekday", "lte", 5, true],
  ["now.date", "lt", "2026-11-02", false],
])("%s %s %s is read from the context", (path, op, value, holds) => {
  const rule = { require: [{ conditions: [{ path, op, value }] }] };
  expect(judge({ version: "1", default: "deny", tools: { pay: rule } }).effect).toBe(
    holds ? "allow" : "deny",
  );
});

test("facts that nobody knows are missing", () => {
  const document = (path: string) => ({
    version: "1",
    default: "deny",
    tools: { pay: { require: [{ conditions: [{ path, op: "exists", value: false }] }] } },
  });
  const context = {
    server: { name: "github" },
    grant: { label: "ci", tags: [] },
    member: null,
    client: null,
    now: { hour: 0, weekday: 7, date: "2026-11-01" },
  };
  const tools = new Map([["pay", { category: "", risk: "" }]]);
  for (const path of [
    "member.email",
    "member.role",
    "client.name",
    "tool.category",
    "tool.risk",
    "grant.tags[0]",
  ]) {
    expect([path, judge(document(path), { context, tools }).effect]).toEqual([path, "allow"]);
  }
});
