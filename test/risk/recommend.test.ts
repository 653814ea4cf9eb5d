import { describe, expect, test } from "vitest";
import { readPolicy } from "../../src/policy/document.ts";
import { type Rated, rate } from "../../src/risk/rated.ts";
import { type Advice, recommend } from "../../src/risk/recommend.ts";
import { tiers } from "../../src/risk/tier.ts";
import select from "../fixtures/seed-policies/cmux_select_workspace.json" with { type: "json" };
import send from "../fixtures/seed-policies/cmux_send.json" with { type: "json" };
import recover from "../fixtures/seed-policies/cmux_session_recover.json" with { type: "json" };
import save from "../fixtures/seed-policies/cmux_session_save.json" with { type: "json" };
import snapshot from "../fixtures/seed-policies/cmux_workspace_snapshot.json" with { type: "json" };
import { judge } from "../policy/judge.ts";
import { treeOf } from "./definition.ts";
import { definitionOf, inventedTools } from "./invented.ts";

const rated = (name: string, properties?: object, more: object = {}): Rated =>
  rate(treeOf({ name, ...(properties && { inputSchema: { type: "object", properties, ...more } }) }));

const documentOf = (...tools: Rated[]) => recommend(tools, "recommended").document;

const text = { type: "string" };
const steps = {
  type: "array",
  items: { type: "object", properties: { tool: text, params: { type: "object" } } },
};

test("each seed tool is recommended exactly its seed policy", () => {
  const seeds = { cmux_session_recover: recover, cmux_session_save: save, cmux_select_workspace: select };
  const all = { ...seeds, cmux_send: send, cmux_workspace_snapshot: snapshot };
  for (const [name, seed] of Object.entries(all)) expect(documentOf(rated(name))).toEqual(seed);
});

test("a server's policy hides what destroys, asks before money moves and judges what a batch would run", () => {
  const tools = [
    rated("delete_repo"),
    rated("create_refund"),
    rated("get_repo"),
    rated("cmux_batch", { steps }),
  ];
  expect(documentOf(...tools)).toEqual({
    version: "1",
    default: "deny",
    hide: ["delete_repo"],
    tools: {
      create_refund: { action: "approve" },
      get_repo: {},
      cmux_batch: {
        limits: [{ counter: "cmux_batch_rate", window: "minute", max: 10, scope: "grant" }],
        nested: { each: "args.steps[*]", tool: "tool", arguments: "params" },
      },
    },
  });
});

test("a batch whose calls no rule would see is put before a person, and hidden from an agent that only looks", () => {
  const tools = [rated("mill_batch")];
  const effects = tiers.map((tier) => recommend(tools, tier).tools[0]?.effect);
  expect(effects).toEqual(["hide", "approve", "approve"]);
  expect(documentOf(...tools)).toEqual({
    version: "1",
    default: "deny",
    tools: { mill_batch: { action: "approve" } },
  });
});

test("a server without tools is recommended to deny everything", () => {
  for (const tier of tiers) {
    expect(recommend([], tier)).toEqual({
      document: { version: "1", default: "deny", tools: {} },
      tools: [],
    });
  }
});

describe("what a caller may not reach by its arguments", () => {
  const verdictOf = (tool: Rated, args: object) => {
    const tools = new Map([[tool.name, { category: tool.risk.category, risk: tool.risk.level }]]);
    const { effect, rule } = judge(documentOf(tool), { name: tool.name, args: JSON.stringify(args), tools });
    return effect === "deny" ? rule : effect;
  };

  test("a URL into the server's own network", () => {
    const tool = rated("fetch_page", { url: text }, { required: ["url"] });
    const denied = "/tools/fetch_page/deny_if/args.url-host_in";
    expect(verdictOf(tool, { url: "https://example.com/a" })).toBe("allow");
    for (const host of ["localhost:8080", "[::1]", "169.254.169.254", "db.internal"]) {
      expect(verdictOf(tool, { url: `http://${host}/` })).toBe(denied);
    }
  });

  test("a path out of its directory, or where it is absolute into the system's", () => {
    const relative = rated("read_doc", { path: text });
    expect(verdictOf(relative, { path: "docs/a..b.md" })).toBe("allow");
    expect(verdictOf(relative, { path: "docs/../../key" })).toBe("/tools/read_doc/deny_if/args.path-regex");
    const absolute = rated("read_doc", { path: { ...text, description: "Absolute path" } });
    expect(verdictOf(absolute, { path: "/home/ada/a.md" })).toBe("allow");
    expect(verdictOf(absolute, { path: "/etc/passwd" })).toBe(
      "/tools/read_doc/deny_if/args.path-path_within",
    );
    for (const path of ["/tmp/../etc/passwd", "/tmp/%2e%2e/etc/passwd"]) {
      expect(verdictOf(absolute, { path })).toBe("/tools/read_doc/deny_if/args.path-regex");
    }
  });

  test("an amount below zero, and more recipients than a person would write to", () => {
    const send = rated("send_mail", { to: { type: "array", items: text } });
    expect(verdictOf(send, { to: Array.from({ length: 10 }, () => "a") })).toBe("allow");
    expect(verdictOf(send, { to: Array.from({ length: 11 }, () => "a") })).toBe("/tools/send_mail/arguments");
    const pay = rated("pay", { amount: { type: "number" }, currency: text });
    expect(verdictOf(pay, { amount: 5 })).toBe("approve");
    expect(verdictOf(pay, { amount: -5 })).toBe("/tools/pay/arguments");
  });

  test("what the caller keeps secret is not stored", () => {
    expect(documentOf(rated("login", { password: text }))).toMatchObject({
      tools: { login: { redact: ["args.password"] } },
    });
  });
});

