import { expect, test } from "vitest";
import type { Obligation } from "../../src/policy/evaluate.ts";
import { allow, deny, judge, onPay, policy, verdict } from "./judge.ts";

const counts = (obligations: readonly Obligation[]) =>
  obligations.filter((duty): duty is Extract<Obligation, { type: "count" }> => duty.type === "count");

test.each([
  ["second", 1_000, "sliding", "3 per second"],
  ["minute", 60_000, "sliding", "3 per minute"],
  ["hour", 3_600_000, "sliding", "3 per hour"],
  ["day", 86_400_000, "sliding", "3 per day"],
  ["week", 604_800_000, "sliding", "3 per week"],
  ["month", 2_678_400_000, "calendar", "3 per month"],
  [90, 90_000, "sliding", "3 per 90 s"],
  [2_678_400, 2_678_400_000, "sliding", "3 per 2678400 s"],
])("a window of %s is %d ms, %s", (window, windowMs, algorithm, text) => {
  const limit = { counter: "c", window, max: 3 };
  expect(counts(judge(onPay({ limits: [limit] })).obligations)).toMatchObject([
    { rule: `/tools/pay/limits/c-per-${window}`, window, windowMs, algorithm, text, scope: "grant" },
  ]);
});

test("max is exact to the millionth", () => {
  const document = `{"version":"1","default":"deny","tools":{"pay":{"limits":[{"counter":"c","window":"day","max":0.1}]}}}`;
  expect(counts(judge(document).obligations)).toMatchObject([{ max: 0.1, maxMicros: 100_000n }]);
});

const spending = (args: string) =>
  judge(onPay({ limits: [{ counter: "spent", window: "day", max: 100, increment_from: "args.amount" }] }), {
    args,
  });

test.each<[string, bigint]>([
  ["1", 1_000_000n],
  ["0", 0n],
  ["-0", 0n],
  ["0.000001", 1n],
  ["12.50", 12_500_000n],
  ["1.0000000", 1_000_000n],
  ["1e12", 1_000_000_000_000_000_000n],
  ["9007199254.740993", 9_007_199_254_740_993n],
])("an argument of %s adds exactly that", (amount, expected) => {
  expect(counts(spending(`{"amount":${amount}}`).obligations)).toMatchObject([{ amount: expected }]);
});

test.each([
  '{"amount":-1}',
  '{"amount":0.0000001}',
  '{"amount":1000000000000.000001}',
  '{"amount":"5"}',
  '{"amount":null}',
  '{"amount":[5]}',
  '{"amount":1e999}',
  "{}",
])("an argument that cannot be added denies: %s", (args) => {
  expect(verdict(spending(args))).toEqual(
    deny(
      "/tools/pay/limits/spent-per-day",
      "cannot evaluate increment_from args.amount: expected a number from 0 to 10^12 with at most 6 decimals",
    ),
  );
});

test("several limits on one counter are all tested, against what the call adds once", () => {
  const limits = [
    { counter: "c", window: "minute", max: 5 },
    { counter: "c", window: "hour", max: 50 },
  ];
  expect(counts(judge(onPay({ limits })).obligations).map(({ rule, amount }) => [rule, amount])).toEqual([
    ["/tools/pay/limits/c-per-minute", 1_000_000n],
    ["/tools/pay/limits/c-per-hour", 1_000_000n],
  ]);
});

test("limits of both layers count, the team's first", () => {
  const limits = [{ counter: "c", window: "minute", max: 5 }];
  const decision = judge(onPay({ limits }), {
    team: policy({ version: "1", default: "allow", all_tools: { limits } }),
  });
  expect(verdict(decision)).toEqual(allow);
  expect(counts(decision.obligations).map(({ layer, rule }) => [layer, rule])).toEqual([
    ["team", "/team/all_tools/limits/c-per-minute"],
    ["server", "/tools/pay/limits/c-per-minute"],
  ]);
});
