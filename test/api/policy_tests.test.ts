import { beforeAll, describe, expect, it } from "vitest";
import { ControlPlane } from "./control_plane.ts";
import { openPolicy, TeamSetting } from "./team_setting.ts";

let team: TeamSetting;
const at = "/servers/bank/policies";
beforeAll(async () => {
  team = await TeamSetting.on(await ControlPlane.start(), "Bank");
  await team.server("Bank");
});

const document = {
  version: "1",
  default: "deny",
  tools: {
    pay: { deny_if: [{ conditions: [{ path: "args.amount", op: "gt", value: 100 }], on_deny: "Too much." }] },
    close: { action: "approve" },
  },
};
const pay = (amount: number) => ({ name: "pay", arguments: { amount } });
const tests = [
  { name: "a small payment", call: pay(100), expect: "allow" },
  { call: pay(101), expect: "deny", rule: "/tools/pay/deny_if/args.amount-gt" },
  { call: { name: "close" }, expect: "approve" },
];
/** The same document with its cap raised, which the second test is there to notice. */
const loosened = {
  ...document,
  tools: {
    ...document.tools,
    pay: { deny_if: [{ conditions: [{ path: "args.amount", op: "gt", value: 1_000 }] }] },
  },
};
const tooLoose = {
  pointer: "/tests/1",
  message: "expected deny by /tools/pay/deny_if/args.amount-gt, got allow by no rule",
};

describe("the tests of a policy", () => {
  it("are saved with it and come back as they were written", async () => {
    await team.must(201, "POST", at, { name: "Kept", document, tests });
    expect((await team.must(200, "GET", `${at}/kept`)).tests).toEqual(tests);
    expect((await team.must(200, "GET", `${at}/kept/revisions/1`)).tests).toEqual(tests);
    await team.policy("bank", "Bare");
    expect((await team.must(200, "GET", `${at}/bare`)).tests).toEqual([]);
  });

  it("are all told where they fail, and nothing is saved", async () => {
    const wrong = [
      tests[0],
      { name: "cap", call: pay(101), expect: "allow" },
      { call: pay(101), expect: "deny", rule: "/tools/pay/action" },
      { call: { name: "gone" }, expect: "allow", rule: "" },
    ];
    const refused = await team.ask("POST", at, { name: "Refused", document, tests: wrong });
    const rule = "/tools/pay/deny_if/args.amount-gt";
    expect([refused.status, refused.body.code, refused.body.errors]).toEqual([
      422,
      "invalid",
      [
        { pointer: "/tests/1", message: `cap: expected allow, got deny by ${rule}` },
        { pointer: "/tests/2", message: `expected deny by /tools/pay/action, got deny by ${rule}` },
        { pointer: "/tests/3", message: "expected allow by no rule, got deny by (default deny)" },
      ],
    ]);
    expect((await team.ask("GET", `${at}/refused`)).status).toBe(404);
  });

  it("stay when a save does not speak of them, and guard it", async () => {
    await team.must(201, "POST", at, { name: "Guarded", document, tests });
    const refused = await team.ask("PUT", `${at}/guarded`, { document: loosened });
    expect([refused.status, refused.body.errors]).toEqual([422, [tooLoose]]);
    expect((await team.must(200, "GET", `${at}/guarded`)).revision).toBe(1);
    await team.must(200, "PUT", `${at}/guarded`, { document: { ...document, description: "the same" } });
    expect(await team.must(200, "GET", `${at}/guarded`)).toMatchObject({ revision: 2, tests });
  });

  it("are replaced by those of a save, and cleared by an empty list", async () => {
    await team.must(201, "POST", at, { name: "Replaced", document, tests });
    const others = [{ call: pay(500), expect: "allow" }];
    await team.must(200, "PUT", `${at}/replaced`, { document: loosened, tests: others });
    expect((await team.must(200, "GET", `${at}/replaced`)).tests).toEqual(others);
    await team.must(200, "PUT", `${at}/replaced`, { document, tests: [] });
    expect((await team.must(200, "GET", `${at}/replaced`)).tests).toEqual([]);
    expect((await team.must(200, "GET", `${at}/replaced/revisions/1`)).tests).toEqual(tests);
  });

  it("never stand in the way of a rollback, which tells what fails", async () => {
    await team.must(201, "POST", at, { name: "Back", document: loosened });
    await team.must(200, "PUT", `${at}/back`, { document, tests });
    const back = await team.must(200, "POST", `${at}/back/rollback`, { revision: 1 });
    expect(back.revision).toBe(3);
    expect(back.warnings).toContainEqual(tooLoose);
    expect(await team.must(200, "GET", `${at}/back`)).toMatchObject({ document: loosened, tests });
  });

  it("say the same whenever they run, and know the server by its name", async () => {
    const noon = {
      version: "1",
      default: "deny",
      tools: {
        pay: {
          require: [
            {
              conditions: [
                { path: "now.hour", op: "eq", value: 12 },
                { path: "now.weekday", op: "eq", value: 1 },
                { path: "server.name", op: "eq", value: "bank" },
              ],
            },
          ],
        },
      },
    };
    const night = { call: pay(1), context: { now: "2026-01-05T23:00:00Z" }, expect: "deny" };
    const elsewhere = { call: pay(1), context: { server: { name: "github" } }, expect: "deny" };
    const asked = {
      name: "Noon",
      document: noon,
      tests: [{ call: pay(1), expect: "allow" }, night, elsewhere],
    };
    await team.must(201, "POST", at, asked);
  });

  it("judge numbers as they are written", async () => {
    const exact = onPay({
      deny_if: [{ conditions: [{ path: "args.n", op: "gt", value: 9007199254740992 }] }],
    });
    const call = { name: "pay", arguments_json: '{"n":9007199254740993}' };
    await team.must(201, "POST", at, { name: "Exact", document: exact, tests: [{ call, expect: "deny" }] });
    const written = '{"name":"pay","arguments":{"n":9007199254740993}}';
    const { person } = team;
    const put = await team.plane.ask("PUT", `/v1/teams/${person.team.slug}${at}/exact`, {
      token: person.token,
      text: `{"document":${JSON.stringify(exact)},"tests":[{"call":${written},"expect":"deny"}]}`,
    });
    expect([put.status, (await team.ask("GET", `${at}/exact`)).text]).toEqual([
      200,
      expect.stringContaining(written),
    ]);
  });

  it.each([
    [{ tools: ["send"] }, "deny", "(unknown tool)"],
    [{ tools: [{ name: "pay", quarantined: true }] }, "deny", "(quarantined)"],
    [{ context: { frozen: "all" } }, "deny", "(frozen)"],
    [{ call: { method: "tasks/list" } }, "deny", "(default deny)"],
    [{ call: { method: "tools/list" } }, "allow", ""],
    [{ call: { method: "prompts/get", name: "pay" } }, "deny", "(default deny)"],
  ])("may say what there is and what is asked: %j", async (more, expected, rule) => {
    const name = `Asked ${crypto.randomUUID()}`;
    const test = { call: pay(1), ...more, expect: expected, rule };
    await team.must(201, "POST", at, { name, document, tests: [test] });
  });

  it("that cannot be read are refused at their places", async () => {
    const bad = [
      { call: pay(1), expect: "maybe" },
      { call: { method: "tools/list", name: "x" }, expect: "allow" },
    ];
    const refused = await team.ask("POST", at, { name: "Bad", document, tests: bad });
    expect([refused.status, refused.body.errors.map((error: { pointer: string }) => error.pointer)]).toEqual([
      422,
      ["/tests/0/expect"],
    ]);
    const named = await team.ask("POST", at, { name: "Bad", document, tests: bad.slice(1) });
    expect([named.status, named.body.errors]).toEqual([
      422,
      [{ pointer: "/tests/0/call/name", message: "tools/list names nothing: leave it out" }],
    ]);
    const many = Array.from({ length: 101 }, () => tests[0]);
    expect((await team.ask("POST", at, { name: "Many", document, tests: many })).status).toBe(422);
    const large = [{ call: { name: "pay", arguments: { text: "x".repeat(262_000) } }, expect: "allow" }];
    const tooLarge = await team.ask("POST", at, { name: "Large", document, tests: [...large, ...tests] });
    expect(tooLarge.body.errors).toEqual([{ pointer: "/tests", message: "tests have at most 256 KiB" }]);
  });
});

