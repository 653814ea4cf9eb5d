import { beforeAll, describe, expect, it } from "vitest";
import { type Answered, ControlPlane } from "./control_plane.ts";

let plane: ControlPlane;
let token: string;
beforeAll(async () => {
  plane = await ControlPlane.start();
  token = (await plane.signUp()).token;
});

const ask = (body: unknown): Promise<Answered> =>
  plane.ask(
    "POST",
    "/v1/policies/evaluate",
    typeof body === "string" ? { token, text: body } : { token, body },
  );
const onPay = (rule: unknown) => ({ version: "1", default: "deny", tools: { pay: rule } });
const pay = (args: unknown = {}) => ({ method: "tools/call", name: "pay", arguments: args });
const above = (value: number) => ({ conditions: [{ path: "args.amount", op: "gt", value }] });

describe("an evaluation", () => {
  it("answers effect, rule, reason, duties and how it came to them", async () => {
    const answer = await ask({
      document: onPay({
        deny_if: [{ ...above(100), on_deny: "Too much." }],
        limits: [{ counter: "spent", window: "day", max: 500.5, increment_from: "args.amount" }],
      }),
      call: pay({ amount: 20 }),
    });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        effect: "allow",
        rule: "",
        reason: "",
        obligations: [
          {
            type: "count",
            rule: "/tools/pay/limits/spent-per-day",
            layer: "server",
            shadow: false,
            counter: "spent",
            window: "day",
            algorithm: "sliding",
            max: 500.5,
            scope: "grant",
            amount: 20,
          },
        ],
        explanation: [
          step("freeze", "", { layer: null }),
          step("known", "", { layer: null }),
          step("rule", "/tools/pay"),
          step("deny_if", "/tools/pay/deny_if/args.amount-gt", {
            conditions: [
              { path: "args.amount", op: "gt", value: "100", found: ["20"], outcome: "not_held", why: null },
            ],
          }),
          step("limits", "/tools/pay/limits/spent-per-day", { note: "adds 20 to spent, 500.5 per day" }),
        ],
      },
    ]);
  });

  it("tells all that refuses, in order, and which of it decides", async () => {
    const { body } = await ask({
      document: onPay({ action: "deny", require: [above(5)], deny_if: [above(1), above(2)] }),
      team_document: { version: "1", default: "allow", tools: { "p*": { deny_if: [above(1)] } } },
      call: pay({ amount: 3 }),
    });
    expect([body.effect, body.rule]).toEqual(["deny", "/tools/pay/action"]);
    expect(told(body)).toEqual([
      ["/tools/pay/action", "refused", true],
      ["/tools/pay/require/args.amount-gt", "refused", false],
      ["/team/tools/p*/deny_if/args.amount-gt", "refused", false],
      ["/tools/pay/deny_if/args.amount-gt", "refused", false],
      ["/tools/pay/deny_if/args.amount-gt#2", "refused", false],
    ]);
  });

  it("tells a missing value, one that did not hold and one that cannot be evaluated apart", async () => {
    const conditions = [
      { path: "args.gone", op: "eq", value: 1 },
      { path: "args.text", op: "gt", value: 1 },
      { path: "args.list[*].n", op: "lt", value: 5 },
      { path: "args.list[*].n", op: "lt", value: 2 },
      { path: "args.gone", op: "exists", value: false },
      { path: "args.holes[*].n", op: "lt", value: 5 },
      { path: "args.none[*]", op: "eq", value: 1 },
    ];
    const { body } = await ask({
      document: onPay({ require: conditions.map((condition) => ({ conditions: [condition] })) }),
      call: pay({ text: "x", list: [{ n: 1 }, { n: 3 }], holes: [{ n: 1 }, {}], none: [] }),
    });
    const seen = body.explanation
      .filter((one: Step) => one.stage === "require")
      .flatMap((one: Step) => one.conditions.map(({ outcome, found, why }) => [outcome, found, why]));
    expect(seen).toEqual([
      ["missing", [], null],
      ["cannot_evaluate", ['"x"'], "expected a number, got a string"],
      ["held", ["1", "3"], null],
      ["not_held", ["1", "3"], null],
      ["held", [], null],
      ["missing", ["1"], null],
      ["held", [], null],
    ]);
  });

  it("shows nothing of what a rule redacts, at whatever depth it is read", async () => {
    const rule = {
      redact: ["args.card.number", "args.keys[*]", "args.sum"],
      deny_if: ["args.card.number", "args.keys[1]", "args.card"].map((path) => ({
        conditions: [{ path, op: "exists", value: true }],
      })),
      limits: [{ counter: "c", window: "day", max: 1, increment_from: "args.sum" }],
    };
    const args = {
      card: { number: "secret-1", name: "visible" },
      keys: ["secret-2", "secret-3"],
      sum: 77.25,
    };
    const document = {
      ...onPay(rule),
      all_tools: { deny_if: [reads("args.card.name"), reads("args.keys[*]")] },
    };
    const { body } = await ask({ document, call: pay(args) });
    const found = body.explanation.flatMap((one: Step) => one.conditions.map((two) => [two.path, two.found]));
    expect(found).toEqual([
      ["args.card.name", ['"visible"']],
      ["args.keys[*]", ["[redacted]", "[redacted]"]],
      ["args.card.number", ["[redacted]"]],
      ["args.keys[1]", ["[redacted]"]],
      ["args.card", ["[redacted]"]],
    ]);
    expect(body.explanation.at(-1).note).toBe("adds [redacted] to c, 1 per day");
  });

  it("follows a call inside a call, and what is redacted there", async () => {
    const nested = { each: "args.steps[*]", tool: "tool", arguments: "params" };
    const inner = { redact: ["args.to"], require: [reads("args.to"), reads("args.text")] };
    const { body } = await ask({
      document: {
        version: "1",
        default: "deny",
        tools: { batch: { nested, redact: ["args.steps[*].params.text"] }, send: inner },
      },
      call: {
        name: "batch",
        arguments: { steps: [{ tool: "send", params: { to: "a", text: "b" } }, { tool: "drop" }] },
      },
    });
    expect([body.effect, body.rule]).toEqual(["deny", "/tools/batch/nested/1/(default deny)"]);
    const first = body.explanation.filter((one: Step) => one.call === "/tools/batch/nested/0");
    expect(first.flatMap((one: Step) => one.conditions.map((two) => two.found))).toEqual([
      ["[redacted]"],
      ["[redacted]"],
    ]);
    expect(body.explanation.at(-1)).toEqual(
      step("rule", "/tools/batch/nested/1/(default deny)", {
        call: "/tools/batch/nested/1",
        name: "drop",
        outcome: "refused",
        reason: "Denied by rule /tools/batch/nested/1/(default deny).",
        decides: true,
      }),
    );
  });

  it("tells a shadow rule's refusal without deciding by it", async () => {
    const { body } = await ask({
      document: onPay({ mode: "shadow", deny_if: [above(1)] }),
      call: pay({ amount: 2 }),
    });
    expect([body.effect, body.rule]).toEqual(["allow", ""]);
    expect(told(body)).toEqual([["/tools/pay/deny_if/args.amount-gt", "refused", false]]);
    expect(body.explanation.at(-1).shadow).toBe(true);
  });
});

