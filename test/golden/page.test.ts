import { Validator } from "@cfworker/json-schema";
import { expect, it } from "vitest";
import * as z from "zod";
import { withExamples } from "../../scripts/policy_page.ts";
import { readPolicy } from "../../src/policy/document.ts";
import { importIntercept } from "../../src/policy/import/intercept.ts";
import { operatorNames, policySchema } from "../../src/policy/schema.ts";
import { files } from "./golden.ts";

const pages = ["docs/policy.md", "docs/policy-dialects.md"];
const pageOf = (path: string): string => files.get(path) ?? "";

it.each(pages)("%s shows its examples as their files say them (node scripts/docs-policy.ts)", (path) => {
  const page = pageOf(path);
  expect(page).toBe(withExamples(page, (file) => files.get(file)));
  expect(page.match(/<!-- include /g)?.length).toBeGreaterThan(5);
});

it.each(pages)("%s links to nothing that is not there", (path) => {
  const links = [...pageOf(path).matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)].map(([, to = "", anchor]) => {
    const file = to === "" ? path : new URL(to, `file:///${path}`).pathname.slice(1);
    const text = files.get(file);
    return {
      to: `${to}#${anchor ?? ""}`,
      there: anchor ? headings(text).includes(anchor) : text !== undefined,
    };
  });
  expect(links.filter(({ there }) => !there)).toEqual([]);
  expect(links.length).toBeGreaterThan(3);
});

const headings = (page = ""): string[] =>
  [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );

it("the guide names every operator and every key of the language", () => {
  const keys = keysOf(z.toJSONSchema(policySchema, { io: "input", unrepresentable: "any" }));
  const said = new Set([...pageOf("docs/policy.md").matchAll(/[\w$]+/g)].map(([word]) => word));
  expect([...keys, ...operatorNames].filter((name) => !said.has(name))).toEqual([]);
  expect(keys).toContain("increment_from");
});

/** Every property that a JSON Schema names, at any depth. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const named = "properties" in schema ? Object.keys(schema.properties as object) : [];
  return [...new Set([...named, ...Object.values(schema).flatMap(keysOf)])];
}

it("the imported example is what the import makes of it", () => {
  const imported = importIntercept(files.get("test/golden/import/intercept.yaml") ?? "");
  expect(imported).toMatchObject({ ok: true, warnings: [] });
  const text = imported.ok ? imported.text : "";
  expect(text).toBe(JSON.stringify(JSON.parse(files.get("test/golden/import/intercept.json") ?? "")));
});

const version = { version: "1", default: "deny" };
const onPay = (rule: object) => ({ ...version, tools: { pay: rule } });
const asked = (path: string, op: string, value: unknown) =>
  onPay({ require: [{ conditions: [{ path, op, value }] }] });
const limit = (more: object) => ({ counter: "c", window: "day", max: 1, ...more });
const limited = (...more: object[]) => onPay({ limits: more.map(limit) });
const deep = (levels: number): unknown => (levels === 0 ? true : { not: deep(levels - 1) });

/** Each line of the guide's list, with documents that it is about. */
const unexpressed: readonly (readonly [string, readonly unknown[]])[] = [
  [
    "a key twice in one object, or the key `__proto__`",
    [
      '{"version":"1","default":"deny","default":"deny"}',
      '{"version":"1","default":"deny","tools":{"__proto__":{}}}',
    ],
  ],
  [
    "more than 256 KiB, or more than 16 levels",
    [
      { ...version, hide: Array.from({ length: 300 }, (_, index) => `${index}`.padEnd(1_000, "x")) },
      onPay({ arguments: deep(16) }),
    ],
  ],
  ["a path that is none, such as `arguments.amount`", [asked("arguments.amount", "eq", 1)]],
  [
    "a value that the operator does not take, such as `gt` with a list or `exists` with a text",
    [
      asked("args.a", "gt", [1]),
      asked("args.a", "exists", "yes"),
      asked("args.a", "eq", {}),
      asked("args.a", "host_in", ["https://example.com/"]),
      asked("args.a", "path_within", "data"),
      asked("args.a", "length_lte", 1.5),
      asked("args.a", "starts_with", 1),
    ],
  ],
  ["an empty list under `in` or `not_in`", [asked("args.a", "in", []), asked("args.a", "not_in", [])]],
  [
    "a pattern that is not RE2's, longer than 512 characters, or together with the others too large",
    [
      asked("args.a", "regex", "(?=x)"),
      asked("args.a", "regex", "x".repeat(513)),
      onPay({
        require: Array.from({ length: 40 }, () => ({
          conditions: [{ path: "args.a", op: "regex", value: "(?:a{100}){99}" }],
        })),
      }),
    ],
  ],
  [
    "a number of more than 64 digits or an exponent beyond ±400",
    [
      '{"version":"1","default":"deny","all_tools":{"deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":1e-401}]}]}}',
      `{"version":"1","default":"deny","all_tools":{"deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":0.${"1".repeat(64)}}]}]}}`,
    ],
  ],
  [
    "a month that slides, or a window in seconds that follows the calendar",
    [limited({ window: "month", algorithm: "sliding" }), limited({ window: 60, algorithm: "calendar" })],
  ],
  ["a `max` with more than six decimals", [limited({ max: 0.0000001 })]],
  [
    "`increment_from` in `all_tools`, or with `[*]`, or outside the arguments",
    [
      { ...version, all_tools: { limits: [limit({ increment_from: "args.a" })] } },
      limited({ increment_from: "args.a[*]" }),
      limited({ increment_from: "now.hour" }),
    ],
  ],
  ["two limits of one counter that add different things", [limited({ increment_from: "args.a" }, {})]],
  ["`redact` of something that is no argument", [onPay({ redact: ["member.email"] })]],
  [
    "`nested.each` that does not end in `[*]`",
    [onPay({ nested: { each: "args.steps", tool: "tool", arguments: "params" } })],
  ],
  [
    "`methods` that deny what is always allowed, or what `tools`, `resources` or `prompts` judge",
    [
      { ...version, methods: { ping: "deny" } },
      { ...version, methods: { "tools/call": "deny" } },
    ],
  ],
  [
    "a schema under `arguments` with keywords that are not checked, or references to elsewhere",
    [onPay({ arguments: { requred: [] } }), onPay({ arguments: { $ref: "https://example.com/a" } })],
  ],
];

it("the guide lists what the published schema cannot say, and nothing else", () => {
  const list =
    /<!-- unexpressed -->\n([\s\S]*)<!-- \/unexpressed -->/.exec(pageOf("docs/policy.md"))?.[1] ?? "";
  expect(list.trim().split("\n")).toEqual(unexpressed.map(([rule]) => `- ${rule}`));
});

const schema = new Validator(
  z.toJSONSchema(policySchema, { io: "input", unrepresentable: "any" }) as ConstructorParameters<
    typeof Validator
  >[0],
  "2020-12",
);

it.each(unexpressed)("the validator alone refuses %s", (_, documents) => {
  const texts = documents.map((document) =>
    typeof document === "string" ? document : JSON.stringify(document),
  );
  expect(texts.map((text) => [schema.validate(JSON.parse(text)).valid, readPolicy(text).ok])).toEqual(
    texts.map(() => [true, false]),
  );
});
