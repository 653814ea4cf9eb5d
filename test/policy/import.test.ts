import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/policy/evaluate.ts";
import { type Imported, importIntercept } from "../../src/policy/import/intercept.ts";
import { type Arguments, admits, type InterceptPolicy } from "./intercept.ts";
import { argumentsOf, context } from "./judge.ts";

function imported(yaml: string): Extract<Imported, { ok: true }> {
  const result = importIntercept(yaml);
  if (!result.ok) throw new Error(`${JSON.stringify(result.errors)} in ${yaml}`);
  return result;
}
const documentOf = (yaml: string) => JSON.parse(imported(yaml).text);
const errorsOf = (yaml: string) => {
  const result = importIntercept(yaml);
  return result.ok ? [] : result.errors.map(({ pointer, message }) => `${pointer} ${message}`);
};
/** A policy whose one tool has these rules, from line 5. */
const pay = (rules: string) => `version: "1"\ndefault: deny\ntools:\n  pay:\n    rules:\n${rules}`;
const noEqual = "A rule of the imported policy has no equal here, so the call is refused.";

const charges = `version: "1"
description: Charges
default: deny
hide:
  - transfer
tools:
  create_charge:
    rules:
      - name: single charge
        conditions:
          - path: args.amount
            op: lte
            value: 50000.00
        on_deny: At most 500 dollars.
      - name: daily spend
        conditions:
          - { path: state.create_charge.spent, op: lt, value: 1000000 }
        state:
          counter: spent
          window: day
          increment_from: args.amount
  refund:
    rules:
      - name: a person decides
        action: require_approval
        approval_timeout: 10m
  delete_customer:
    rules:
      - { name: never, action: deny, on_deny: Not by agents. }
  list_charges:
  "*":
    rules:
      - name: all calls
        rate_limit: 60/minute
`;

