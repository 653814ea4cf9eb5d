import { expect, test } from "vitest";
import { compactJson } from "../../src/json/write.ts";
import { normalised } from "../../src/policy/document.ts";
import { allow, deny, judge, policy, verdict } from "./judge.ts";

const rated = (tool: string, max: number) =>
  `{"version":"1","default":"deny","tools":{"${tool}":{"limits":[{"counter":"${tool}_rate","window":"minute","max":${max},"scope":"grant"}]}}}`;

const seeds: readonly [string, string, number | null][] = [
  ["cmux_select_workspace", rated("cmux_select_workspace", 10), 10],
  ["cmux_send", rated("cmux_send", 10), 10],
  ["cmux_session_recover", rated("cmux_session_recover", 10), 10],
  ["cmux_session_save", rated("cmux_session_save", 30), 30],
  [
    "cmux_workspace_snapshot",
    '{"version":"1","default":"deny","tools":{"cmux_workspace_snapshot":{}}}',
    null,
  ],
];

test.each(seeds)("the published policy for %s works as it stands", (tool, text, max) => {
  const tools = new Map([tool, "cmux_other"].map((name) => [name, { category: "Write", risk: "low" }]));
  const decision = judge(text, { name: tool, tools });
  expect(verdict(decision)).toEqual(allow);
  expect(decision.obligations).toEqual(
    max === null
      ? []
      : [
          {
            type: "count",
            rule: `/tools/${tool}/limits/${tool}_rate-per-minute`,
            layer: "server",
            shadow: false,
            counter: `${tool}_rate`,
            windowMs: 60_000,
            algorithm: "sliding",
            window: "minute",
            max,
            maxMicros: BigInt(max) * 1_000_000n,
            scope: "grant",
            amount: 1_000_000n,
            incrementFrom: null,
            tool,
            text: `${max} per minute`,
          },
        ],
  );
  expect(verdict(judge(text, { name: "cmux_other", tools }))).toEqual(deny("(default deny)"));
  expect(compactJson(normalised(policy(text)))).toBe(text);
});

test("the short forms mean what their long forms say", () => {
  const short = `{"version":"1","default":"deny","hide":"*","tools":{
    "cmux_send":{"rate_limit":{"max":10,"window":60}},
    "cmux_close_all":{"action":"deny","reason":"Too dangerous."},
    "cmux_send_submit":{"action":"require_approval"}}}`;
  expect(compactJson(normalised(policy(short)))).toBe(
    '{"version":"1","default":"deny","hide":["*"],"tools":{' +
      '"cmux_send":{"limits":[{"counter":"cmux_send_rate","window":60,"max":10,"scope":"grant"}]},' +
      '"cmux_close_all":{"action":"deny","reason":"Too dangerous."},' +
      '"cmux_send_submit":{"action":"approve"}}}',
  );
});

test("a rate_limit counts on a counter of the tool's own name", () => {
  const decision = judge(
    {
      version: "1",
      default: "deny",
      tools: { send: { rate_limit: { max: 10, window: 60 } } },
    },
    { name: "send" },
  );
  expect(decision.obligations).toMatchObject([
    {
      rule: "/tools/send/limits/send_rate-per-60",
      counter: "send_rate",
      window: 60,
      windowMs: 60_000,
      algorithm: "sliding",
      max: 10,
      scope: "grant",
      text: "10 per 60 s",
    },
  ]);
});

const documented = {
  version: "1",
  default: "deny",
  hide: ["delete_account"],
  all_tools: { limits: [{ counter: "calls", window: "minute", max: 60 }] },
  tools: {
    read_status: {},
    create_charge: {
      require: [
        {
          conditions: [{ path: "args.currency", op: "in", value: ["usd", "eur"] }],
          on_deny: "Only USD and EUR.",
        },
      ],
      deny_if: [
        {
          conditions: [{ path: "args.amount", op: "gt", value: 100 }],
          on_deny: "Refund exceeds the policy limit.",
        },
      ],
      limits: [{ counter: "charge_rate", window: "minute", max: 10, scope: "grant" }],
    },
    transfer: { deny_if: [{ conditions: [], on_deny: "Requires human approval." }] },
  },
};
const documentedTools = new Map(
  ["read_status", "create_charge", "transfer", "delete_account"].map((name) => [
    name,
    { category: "Financial", risk: "high" },
  ]),
);

test.each([
  ["read_status", "{}", allow],
  ["create_charge", '{"currency":"usd","amount":100}', allow],
  [
    "create_charge",
    '{"currency":"usd","amount":100.01}',
    deny("/tools/create_charge/deny_if/args.amount-gt", "Refund exceeds the policy limit."),
  ],
  [
    "create_charge",
    '{"currency":"gbp","amount":1}',
    deny("/tools/create_charge/require/args.currency-in", "Only USD and EUR."),
  ],
  [
    "create_charge",
    '{"currency":"eur","amount":"1000"}',
    deny(
      "/tools/create_charge/deny_if/args.amount-gt",
      "cannot evaluate args.amount gt 100: expected a number, got a string",
    ),
  ],
  ["transfer", "{}", deny("/tools/transfer/deny_if/always", "Requires human approval.")],
  ["delete_account", "{}", deny("(hidden)")],
])("the documented example judges %s %s", (name, args, expected) => {
  expect(verdict(judge(documented, { name, args, tools: documentedTools }))).toEqual(expected);
});

test("all_tools counts before the rule does", () => {
  const decision = judge(documented, {
    name: "create_charge",
    args: '{"currency":"usd","amount":1}',
    tools: documentedTools,
  });
  expect(decision.obligations.map((duty) => duty.type === "count" && duty.rule)).toEqual([
    "/all_tools/limits/calls-per-minute",
    "/tools/create_charge/limits/charge_rate-per-minute",
  ]);
});
