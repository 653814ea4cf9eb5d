import { expect, test } from "vitest";
import { allow, context, deny, judge, onPay, policy, verdict } from "./judge.ts";

const open = { version: "1", default: "allow" };
const closed = { version: "1", default: "deny" };
const never = { conditions: [] };
const exceeds = (limit: number) => ({ conditions: [{ path: "args.amount", op: "gt", value: limit }] });

test("what no key lists follows the default", () => {
  expect(verdict(judge(closed))).toEqual(deny("(default deny)"));
  expect(verdict(judge(open))).toEqual(allow);
});

test("without a server policy everything is denied, whatever the team's policy says", () => {
  expect(verdict(judge(null))).toEqual(deny("(no policy)"));
  expect(verdict(judge(null, { team: policy(open) }))).toEqual(deny("(no policy)"));
});

test("an unknown, a quarantined and a hidden tool are all to be answered as unknown", () => {
  expect(judge(open, { name: "nope" })).toMatchObject({ ...deny("(unknown tool)"), unknown: true });
  expect(judge(open, { name: "nope", quarantined: new Set(["nope"]) })).toMatchObject({
    ...deny("(quarantined)"),
    unknown: true,
  });
  expect(judge({ ...open, hide: ["p?y"] })).toMatchObject({ ...deny("(hidden)"), unknown: true });
  expect(judge({ ...open, tools: { pay: { action: "deny" } } })).toMatchObject({
    ...deny("/tools/pay/action"),
    unknown: false,
  });
});

test("a name too long to be one is compared with no key", () => {
  expect(judge(open, { name: "x".repeat(129) }).refusals.map(({ rule }) => rule)).toEqual(["(unknown tool)"]);
  const call = { method: "resources/read", kind: "resource", name: `file:///${"a".repeat(8_190)}` } as const;
  expect(verdict(judge(open, { call }))).toEqual(deny("(name too long)"));
});

test("a freeze of all refuses everything, a freeze of writes all but pinned Read tools", () => {
  const frozen = deny("(frozen)");
  expect(verdict(judge(open, { name: "look", frozen: "all" }))).toEqual(frozen);
  expect(verdict(judge(open, { name: "look", frozen: "writes" }))).toEqual(allow);
  expect(verdict(judge(open, { frozen: "writes" }))).toEqual(frozen);
  expect(verdict(judge(open, { name: "nope", frozen: "writes" }))).toEqual(frozen);
  const resource = { method: "resources/read", kind: "resource", name: "file:///a" } as const;
  expect(verdict(judge(open, { call: resource, frozen: "writes" }))).toEqual(frozen);
});

test("the first refusal in the one order of stages is the reason, and all are told", () => {
  const everything = {
    ...closed,
    hide: ["pay"],
    all_tools: {
      require: [{ conditions: [{ path: "args.id", op: "exists", value: true }] }],
      deny_if: [never],
    },
    tools: {
      pay: {
        action: "deny",
        require: [{ conditions: [{ path: "args.id", op: "exists", value: true }] }],
        deny_if: [never],
        arguments: { required: ["id"] },
        limits: [{ counter: "spent", window: "day", max: 1, increment_from: "args.amount" }],
        approve_if: [never],
      },
    },
  };
  const decision = judge(everything, { frozen: "all", tools: new Map(), team: policy(everything) });
  expect(decision.refusals.map(({ rule }) => rule)).toEqual([
    "(frozen)",
    "(unknown tool)",
    "(hidden)",
    "(hidden)",
    "/team/tools/pay/action",
    "/tools/pay/action",
    "/team/all_tools/require/args.id-exists",
    "/team/tools/pay/require/args.id-exists",
    "/all_tools/require/args.id-exists",
    "/tools/pay/require/args.id-exists",
    "/team/all_tools/deny_if/always",
    "/team/tools/pay/deny_if/always",
    "/all_tools/deny_if/always",
    "/tools/pay/deny_if/always",
    "/team/tools/pay/arguments",
    "/tools/pay/arguments",
    "/team/tools/pay/limits/spent-per-day",
    "/tools/pay/limits/spent-per-day",
    "/team/tools/pay/approve_if/always",
    "/tools/pay/approve_if/always",
  ]);
  expect(verdict(decision)).toEqual(deny("(frozen)"));
  expect(decision.obligations).toEqual([]);
});

