import { type Schema, Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPolicy } from "../../src/policy/document.ts";
import { policyJsonSchema } from "../../src/policy/json-schema.ts";
import { files } from "../golden/golden.ts";
import { onPay } from "./judge.ts";
import { randomDocument } from "./random-document.ts";

type Node = { [keyword: string]: unknown };
const schema = policyJsonSchema() as Node & { $defs: Record<string, Node> };
// A validator writes into the schema that it is given.
const validatorOf = (node: Node): Validator => new Validator(structuredClone(node) as Schema, "2020-12");
const validator = validatorOf(schema);
const accepts = (document: unknown): boolean => validator.validate(document).valid;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every key that the schema names, as `PolicyLimit.window`, with the schema of its value. */
const keys: [string, Node][] = Object.entries({ policy: schema, ...schema.$defs }).flatMap(([owner, node]) =>
  Object.entries((node["properties"] ?? {}) as Record<string, Node>).map(([key, value]): [string, Node] => [
    `${owner}.${key}`,
    value,
  ]),
);

/** A node with what its reference adds. */
function whole(node: Node): Node {
  const name = typeof node["$ref"] === "string" ? node["$ref"].replace("#/$defs/", "") : "";
  return { ...schema.$defs[name], ...node };
}

describe("the published schema", () => {
  test("says what it is", () => {
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: "/schemas/policy-v1.json",
      title: "Portcullis policy",
    });
  });

  test("describes every key, with examples that it accepts itself", () => {
    expect(keys.length).toBeGreaterThan(50);
    for (const [key, node] of keys) {
      const { description, examples } = whole(node);
      expect([key, description]).toEqual([key, expect.stringMatching(/.{10}\.$/)]);
      expect([key, examples]).toEqual([key, expect.arrayContaining([expect.anything()])]);
      const value = validatorOf({ ...node, $defs: schema.$defs });
      for (const example of examples as unknown[]) {
        expect([key, example, value.validate(example).valid]).toEqual([key, example, true]);
      }
    }
  });

  test("gives a whole document as an example, which is one", () => {
    for (const example of schema["examples"] as unknown[]) {
      expect(readPolicy(JSON.stringify(example))).toMatchObject({ ok: true, warnings: [] });
    }
  });

  test("never rejects what the validator accepts, whichever dialect it is in", () => {
    const used = new Set<string>();
    fc.assert(
      fc.property(randomDocument, (text) => {
        const read = readPolicy(text);
        if (!read.ok) throw new Error(JSON.stringify(read.errors));
        const document: unknown = JSON.parse(text);
        if (!accepts(document)) throw new Error("the schema rejects it");
        noteKeys(document, used);
      }),
      { numRuns: 5_000 },
    );
    const named = keys.map(([key]) => key.slice(key.indexOf(".") + 1));
    expect(named.filter((key) => !used.has(key))).toEqual([]);
  }, 120_000);

  test.each([
    { version: "1", default: "maybe" },
    { version: "1" },
    { version: "1", default: "deny", tools: { a: { limit: [] } } },
    { version: "1", default: "deny", tools: { a: { limits: [{ counter: "c", window: "year", max: 1 }] } } },
    { version: "1", default: "deny", prompts: { a: { nested: {} } } },
    {
      version: "1",
      default: "deny",
      tools: Object.fromEntries([...Array(2_001).keys()].map((i) => [i, {}])),
    },
  ])("rejects a wrong shape, as the validator does", (document) => {
    expect([accepts(document), readPolicy(JSON.stringify(document)).ok]).toEqual([false, false]);
  });
});

function noteKeys(value: unknown, used: Set<string>): void {
  if (Array.isArray(value)) for (const element of value) noteKeys(element, used);
  if (!isNode(value)) return;
  for (const [key, member] of Object.entries(value)) {
    used.add(key);
    noteKeys(member, used);
  }
}

/** Documents too long for the page, by the words that it has for them. */
const made: Record<string, string> = {
  "260,000 characters more": JSON.stringify({
    ...onPay({}),
    prompts: Object.fromEntries([...Array(1_900).keys()].map((i) => [`${"x".repeat(140)}${i}`, {}])),
  }),
  "17 levels": JSON.stringify(onPay({ arguments: { const: nest(13) } })),
  "513 characters": JSON.stringify(onPay(asks("args.a", "regex", "a".repeat(513)))),
  "257 characters": JSON.stringify(onPay(asks("args.a", "glob", "a".repeat(257)))),
  "100 patterns of thousands of states": JSON.stringify(
    onPay({
      deny_if: [...Array(100).keys()].map((i) => asks("args.a", "regex", `(a|aa){1000}${i}`).require[0]),
    }),
  ),
  "65 digits": `{"version":"1","default":"deny","tools":{"pay":{"require":[{"conditions":[{"path":"args.a","op":"eq","value":${"1".repeat(65)}}]}]}}}`,
};

function nest(depth: number): unknown {
  return depth === 0 ? 1 : [nest(depth - 1)];
}

function asks(path: string, op: string, value: unknown) {
  return { require: [{ conditions: [{ path, op, value }] }] };
}

/** A cell of the page as a document: whole, a rule of one tool, a condition, a limit, or words for one of `made`. */
function documentOf(cell: string): string {
  const written = /^`(.*)`$/.exec(cell)?.[1];
  if (written === undefined) return made[cell] ?? "";
  if (written.includes('"version"')) return written;
  const value: object = JSON.parse(written);
  if ("op" in value) return JSON.stringify(onPay({ require: [{ conditions: [value] }] }));
  return JSON.stringify("counter" in value ? onPay({ limits: [value] }) : onPay(value));
}

const rows = (files.get("docs/policy-schema.md") ?? "")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| What"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, rule = "", cell = ""]): [string, string] => [rule, documentOf(cell)]);

describe("the rules that a JSON Schema cannot express", () => {
  test("are listed", () => {
    expect(rows.length).toBeGreaterThan(25);
  });

  test.each(rows)("the validator refuses what the schema accepts: %s", (_, text) => {
    expect([text === "" || accepts(JSON.parse(text)), readPolicy(text).ok]).toEqual([text !== "", false]);
  });
});
