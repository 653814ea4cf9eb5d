import { expect, test } from "vitest";
import { allow, deny, judge, policy, verdict } from "./judge.ts";

const steps = { each: "args.steps[*]", tool: "tool", arguments: "params" };
const document = (rules: object, batch: object = {}) => ({
  version: "1",
  default: "deny",
  tools: { batch: { nested: steps, ...batch }, ...rules },
});
const run = (rules: object, args: string, batch: object = {}) =>
  judge(document(rules, batch), { name: "batch", args });

test("every call inside a call is judged as if it came alone", () => {
  const rules = {
    pay: { deny_if: [{ conditions: [{ path: "args.amount", op: "gt", value: 10 }], on_deny: "Too much." }] },
    look: {},
  };
  expect(verdict(run(rules, '{"steps":[{"tool":"look"},{"tool":"pay","params":{"amount":9}}]}'))).toEqual(
    allow,
  );
  expect(verdict(run(rules, '{"steps":[{"tool":"look"},{"tool":"pay","params":{"amount":11}}]}'))).toEqual(
    deny("/tools/batch/nested/1/tools/pay/deny_if/args.amount-gt", "Too much."),
  );
  expect(verdict(run(rules, '{"steps":[{"tool":"send"}]}'))).toEqual(
    deny("/tools/batch/nested/0/(default deny)"),
  );
  expect(run(rules, '{"steps":[{"tool":"nope"}]}')).toMatchObject({
    ...deny("/tools/batch/nested/0/(unknown tool)"),
    unknown: true,
  });
});

test("the team's rules reach inside too", () => {
  const team = policy({ version: "1", default: "allow", tools: { pay: { action: "deny" } } });
  expect(
    verdict(judge(document({ pay: {} }), { name: "batch", args: '{"steps":[{"tool":"pay"}]}', team })),
  ).toEqual(deny("/tools/batch/nested/0/team/tools/pay/action"));
});

test.each<[string, string]>([
  ["{}", "/tools/batch/nested"],
  ['{"steps":{}}', "/tools/batch/nested"],
  ['{"steps":null}', "/tools/batch/nested"],
  [`{"steps":[${Array(101).fill('{"tool":"look"}').join()}]}`, "/tools/batch/nested"],
  ['{"steps":[7]}', "/tools/batch/nested/0"],
  ['{"steps":[{"tool":"look"},{"params":{}}]}', "/tools/batch/nested/1"],
  ['{"steps":[{"tool":["look"]}]}', "/tools/batch/nested/0"],
  ['{"steps":[{"tool":"look","params":[]}]}', "/tools/batch/nested/0"],
  ['{"steps":[{"tool":"look","params":null}]}', "/tools/batch/nested/0"],
  ['{"steps":[{"tool":"look","params":"{{all}}"}]}', "/tools/batch/nested/0"],
  ['{"steps":[{"tool":"\\u0024{which}"}]}', "/tools/batch/nested/0"],
  ['{"steps":[{"tool":"look","{{key}}":1}]}', "/tools/batch/nested/0"],
])("what cannot be unfolded denies: %s", (args, rule) => {
  expect(verdict(run({ look: {} }, args))).toEqual(deny(rule));
});

test("nothing to unfold is nothing to refuse", () => {
  expect(verdict(run({}, '{"steps":[]}'))).toEqual(allow);
});

const chain = (depth: number): string =>
  depth === 1 ? '{"steps":[]}' : `{"steps":[{"tool":"batch","params":${chain(depth - 1)}}]}`;

test("calls go four deep at most, the message itself being the first", () => {
  expect(verdict(run({}, chain(4)))).toEqual(allow);
  expect(verdict(run({}, chain(5)))).toEqual(
    deny("/tools/batch/nested/0/tools/batch/nested/0/tools/batch/nested/0/tools/batch/nested"),
  );
});

test("counters add up over the message: all_tools for the outer and every inner call", () => {
  const limits = [{ counter: "sent", window: "minute", max: 2 }];
  const decision = judge(
    {
      ...document({ send: { limits }, pay: { limits: [{ counter: "sent", window: "hour", max: 9 }] } }),
      all_tools: { limits: [{ counter: "calls", window: "minute", max: 60 }] },
    },
    { name: "batch", args: '{"steps":[{"tool":"send"},{"tool":"send"},{"tool":"pay"},{"tool":"send"}]}' },
  );
  expect(
    decision.obligations.map((duty) => duty.type === "count" && [duty.rule, duty.counter, duty.amount]),
  ).toEqual([
    ["/all_tools/limits/calls-per-minute", "calls", 5_000_000n],
    ["/tools/batch/nested/0/tools/send/limits/sent-per-minute", "sent", 4_000_000n],
    ["/tools/batch/nested/2/tools/pay/limits/sent-per-hour", "sent", 4_000_000n],
  ]);
});