describe("numbers", () => {
  const huge = "9007199254740993";
  const document = JSON.stringify(
    onPay({ require: [{ conditions: [{ path: "args.n", op: "eq", value: "N" }] }] }),
  ).replace('"N"', huge);

  it.each([
    ["arguments", `{"n":${huge}}`, "allow"],
    ["arguments", `{"n":9007199254740992}`, "deny"],
    ["arguments_json", JSON.stringify(`{"n":${huge}.0}`), "allow"],
    ["arguments_json", JSON.stringify(`{"n":9007199254740992}`), "deny"],
  ])("of %s %s keep every digit", async (key, text, effect) => {
    const { body } = await ask(`{"document":${document},"call":{"name":"pay","${key}":${text}}}`);
    expect(body.effect).toBe(effect);
  });
});

describe("what is known", () => {
  const open = { version: "1", default: "allow" };

  it("is every name without a list, and only the listed with one", async () => {
    const rule = async (tools: unknown) => (await ask({ document: open, call: pay(), tools })).body.rule;
    expect(await rule(undefined)).toBe("");
    expect(await rule(["pay"])).toBe("");
    expect(await rule([{ name: "pay", inputSchema: { type: "object" } }])).toBe("");
    expect(await rule([])).toBe("(unknown tool)");
    expect(await rule([{ name: "pay", quarantined: true }])).toBe("(quarantined)");
  });

  it("of a tool comes from its definition, or from what the request says", async () => {
    const document = {
      ...open,
      all_tools: { require: [{ conditions: [{ path: "tool.category", op: "eq", value: "Read" }] }] },
    };
    const effect = async (more: object) =>
      (await ask({ document, call: { name: "list_files" }, ...more })).body.effect;
    expect(await effect({})).toBe("deny");
    expect(await effect({ context: { tool: { category: "Read" } } })).toBe("allow");
    expect(await effect({ tools: [{ name: "list_files", annotations: { readOnlyHint: true } }] })).toBe(
      "allow",
    );
    expect(await effect({ tools: [{ name: "list_files", category: "Write" }] })).toBe("deny");
  });

  it.each([
    ["server.name", { server: { name: "github" } }, "github"],
    ["grant.label", { grant: { label: "ci" } }, "ci"],
    ["grant.tags[1]", { grant: { tags: ["a", "b"] } }, "b"],
    ["member.email", { member: { email: "ada@example.com", role: "admin" } }, "ada@example.com"],
    ["member.role", { member: { email: "ada@example.com", role: "admin" } }, "admin"],
    ["client.name", { client: { name: "inspector" } }, "inspector"],
    ["now.hour", { now: "2026-11-01T23:30:00-05:00" }, 23],
    ["now.weekday", { now: "2026-11-01T23:30:00-05:00" }, 7],
    ["now.date", { now: { hour: 1, weekday: 2, date: "2026-11-03" } }, "2026-11-03"],
  ])("%s is what the context says", async (path, context, value) => {
    const document = onPay({ require: [{ conditions: [{ path, op: "eq", value }] }] });
    expect((await ask({ document, call: pay(), context })).body.effect).toBe("allow");
    expect((await ask({ document, call: pay() })).body.effect).toBe("deny");
  });

  it("of a freeze too", async () => {
    const asked = { document: open, call: pay(), context: { frozen: "all" } };
    expect((await ask(asked)).body.rule).toBe("(frozen)");
  });
});