describe("an imported Intercept policy", () => {
  it("says the same in this language, numbers as they were written", () => {
    expect(imported(charges).text).toContain('"value":50000.00');
    expect(documentOf(charges)).toEqual({
      version: "1",
      description: "Charges",
      default: "deny",
      hide: ["transfer"],
      all_tools: { limits: [{ counter: "_global_rate", window: "minute", max: 60 }] },
      tools: {
        create_charge: {
          require: [
            {
              conditions: [{ path: "args.amount", op: "lte", value: 50000 }],
              on_deny: "At most 500 dollars.",
            },
          ],
          limits: [
            { counter: "create_charge.spent", window: "day", max: 999999, increment_from: "args.amount" },
          ],
        },
        refund: { action: "approve", approve: { expires: 600 } },
        delete_customer: { action: "deny", reason: "Not by agents." },
        list_charges: {},
      },
    });
  });

  it("comes with a report that names each rule's line and what it became", () => {
    const report = imported(charges).report.map(({ line, rule, became }) => [line, rule, ...became]);
    expect(report).toEqual([
      [3, "default", "/default"],
      [5, "hide: transfer", "/hide/0"],
      [9, "create_charge: single charge", "/tools/create_charge/require/0"],
      [15, "create_charge: daily spend", "/tools/create_charge/limits/0"],
      [24, "refund: a person decides", "/tools/refund/action", "/tools/refund/approve/expires"],
      [29, "delete_customer: never", "/tools/delete_customer/action"],
      [30, "list_charges", "/tools/list_charges"],
      [33, "*: all calls", "/all_tools/limits/0"],
    ]);
  });

  const unequal: Record<string, [string, string]> = {
    "a key that it does not know": [
      "- { name: a, spend_limit: $500/day }",
      '"spend_limit" has no equal here',
    ],
    "a negative increment": [
      "- { name: a, conditions: [{ path: state.pay.n, op: lte, value: 5 }], state: { counter: n, window: day, increment: -1 } }",
      "a negative increment gives back what was used",
    ],
    "a counter of another rule": [
      "- { name: a, conditions: [{ path: state.other.n, op: lte, value: 5 }] }",
      "it reads a counter that another rule keeps",
    ],
    "a counter that is bounded from below": [
      "- { name: a, conditions: [{ path: state.pay.n, op: gte, value: 5 }], state: { counter: n, window: day } }",
      "a counter is bounded by lt or lte here, not by gte",
    ],
    "a state that bounds nothing": [
      "- { name: a, conditions: [{ path: args.a, op: eq, value: 5 }], state: { counter: n, window: day } }",
      "its state has no condition that bounds the counter",
    ],
    "a path with brackets": [
      "- { name: a, conditions: [{ path: 'args.a[0]', op: eq, value: 5 }] }",
      'the path "args.a[0]" cannot be written here',
    ],
    "not_in over several types": [
      "- { name: a, conditions: [{ path: args.a, op: not_in, value: ['5', 7] }] }",
      'args.a not_in has values of several types: Intercept compares "5" and 5 as text, and here they differ',
    ],
    "eq with a list": [
      "- { name: a, conditions: [{ path: args.a, op: eq, value: [5] }] }",
      "args.a eq: takes strings, numbers, booleans and null, not lists or objects",
    ],
  };
  for (const [what, [rule, why]] of Object.entries(unequal)) {
    it(`denies a tool for ${what}, and says why`, () => {
      const { text, report } = imported(pay(`      ${rule}`));
      expect(JSON.parse(text).tools.pay).toEqual({ action: "deny", reason: noEqual });
      expect(report.at(-1)).toEqual({
        line: 6,
        rule: "pay: a",
        became: ["/tools/pay/action"],
        note: `not carried over, so the tool is denied: ${why}`,
      });
    });
  }

  it("denies every tool where a rule of every tool has no equal", () => {
    const yaml =
      'version: "1"\ntools:\n  "*":\n    rules:\n      - name: a\n        conditions: [{ path: state._global.n, op: lte, value: 5 }]\n        state: { counter: n, window: day, increment_from: args.n }\n';
    expect(documentOf(yaml).all_tools).toEqual({ deny_if: [{ conditions: [], on_deny: noEqual }] });
    expect(imported(yaml).report.at(-1)?.note).toMatch(
      /^not carried over, so every tool is denied: increment_from/,
    );
  });

  it("keeps refusing null where exists asks for a value", () => {
    const rule = "      - { name: a, conditions: [{ path: args.to.id, op: exists, value: true }] }";
    const { policy } = imported(pay(rule));
    const effect = (args: string) => judged(policy, "pay", args).effect;
    expect([
      effect('{"to":{"id":1}}'),
      effect('{"to":{"id":null}}'),
      effect('{"to":{}}'),
      effect("{}"),
    ]).toEqual(["allow", "deny", "deny", "deny"]);
  });

  it("counts a fixed increment in calls", () => {
    const rule =
      "      - { name: a, conditions: [{ path: state.pay.n, op: lte, value: 10 }], state: { counter: n, window: hour, increment: 3 } }";
    expect(documentOf(pay(rule)).tools.pay.limits).toEqual([{ counter: "pay.n", window: "hour", max: 3 }]);
  });

  it("takes a tool's name literally, though it has a slash or looks like a glob", () => {
    const yaml = 'version: "1"\ndefault: deny\ntools:\n  files/read:\n  delete_*:\n';
    expect(documentOf(yaml).tools).toEqual({
      "files/read": {},
      "delete_*": { action: "deny", reason: noEqual },
    });
    expect(judged(imported(yaml).policy, "files/read", "{}").effect).toBe("allow");
  });

  it("tells all mistakes at once, each with its line and its pointer into the YAML", () => {
    const yaml = `version: "2"
default: maybe
hidee: [a]
hide: [a, a]
tools:
  pay:
    rules:
      - name: a
        conditions:
          - { path: amount, op: lte, value: 5 }
          - { path: args.n, op: lessthan, value: 0x10 }
      - { name: b, rate_limit: 5/fortnight }
      - { name: c, action: deny, rate_limit: 5/hour }
      - { name: d, state: { counter: n, window: week }, conditions: [] }
`;
    expect(errorsOf(yaml)).toEqual([
      '/version line 1: version must be "1"',
      '/default line 2: default must be "allow" or "deny"',
      '/hide/1 line 4: duplicate entry "a"',
      '/tools/pay/rules/0/conditions/0/path line 10: a path starts with args. or state., not "amount"',
      '/tools/pay/rules/0/conditions/1/op line 11: unknown operator "lessthan"',
      "/tools/pay/rules/0/conditions/1/value line 11: readers of YAML disagree on 0x10: write a number as JSON does, or put it in quotes",
      "/tools/pay/rules/1/rate_limit line 12: rate_limit is a number from 1, a slash, and minute, hour or day: 5/hour",
      "/tools/pay/rules/2 line 13: a rule that denies takes neither conditions nor rate_limit",
      "/tools/pay/rules/3/state/window line 14: window is minute, hour or day",
      '/hidee line 3: unknown key "hidee": did you mean "hide"?',
    ]);
  });

  it("names the line of what only the finished document shows to be wrong", () => {
    const long = pay(`      - { name: a, action: deny, on_deny: ${"x".repeat(2_001)} }`);
    expect(errorsOf(long)).toEqual([
      " line 6 (pay: a) becomes /tools/pay/reason: expected at most 2000 characters",
    ]);
  });

  it("permits no call that Intercept refuses", () => {
    const seen = { both: 0, stricter: 0 };
    fc.assert(
      fc.property(interceptPolicy, fc.array(call, { minLength: 1, maxLength: 20 }), (policy, calls) => {
        const { policy: ours, text } = imported(yamlOf(policy));
        const [theirCounts, ourCounts] = [new Map<string, number>(), new Map<string, bigint>()];
        for (const [name, args] of calls) {
          const theirs = admits(policy, name, args, theirCounts);
          const mine = takes(judged(ours, name, JSON.stringify(args)), ourCounts);
          seen.both += theirs && mine ? 1 : 0;
          seen.stricter += theirs && !mine ? 1 : 0;
          expect(mine && !theirs, JSON.stringify({ policy, text, name, args })).toBe(false);
          // From here on the two have counted differently.
          if (theirs !== mine) return;
        }
      }),
      { numRuns: 5_000 },
    );
    expect(seen.both).toBeGreaterThan(2_000);
  });
});