test("either layer can refuse, and neither can loosen the other", () => {
  const caps = policy({ ...open, all_tools: { deny_if: [{ ...exceeds(50), on_deny: "Team cap." }] } });
  expect(verdict(judge(onPay({}), { team: caps, args: '{"amount":51}' }))).toEqual(
    deny("/team/all_tools/deny_if/args.amount-gt", "Team cap."),
  );
  const decision = judge(onPay({ deny_if: [exceeds(10)] }), { team: caps, args: '{"amount":11}' });
  expect(decision.layers).toEqual([
    { layer: "team", ...allow },
    { layer: "server", ...deny("/tools/pay/deny_if/args.amount-gt") },
  ]);
  expect(verdict(judge(open, { team: policy(closed) }))).toEqual(deny("(default deny)"));
});

test("rules are named like JSON pointers, repeats by number", () => {
  const document = {
    ...closed,
    tools: { "github/*": { deny_if: [exceeds(1), exceeds(2), never, never] } },
  };
  const asked = { args: '{"amount":3}', team: policy(document) };
  const ids = judge(open, asked).refusals.map(({ rule }) => rule);
  expect(ids).toEqual([
    "/team/tools/github~1*/deny_if/args.amount-gt",
    "/team/tools/github~1*/deny_if/args.amount-gt#2",
    "/team/tools/github~1*/deny_if/always",
    "/team/tools/github~1*/deny_if/always#2",
  ]);
  const tilde = {
    ...closed,
    tools: { pay: { deny_if: [{ conditions: [{ path: "args.a~b/c", op: "exists", value: false }] }] } },
  };
  expect(judge(tilde).rule).toBe("/tools/pay/deny_if/args.a~0b~1c-exists");
});

test.each<[string[], string | null]>([
  [["pay", "p*", "*"], "pay"],
  [["p*", "*", "?ay"], "?ay"],
  [["*y", "p*"], "*y"],
  [["p*", "pa*"], "pa*"],
  [["*", "p??"], "p??"],
  [["pay", "github/*"], "github/*"],
  [["pay", "gitlab/*"], "pay"],
  [["github/*", "github/pay"], "github/pay"],
  [["*/pay", "git*/p*"], "git*/p*"],
  [["*/pay", "github/p*"], "github/p*"],
  [["*/pay", "github/pay"], "github/pay"],
  [["Pay", "PAY"], null],
])("of the keys %j the one that applies is %s", (keys, expected) => {
  const tools = Object.fromEntries(keys.map((key) => [key, { action: "deny", reason: key }]));
  expect(judge(open, { team: policy({ ...closed, tools }) }).reason).toBe(
    expected ?? "Denied by rule (default deny).",
  );
});

test("a plain key cannot loosen one that names the server", () => {
  const team = policy({ ...open, tools: { "github/delete_*": { action: "deny" }, delete_branch: {} } });
  expect(verdict(judge(open, { name: "delete_branch", team }))).toEqual(
    deny("/team/tools/github~1delete_*/action"),
  );
});

test("in resources a star crosses slashes, and a server part is told from a scheme", () => {
  const asked = (keys: string[], uri: string) => {
    const resources = Object.fromEntries(keys.map((key) => [key, { action: "deny", reason: key }]));
    const call = { method: "resources/read", kind: "resource", name: uri } as const;
    return judge(open, { call, team: policy({ ...closed, resources }) }).reason;
  };
  expect(asked(["file:///srv/*"], "file:///srv/a/b")).toBe("file:///srv/*");
  expect(asked(["file:///*", "github/file:///*"], "file:///a")).toBe("github/file:///*");
  expect(asked(["gitlab/file:///*"], "file:///a")).toBe("Denied by rule (default deny).");
  expect(asked(["*/secret"], "file:///a/secret")).toBe("*/secret");
});

test("prompts have rules of their own, with arguments", () => {
  const document = {
    ...closed,
    prompts: { review: { require: [{ conditions: [{ path: "args.lang", op: "in", value: ["en"] }] }] } },
  };
  const asked = (name: string, args: string) =>
    verdict(judge(document, { args, call: { method: "prompts/get", kind: "prompt", name } }));
  expect(asked("review", '{"lang":"en"}')).toEqual(allow);
  expect(asked("review", '{"lang":"de"}')).toEqual(deny("/prompts/review/require/args.lang-in"));
  expect(asked("other", "{}")).toEqual(deny("(default deny)"));
});

test("all_tools is about tools only", () => {
  const document = { ...open, all_tools: { deny_if: [never] } };
  expect(verdict(judge(document))).toEqual(deny("/all_tools/deny_if/always"));
  expect(judge(document, { call: { method: "prompts/get", kind: "prompt", name: "p" } }).effect).toBe(
    "allow",
  );
});

test("a method that names something outside tools, resources and prompts needs leave of its own", () => {
  const call = { method: "completion/complete", kind: "prompt", name: "p" } as const;
  expect(verdict(judge(open, { call }))).toEqual(deny("(default deny)"));
  expect(verdict(judge({ ...open, methods: { "completion/complete": "allow" } }, { call }))).toEqual(allow);
  expect(verdict(judge({ ...open, methods: { "completion/complete": "deny" } }, { call }))).toEqual(
    deny("/methods/completion~1complete"),
  );
});