const everyInvented = inventedTools.map((tool) => rate(definitionOf(tool)));

test("a stricter tier never lets more through", () => {
  const freedom = ({ effect, rule }: Advice): number => {
    if (effect === "deny" || effect === "hide") return 0;
    if (effect === "approve") return 1;
    const [limit] = (rule?.["limits"] ?? []) as { max: number }[];
    return limit ? limit.max : 1_000;
  };
  for (const tool of everyInvented) {
    const [strict = 0, recommended = 0, permissive = 0] = tiers.map(
      (tier) => recommend([tool], tier).tools.map(freedom)[0],
    );
    expect([strict, recommended, permissive]).toEqual(
      [strict, recommended, permissive].toSorted((a, b) => a - b),
    );
  }
});

test("every part of a document has its reason, and every reason its part", () => {
  const at = (document: unknown, pointer: string): unknown =>
    pointer
      .split("/")
      .slice(1)
      .reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], document);
  for (const tier of tiers) {
    const { document, tools } = recommend(everyInvented.slice(0, 40), tier);
    for (const { rule, tool, why } of tools) {
      for (const { pointer, because } of why) {
        expect(at(document, pointer)).toBeDefined();
        expect(because).not.toBe("");
      }
      const keys = Object.keys(rule ?? {}).map((key) => `/tools/${tool}/${key}`);
      for (const key of keys) expect(why.some(({ pointer }) => pointer.startsWith(key))).toBe(true);
    }
  }
});

describe("every recommended policy is one that the language accepts", () => {
  const names = [
    "get-it",
    "a.b",
    "x".repeat(128),
    "__proto__",
    "constructor",
    "0",
    "a/b",
    "*",
    "create_refund",
  ];
  const properties = { steps, amount: { type: "number" }, currency: text, url: text, path: text, to: steps };
  const odd = names.flatMap((name) => [rated(name), rated(`drop_${name}`.slice(0, 128), properties)]);
  const many = Array.from({ length: 2_000 }, (_, i) => rated(`run_${i}`));
  const long = Array.from({ length: 2_000 }, (_, i) => rated(`run_${"x".repeat(100)}${i}`, properties));
  const hidden = Array.from({ length: 2_000 }, (_, i) => rated(`delete_${"x".repeat(100)}${i}`));

  test.each([
    ["none", []],
    ["odd names", odd],
    [
      "the invented ones",
      everyInvented.filter(({ name }, i, all) => all.findIndex((one) => one.name === name) === i),
    ],
    ["2,000", many],
    ["2,000 with long names", long],
    ["2,000 to hide", hidden],
  ])("%s", (_, tools) => {
    for (const tier of tiers) {
      const { document } = recommend(tools, tier);
      expect(readPolicy(JSON.stringify(document, null, 2))).toMatchObject({ ok: true });
    }
  });

  test.each([
    ["fetch_x", Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`a${i}_url`, text]))],
    ["write_x", { [`${"x".repeat(5_000)}_path`]: text, "a b path": text, é_url: text, "a.b_path": text }],
    [
      "send_x",
      { to: { type: "array", maxItems: "x" }, ids: { type: "array", maxItems: 1e9 }, "api key": text },
    ],
    ["run_batch", { "a b": steps }],
  ])("those of %s, whose schema nobody would write", (name, properties) => {
    for (const tier of tiers) {
      expect(readPolicy(JSON.stringify(recommend([rated(name, properties)], tier).document))).toMatchObject({
        ok: true,
      });
    }
  });

  test("each of the invented ones alone", () => {
    for (const tool of everyInvented) {
      for (const tier of tiers) {
        const { document } = recommend([tool], tier);
        expect([tool.name, readPolicy(JSON.stringify(document))]).toMatchObject([tool.name, { ok: true }]);
      }
    }
  });
});