describe("the tests of the team's policy", () => {
  const guardrail = {
    version: "1",
    default: "allow",
    tools: { "github/delete_*": { action: "deny", reason: "Never." } },
    methods: { "tasks/list": "deny" },
  };
  const github = { server: { name: "github" } };
  const rule = "/team/tools/github~1delete_*/action";
  const guarded = [
    { call: { name: "delete_branch" }, context: github, expect: "deny", rule },
    { call: { name: "delete_branch" }, expect: "allow", rule: "" },
    { call: { method: "tasks/list" }, expect: "deny", rule: "/team/methods/tasks~1list" },
  ];

  it("judge it over a server policy that permits everything, and guard every save", async () => {
    const wrong = [{ call: { name: "delete_branch" }, context: github, expect: "allow" }];
    const first = await team.ask("PUT", "/policy", { document: guardrail, tests: wrong });
    expect([first.status, first.body.errors]).toEqual([
      422,
      [{ pointer: "/tests/0", message: `expected allow, got deny by ${rule}` }],
    ]);
    expect((await team.ask("GET", "/policy")).status).toBe(404);
    await team.must(200, "PUT", "/policy", { document: guardrail, tests: guarded });
    expect((await team.must(200, "GET", "/policy")).tests).toEqual(guarded);
    const refused = await team.ask("PUT", "/policy", { document: openPolicy });
    expect(refused.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      "/tests/0",
      "/tests/2",
    ]);
    await team.must(200, "PUT", "/policy", { document: openPolicy, tests: [] });
  });
});

const onPay = (rule: unknown) => ({ version: "1", default: "deny", tools: { pay: rule } });