const tools = ["pay", "read", "files/read"];
function judged(policy: Extract<Imported, { ok: true }>["policy"], name: string, args: string) {
  return evaluate({
    call: { method: "tools/call", kind: "tool", name, arguments: argumentsOf(args) },
    team: null,
    server: policy,
    frozen: "off",
    tools: new Map([...tools, "files/read"].map((tool) => [tool, { category: "Write", risk: "low" }])),
    context,
  });
}

/** Whether the call goes through within one window, a person approving whatever is asked; counts it if so. */
function takes({ effect, obligations }: ReturnType<typeof judged>, counts: Map<string, bigint>): boolean {
  if (effect === "deny") return false;
  const duties = obligations.flatMap((duty) => (duty.type === "count" ? [duty] : []));
  const after = new Map(duties.map(({ counter, amount }) => [counter, (counts.get(counter) ?? 0n) + amount]));
  if (duties.some(({ counter, maxMicros }) => (after.get(counter) ?? 0n) > maxMicros)) return false;
  for (const [counter, count] of after) counts.set(counter, count);
  return true;
}

const scalar = fc.constantFrom<unknown>(
  0,
  1,
  2,
  3,
  5,
  -1,
  1.5,
  "5",
  "1",
  "usd",
  "a",
  "",
  true,
  false,
  "true",
  null,
);
const argument = fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.record({ b: scalar }));
const call = fc.tuple(
  fc.constantFrom(...tools),
  fc.record({ a: argument, n: fc.constantFrom<unknown>(0, 1, 2, 3, -2, 0.5, "x") }, { requiredKeys: [] }),
) as fc.Arbitrary<[string, Arguments]>;

const path = fc.constantFrom("args.a", "args.n", "args.a.b", "args.a.b", "args.a[0]");
const condition = fc.oneof(
  fc.record({ path, op: fc.constantFrom("eq", "neq", "contains"), value: scalar }),
  fc.record({ path, op: fc.constantFrom("lt", "lte", "gt", "gte"), value: fc.integer({ min: -1, max: 4 }) }),
  fc.record({ path, op: fc.constantFrom("in", "not_in"), value: fc.array(scalar, { maxLength: 4 }) }),
  fc.record({ path, op: fc.constant("exists"), value: fc.boolean() }),
  fc.record({ path, op: fc.constant("regex"), value: fc.constantFrom("^u", "[0-9]", "a|5") }),
);
const window = fc.constantFrom("minute", "hour", "day");
const stateOf = (scope: string, index: number) =>
  fc
    .record({
      bound: fc.integer({ min: -1, max: 8 }),
      op: fc.constantFrom("lt", "lte", "lte", "gt"),
      of: fc.constantFrom(scope, scope, scope, "pay"),
      window,
      more: fc.constantFrom({}, { increment: 2 }, { increment: -1 }, { increment_from: "args.n" }),
      conditions: fc.array(condition, { maxLength: 1 }),
      again: fc.constantFrom<string[]>([], [], ["gte"], ["lt"]),
    })
    .map(({ bound, op, of, window, more, conditions, again }) => ({
      name: `state ${index}`,
      conditions: [
        ...conditions,
        ...[op, ...again].map((test) => ({ path: `state.${of}.c${index}`, op: test, value: bound })),
      ],
      state: { counter: `c${index}`, window, ...more },
    }));
const ruleOf = (scope: string, index: number) =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        name: fc.constant("c"),
        conditions: fc.array(condition, { minLength: 1, maxLength: 2 }),
      }),
    },
    { weight: 3, arbitrary: stateOf(scope, index) },
    {
      weight: 2,
      arbitrary: fc.integer({ min: 1, max: 4 }).map((count) => ({
        name: "rate",
        rate_limit: `${count}/${["minute", "hour", "day"][index % 3]}`,
      })),
    },
    { weight: 1, arbitrary: fc.constant({ name: "no", action: "deny" }) },
    { weight: 1, arbitrary: fc.constant({ name: "ask", action: "require_approval" }) },
  );
const rulesOf = (scope: string) =>
  fc.record({
    rules: fc
      .tuple(fc.boolean(), ruleOf(scope, 0), fc.boolean(), ruleOf(scope, 1))
      .map(([first, a, second, b]) => [...(first ? [a] : []), ...(second ? [b] : [])]),
  });
const interceptPolicy = fc.record(
  {
    version: fc.constant("1"),
    default: fc.constantFrom("allow", "deny"),
    hide: fc.constantFrom([], ["read"], ["files/read"], ["*"], ["re*"]),
    tools: fc.record(
      {
        pay: rulesOf("pay"),
        read: rulesOf("read"),
        "files/read": rulesOf("files/read"),
        "re*": rulesOf("re*"),
        "*": rulesOf("_global"),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ["version", "tools"] },
) as fc.Arbitrary<InterceptPolicy>;

// JSON on rows of its own is YAML.
const yamlOf = (policy: InterceptPolicy): string => JSON.stringify(policy, null, 1);
