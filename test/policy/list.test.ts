import { expect, test } from "vitest";
import { listable, listRules } from "../../src/policy/list.ts";
import { judge, policy } from "./judge.ts";

const closed = { version: "1", default: "deny" };
const never = { deny_if: [{ conditions: [] }] };
const shown = (names: string[], ...documents: (object | null)[]) => {
  const rules = documents.map((document, layer) =>
    listRules(document && policy(document), "tool", layer < documents.length - 1 ? "github" : null),
  );
  return names.filter((name) => listable(structuredClone(rules), name));
};

test("a list shows what some call might be permitted for", () => {
  const document = {
    ...closed,
    hide: ["secret_*"],
    tools: {
      pay: {},
      drop: { action: "deny" },
      transfer: never,
      maybe: { deny_if: [{ conditions: [{ path: "args.a", op: "exists", value: true }] }] },
      ask: { action: "approve" },
      watched: { mode: "shadow", action: "deny" },
      "secret_*": {},
    },
  };
  const names = ["pay", "drop", "transfer", "maybe", "ask", "watched", "secret_1", "unlisted"];
  expect(shown(names, document)).toEqual(["pay", "maybe", "ask", "watched"]);
  expect(shown(names, { ...document, default: "allow" })).toEqual([
    "pay",
    "maybe",
    "ask",
    "watched",
    "unlisted",
  ]);
});

test("every layer must be willing to show a name", () => {
  const team = { version: "1", default: "allow", tools: { "github/p*": { action: "deny" }, look: {} } };
  expect(shown(["pay", "look"], team, { ...closed, tools: { pay: {}, look: {} } })).toEqual(["look"]);
  expect(shown(["pay", "look"], team, null)).toEqual([]);
});

test("hiding with a star hides every name, slashes or not", () => {
  const open = { version: "1", default: "allow", hide: "*" };
  const rules = [listRules(policy(open), "resource", null)];
  expect(["file:///a/b", "x"].filter((name) => listable(rules, name))).toEqual([]);
});

test("a shadow document shows everything", () => {
  expect(shown(["pay"], { ...closed, mode: "shadow", hide: "*", all_tools: never })).toEqual(["pay"]);
});

test("where every tool is denied no tool is shown", () => {
  expect(shown(["pay"], { version: "1", default: "allow", all_tools: never, tools: { pay: {} } })).toEqual(
    [],
  );
});

test("what no call could get past is not shown, and what one could is", () => {
  const documents = [
    closed,
    { version: "1", default: "allow" },
    { ...closed, tools: { "p*": {} } },
    { ...closed, tools: { "p*": { action: "deny" }, pay: {} } },
    { version: "1", default: "allow", hide: ["pay"] },
    { version: "1", default: "allow", tools: { "github/*": never } },
    { version: "1", default: "allow", tools: { "gitlab/*": never } },
  ];
  for (const document of documents) {
    expect([document, shown(["pay"], document).length === 1]).toEqual([
      document,
      judge(document).effect === "allow",
    ]);
  }
});