test("approval is asked by action before approve_if, and a refusal goes before both", () => {
  const document = onPay({
    action: "approve",
    reason: "Money moves.",
    approve_if: [{ ...exceeds(500), reason: "Over 500 needs a person" }],
    approve: { approvers: "admin", expires: 60, quorum: 2, hold: 5 },
    deny_if: [exceeds(1000)],
  });
  const decision = judge(document, { args: '{"amount":501}' });
  expect(verdict(decision)).toEqual({ effect: "approve", rule: "/tools/pay/action", reason: "Money moves." });
  const terms = { type: "approve", approvers: "admin", expires: 60, quorum: 2, hold: 5 };
  expect(decision.obligations).toEqual([
    { ...terms, rule: "/tools/pay/action", reason: "Money moves." },
    { ...terms, rule: "/tools/pay/approve_if/args.amount-gt", reason: "Over 500 needs a person" },
  ]);
  expect(verdict(judge(document, { args: '{"amount":1001}' }))).toEqual(
    deny("/tools/pay/deny_if/args.amount-gt"),
  );
});

test("approval without terms is any approver's, for a quarter of an hour", () => {
  const document = { ...open, all_tools: { approve_if: [never] } };
  expect(judge(document).obligations).toEqual([
    {
      type: "approve",
      rule: "/all_tools/approve_if/always",
      reason: "Approval required by rule /all_tools/approve_if/always.",
      approvers: "approver",
      expires: 900,
      quorum: 1,
      hold: 0,
    },
  ]);
});

test("a shadow rule refuses nothing, and says what it would have done", () => {
  const decision = judge(
    onPay({
      mode: "shadow",
      action: "deny",
      deny_if: [exceeds(1)],
      limits: [{ counter: "c", window: "hour", max: 1 }],
    }),
    { args: '{"amount":"x"}' },
  );
  expect(verdict(decision)).toEqual(allow);
  expect(decision.shadow).toEqual(deny("/tools/pay/action"));
  expect(decision.refusals.map(({ rule, shadow }) => [rule, shadow])).toEqual([
    ["/tools/pay/action", true],
    ["/tools/pay/deny_if/args.amount-gt", true],
  ]);
  expect(decision.errors).toEqual(["cannot evaluate args.amount gt 1: expected a number, got a string"]);
  expect(decision.obligations).toMatchObject([{ type: "count", counter: "c", shadow: true }]);
});

test("a shadow document hides and refuses nothing, while quarantine, freeze and the other layer do", () => {
  const shadow = {
    ...closed,
    mode: "shadow",
    hide: "*",
    tools: { send: { mode: "enforce", action: "deny" } },
  };
  expect(judge(shadow)).toMatchObject({ ...allow, shadow: deny("(hidden)") });
  expect(verdict(judge(shadow, { name: "send" }))).toEqual(deny("/tools/send/action"));
  expect(verdict(judge(shadow, { name: "nope" }))).toEqual(deny("(unknown tool)"));
  expect(verdict(judge(shadow, { frozen: "all" }))).toEqual(deny("(frozen)"));
  expect(verdict(judge(shadow, { team: policy(closed) }))).toEqual(deny("(default deny)"));
});

test("values are recorded only where one policy asks and none forbids, less all that any redacts", () => {
  const team = policy({
    ...open,
    record: "values",
    tools: { pay: { redact: ["args.card.cvc"] } },
  });
  expect(judge(onPay({ redact: ["args.items[*].iban"] }), { team }).obligations).toEqual([
    { type: "record", values: true, redact: ["args.card.cvc", "args.items[*].iban"] },
  ]);
  expect(judge(onPay({ record: "keys" }), { team }).obligations).toEqual([
    { type: "record", values: false, redact: ["args.card.cvc"] },
  ]);
  expect(judge(onPay({})).obligations).toEqual([]);
});

test("a throw inside evaluation denies", () => {
  const decision = judge(onPay({ require: [{ conditions: [{ path: "now.hour", op: "gte", value: 0 }] }] }), {
    context: {
      ...context,
      get now(): never {
        throw new RangeError("no such zone");
      },
    },
  });
  expect(decision).toMatchObject({
    ...deny("(error)"),
    errors: ["RangeError: no such zone"],
    obligations: [],
  });
});

test("a decision is plain data", () => {
  const decision = judge(onPay({ limits: [{ counter: "c", window: "hour", max: 1 }], action: "approve" }));
  expect(structuredClone(decision)).toEqual(decision);
});
