import { expect, test } from "vitest";
import { fromPlain } from "../../src/json/value.ts";
import { readPolicy } from "../../src/policy/document.ts";
import { classify, type Risk } from "../../src/risk/classify.ts";
import { recommendedPolicy } from "../../src/risk/recommend.ts";
import select from "../fixtures/seed-policies/cmux_select_workspace.json" with { type: "json" };
import send from "../fixtures/seed-policies/cmux_send.json" with { type: "json" };
import recover from "../fixtures/seed-policies/cmux_session_recover.json" with { type: "json" };
import save from "../fixtures/seed-policies/cmux_session_save.json" with { type: "json" };
import snapshot from "../fixtures/seed-policies/cmux_workspace_snapshot.json" with { type: "json" };

const rated = (definition: Record<string, unknown> & { name: string }): Risk & { name: string } => {
  const tree = fromPlain(definition);
  if (!(tree instanceof Map)) throw new TypeError("a definition is an object");
  return { name: definition.name, ...classify(tree) };
};

test("each seed tool is recommended exactly its seed policy", () => {
  const seeds = { cmux_session_recover: recover, cmux_session_save: save, cmux_select_workspace: select };
  const all = { ...seeds, cmux_send: send, cmux_workspace_snapshot: snapshot };
  for (const [name, seed] of Object.entries(all)) expect(recommendedPolicy([rated({ name })])).toEqual(seed);
});

test("a server's policy hides what destroys, asks before money moves and judges what a batch would run", () => {
  const steps = {
    type: "array",
    items: { type: "object", properties: { tool: { type: "string" }, params: { type: "object" } } },
  };
  const tools = [
    rated({ name: "delete_repo" }),
    rated({ name: "create_refund" }),
    rated({ name: "get_repo" }),
    rated({ name: "cmux_batch", inputSchema: { type: "object", properties: { steps } } }),
  ];
  expect(recommendedPolicy(tools)).toEqual({
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

test("a server without tools is recommended to deny everything", () => {
  expect(recommendedPolicy([])).toEqual({ version: "1", default: "deny", tools: {} });
});

test("every recommended policy is one that the language accepts, with any names, categories and flags", () => {
  const names = [
    "get-it",
    "a.b",
    "x".repeat(128),
    "__proto__",
    "constructor",
    "0",
    "create_refund",
    "drop_all",
  ];
  const steps = {
    type: "array",
    items: { type: "object", properties: { tool: { type: "string" }, params: { type: "object" } } },
  };
  const inputSchema = { type: "object", properties: { steps, amount: {}, currency: {} } };
  const tools = names.flatMap((name) => [
    rated({ name }),
    rated({ name: `delete_${name}`.slice(0, 128), inputSchema }),
  ]);
  const many = Array.from({ length: 2_000 }, (_, i) => rated({ name: `run_${i}` }));
  for (const set of [[], tools, tools.slice(0, 1), many]) {
    expect(readPolicy(JSON.stringify(recommendedPolicy(set)))).toMatchObject({ ok: true });
  }
});