test("an inner call can ask for a person", () => {
  expect(verdict(run({ pay: { action: "approve" } }, '{"steps":[{"tool":"pay"}]}'))).toEqual({
    effect: "approve",
    rule: "/tools/batch/nested/0/tools/pay/action",
    reason: "Approval required by rule /tools/batch/nested/0/tools/pay/action.",
  });
});

test.each([
  ['{"to":"$step1.out"}', "deny"],
  ['{"to":"$step1[0]"}', "deny"],
  ['{"to":"\\u0024{x}"}', "deny"],
  ['{"to":"a {{x}} b"}', "deny"],
  ['{"to":{"name":"{{x}}"}}', "deny"],
  ['{"to":{"{{x}}":1}}', "deny"],
  ['{"{{x}}":"to"}', "deny"],
  ['{"to":"ok","other":"{{x}}"}', "allow"],
  ['{"to":"costs $5"}', "allow"],
])("whatever reads what is filled in later denies: %s", (params, effect) => {
  const rule = { require: [{ conditions: [{ path: "args.to", op: "exists", value: true }] }] };
  const decision = run({ send: rule }, `{"steps":[{"tool":"send","params":${params}}]}`);
  expect(decision.effect).toBe(effect);
  if (effect === "deny") {
    expect(decision.reason).toBe(
      "cannot evaluate args.to exists true: it holds a template that is filled in later",
    );
  }
});

test("a schema reads all arguments, so any template in them denies", () => {
  const decision = run({ send: { arguments: {} } }, '{"steps":[{"tool":"send","params":{"x":["{{y}}"]}}]}');
  expect(verdict(decision)).toEqual(
    deny(
      "/tools/batch/nested/0/tools/send/arguments",
      "cannot evaluate arguments: they hold a template that is filled in later",
    ),
  );
});

test("an increment that is filled in later denies", () => {
  const limits = [{ counter: "c", window: "day", max: 9, increment_from: "args.n" }];
  expect(run({ send: { limits } }, '{"steps":[{"tool":"send","params":{"n":"{{y}}"}}]}').effect).toBe("deny");
});

test("templates mean nothing outside calls that carry calls", () => {
  const rule = { require: [{ conditions: [{ path: "args.to", op: "eq", value: "{{x}}" }] }] };
  expect(judge(document({ send: rule }), { name: "send", args: '{"to":"{{x}}"}' }).effect).toBe("allow");
});

test("a pattern of the policy's own replaces the usual one", () => {
  const own = { nested: { ...steps, template: "<<[a-z]+>>" } };
  const rule = { require: [{ conditions: [{ path: "args.to", op: "exists", value: true }] }] };
  const asked = (to: string) =>
    run({ send: rule }, `{"steps":[{"tool":"send","params":{"to":"${to}"}}]}`, own).effect;
  expect([asked("<<x>>"), asked("{{x}}")]).toEqual(["deny", "allow"]);
});

test("a shadow rule's unfolding refuses nothing by itself; the calls inside are still judged", () => {
  const shadow = { mode: "shadow" };
  expect(run({}, '{"steps":7}', shadow)).toMatchObject({ ...allow, shadow: deny("/tools/batch/nested") });
  expect(verdict(run({ pay: { action: "deny" } }, '{"steps":[{"tool":"pay"}]}', shadow))).toEqual(
    deny("/tools/batch/nested/0/tools/pay/action"),
  );
});

test("two layers that unfold alike count each call once", () => {
  const limits = [{ counter: "c", window: "day", max: 9 }];
  const decision = judge(document({ send: { limits } }), {
    name: "batch",
    args: '{"steps":[{"tool":"send"}]}',
    team: policy({ version: "1", default: "allow", tools: { batch: { nested: steps, mode: "shadow" } } }),
  });
  expect(decision.obligations).toMatchObject([{ counter: "c", amount: 1_000_000n }]);
  expect(
    verdict(
      judge(document({}), {
        name: "batch",
        args: '{"steps":7}',
        team: policy({ version: "1", default: "allow", tools: { batch: { nested: steps, mode: "shadow" } } }),
      }),
    ),
  ).toEqual(deny("/tools/batch/nested"));
});

test("what an inner rule redacts is redacted where it stands in the message", () => {
  expect(
    run({ send: { redact: ["args.secret"] } }, '{"steps":[{"tool":"send","params":{"secret":"s"}}]}')
      .obligations,
  ).toEqual([{ type: "record", values: false, redact: ["args.steps[0].params.secret"] }]);
});