describe("other methods", () => {
  it.each([
    [{ method: "resources/read", name: "file:///a" }, "/resources/file:~1~1~1*/action"],
    [{ method: "prompts/get", name: "hello" }, "/prompts/hello/action"],
    [{ method: "completion/complete", name: "hello" }, "/methods/completion~1complete"],
    [{ method: "tasks/list" }, "(default deny)"],
    [{ method: "tools/list" }, ""],
  ])("are judged by what they name: %j", async (call, rule) => {
    const document = {
      version: "1",
      default: "allow",
      resources: { "file:///*": { action: "deny" } },
      prompts: { hello: { action: "deny" } },
      methods: { "completion/complete": "deny" },
    };
    const { body } = await ask({ document, call });
    expect(body.rule).toBe(rule);
    expect(body.explanation.filter(({ decides }: Step) => decides)).toHaveLength(rule === "" ? 0 : 1);
  });
});

describe("a request that cannot be judged", () => {
  const document = onPay({});

  it.each([
    [
      { document: { ...document, default: "maybe" }, team_document: { version: "1" }, call: pay() },
      ["/document/default", "/team_document/default"],
    ],
    [{ document, call: { method: "tools/call" } }, ["/call/name"]],
    [{ document, call: { method: "tasks/list", name: "x" } }, ["/call/name"]],
    [{ document, call: { ...pay(), arguments_json: "{}" } }, ["/call/arguments_json"]],
    [{ document, call: { name: "pay", arguments_json: '{"a":1,"a":2}' } }, ["/call/arguments_json"]],
    [{ document, call: { name: "pay", arguments_json: "[]" } }, ["/call/arguments_json"]],
    [{ document, call: pay([]) }, ["/call/arguments"]],
    [{ document, call: pay(), contxt: {} }, ["/contxt"]],
    [{ call: pay() }, ["/document"]],
  ])("is refused with each place that is wrong: %j", async (body, pointers) => {
    const refused = await ask(body);
    expect([refused.status, refused.body.code]).toEqual([422, "invalid"]);
    expect(refused.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
  });

  it("needs a sign-in", async () => {
    const refused = await plane.ask("POST", "/v1/policies/evaluate", { body: { document, call: pay() } });
    expect(refused.status).toBe(401);
  });
});

it("an explanation of very many steps ends, and still tells what decides", async () => {
  const nested = { each: "args.steps[*]", tool: "tool", arguments: "params" };
  const groups = Array.from({ length: 200 }, () => above(1));
  const document = {
    version: "1",
    default: "deny",
    all_tools: { deny_if: groups },
    tools: { batch: { nested }, pay: {} },
  };
  const steps = [
    ...Array.from({ length: 99 }, () => ({ tool: "pay" })),
    { tool: "pay", params: { amount: 2 } },
  ];
  const { body } = await ask({ document, call: { name: "batch", arguments: { steps } } });
  expect(body.explanation).toHaveLength(1_001);
  expect(body.explanation.at(-1)).toMatchObject({ rule: body.rule, decides: true });
});

interface Step {
  readonly stage: string;
  readonly call: string;
  readonly rule: string;
  readonly outcome: string;
  readonly decides: boolean;
  readonly conditions: readonly { path: string; outcome: string; found: string[]; why: string | null }[];
}

const told = (body: { explanation: readonly Step[] }) =>
  body.explanation
    .filter(({ outcome }) => outcome !== "passed")
    .map(({ rule, outcome, decides }) => [rule, outcome, decides]);

const reads = (path: string) => ({ conditions: [{ path, op: "exists", value: true }] });

const step = (stage: string, rule: string, change: object = {}) => ({
  stage,
  call: "",
  name: "pay",
  layer: "server",
  rule,
  outcome: "passed",
  reason: null,
  shadow: false,
  decides: false,
  conditions: [],
  note: null,
  ...change,
});
