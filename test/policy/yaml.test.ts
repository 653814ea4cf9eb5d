import fc from "fast-check";
import { FAILSAFE_SCHEMA, load } from "js-yaml";
import { describe, expect, it, test } from "vitest";
import { type Json, JsonNumber, typeName } from "../../src/json/value.ts";
import { type Node, readYaml } from "../../src/policy/import/yaml.ts";

/** The tree with every scalar as its text, which is what js-yaml's failsafe schema makes of it too. */
function texts(node: Node): unknown {
  if (node.kind === "scalar") return node.text;
  if (node.kind === "sequence") return node.items.map(texts);
  return Object.fromEntries(node.members.map(({ key, value }) => [key, texts(value)]));
}

function read(text: string): Node {
  const result = readYaml(text);
  if (!result.ok) throw new Error(`${JSON.stringify(result.errors)} in ${JSON.stringify(text)}`);
  return result.root;
}

const told = (value: Json | undefined): string => {
  if (value === undefined) return "unclear";
  return value === null
    ? "null"
    : `${typeName(value)} ${value instanceof JsonNumber ? value.text : String(value)}`;
};

const refusal = (text: string): string => {
  const result = readYaml(text);
  return result.ok ? "accepted" : (result.errors[0]?.message ?? "");
};

/** Pieces of which YAML is made, rows in several columns among them. */
const piece = fc.constantFrom(
  ..."a|b|key|x y|10|1.50|~|true|- |-|: |:|:\n|, |,|[|]|{|}|'|\"|''|\\n|\\|#| #|# c\n|\n|\n  |\n    |\n- |\n  - |\n      |  |\t|---\n|...|>|: |\n  |: >-\n  |&a|*a|!t|%|@|`|?|? |<<|é|\u00a0|\u2028|a: 1\n|b: [x, y]\n|- a: b\n|c:\n|  d: e\n|  - f\n|\r\n|\r|- -5"
    .split("|")
    .concat("|", ": |\n  ", "|-\n    "),
);

interface Style {
  readonly flow: boolean;
  readonly quote: "" | "'" | '"';
  readonly gap: string;
}
const style = fc.record<Style>({
  flow: fc.boolean(),
  quote: fc.constantFrom("", "'", '"'),
  gap: fc.constantFrom("\n", "\n# note\n", "\n\n", " # note\n"),
});
const word = fc.stringMatching(/^[a-z][a-z0-9_.*/$-]{0,6}( [a-z0-9#:]{1,3})?$/);
const tree = fc.letrec((tie) => ({
  node: fc.oneof({ maxDepth: 4 }, word, tie("list"), tie("object")),
  list: fc.array(tie("node"), { minLength: 1, maxLength: 4 }),
  object: fc.dictionary(word, tie("node"), { minKeys: 1, maxKeys: 4 }),
})).object;

const quoted = (text: string, quote: Style["quote"]): string =>
  quote === "" && !/[:#*]/.test(text) ? text : quote === "'" ? `'${text}'` : JSON.stringify(text);

/** The tree as YAML, in block style down to where the styles say flow. */
function written(value: unknown, styles: readonly Style[], column: number): string {
  const [{ flow, quote, gap } = { flow: true, quote: '"', gap: "\n" } as const, ...rest] = styles;
  if (typeof value === "string") return ` ${quoted(value, quote)}${gap}`;
  if (flow && column > 0) return ` ${inBrackets(value, quote)}${gap}`;
  const pad = " ".repeat(column);
  const rows = Array.isArray(value)
    ? value.map((item) => `${pad}-${written(item, rest, column + 2)}`)
    : Object.entries(value as object).map(
        ([key, item]) => `${pad}${quoted(key, quote)}:${written(item, rest, column + 2)}`,
      );
  return `${column > 0 ? gap : ""}${rows.join("")}`;
}

function inBrackets(value: unknown, quote: Style["quote"]): string {
  if (typeof value === "string") return quoted(value, quote);
  if (Array.isArray(value)) return `[${value.map((item) => inBrackets(item, quote)).join(", ")}]`;
  const members = Object.entries(value as object).map(
    ([key, item]) => `${quoted(key, quote)}: ${inBrackets(item, quote)}`,
  );
  return `{ ${members.join(", ")} }`;
}

describe("the YAML reader", () => {
  const refused: Record<string, [string, string]> = {
    "an anchor": ["a: &x 1", 'line 1: a value cannot begin with "&"'],
    "an alias": ["b: 1\na: *x", 'line 2: a value cannot begin with "*"'],
    "a tag": ["a: !!js/function x", 'line 1: a value cannot begin with "!"'],
    "a merge key": ["a:\n  <<: { b: 1 }", "line 2: merge keys (<<) are not taken: write the members out"],
    "a duplicate key": ["a: 1\n# note\na: 2", 'line 3: duplicate key "a"'],
    "a duplicate key in braces": ['{ "a": 1, a: 2 }', 'line 1: duplicate key "a"'],
    "a second document": ["a: 1\n---\nb: 2", "line 2: a second document begins"],
    "a directive": ["%YAML 1.1\n---\na: 1", 'line 1: a value cannot begin with "%"'],
    "a complex key": ["? a\n: 1", 'line 1: a value cannot begin with "?"'],
    "a tab in the indentation": ["a:\n\tb: 1", "line 2: a tab: indent with spaces"],
    "a plain text over two rows": [
      "a: b\n  c",
      "line 2: this row stands in no column that continues what is above",
    ],
    "brackets that do not end": ["a: [1,\n", "line 2: a list or object in brackets does not end"],
    "quotes that do not end": ["a: 'b\n", "line 1: a text in quotes ends on the row on which it begins"],
    "deep nesting": ["- ".repeat(40), "line 1: nested deeper than 16"],
    "deep brackets": ["[".repeat(100_000), "line 1: nested deeper than 16"],
    "a lone surrogate": ['a: "\\ud800"', "line 1: a lone surrogate"],
    "a control character": ["a: \0", "a character that YAML does not take"],
    nothing: ["# note\n", "line 2: there is no YAML value here"],
    "more than 256 KiB": [`a: ${"x".repeat(262_144)}`, "a policy has at most 256 KiB"],
  };
  for (const [what, [text, message]] of Object.entries(refused)) {
    it(`refuses ${what}, and says on which line`, () => expect(refusal(text)).toBe(message));
  }

  test.each([
    ["10", "number 10"],
    ["1.50", "number 1.50"],
    ["12345678901234567890", "number 12345678901234567890"],
    ["-1e3", "number -1e3"],
    ["0x10", "unclear"],
    ["0o17", "unclear"],
    ["017", "unclear"],
    ["1_000", "unclear"],
    ["+1", "unclear"],
    [".5", "unclear"],
    ["1.", "unclear"],
    [".inf", "unclear"],
    [".NaN", "unclear"],
    ["2026-01-01", "unclear"],
    ["'10'", "string 10"],
    ["10.0.0.1", "string 10.0.0.1"],
    ["5/hour", "string 5/hour"],
    ["yes", "string yes"],
    ["True", "boolean true"],
    ["~", "null"],
    ["", "null"],
  ])("takes %s for %s", (written, kind) => {
    const root = read(`a: ${written}`);
    const value = root.kind === "mapping" ? root.members[0]?.value : undefined;
    expect(value?.kind === "scalar" && told(value.value)).toBe(kind);
  });

  it("reads texts in blocks", () => {
    const text = "a: |\n  one\n\n    two\nb: >-\n  one\n  two\n\n  three\nc: |-\n  x";
    expect(texts(read(text))).toEqual({ a: "one\n\n  two\n", b: "one two\nthree", c: "x" });
    expect(load(text, { schema: FAILSAFE_SCHEMA })).toEqual(texts(read(text)));
  });

  it("reads long runs of anything in a moment", () => {
    const run = (text: string) => text.repeat(200_000);
    const texts = [
      `a: b${run(" ")}c`,
      `a: >\n x${run("\n")} y`,
      `a: |\n x${run("\n")} y`,
      `a: [${run(" ")}b]`,
    ];
    const hostile = [
      ...texts,
      `a: '${run("'")}`,
      `a: [${run("b,")}`,
      `a: {${run("\n")}`,
      run("a:"),
      run("- "),
    ];
    const start = performance.now();
    for (const text of hostile) readYaml(text);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it("keeps the line of every value", () => {
    const root = read("# note\na:\n  - b: 1\n    c: [x,\n      y]\n");
    const lines: number[] = [];
    const walk = (node: Node): void => {
      if (node.kind === "scalar") lines.push(node.line);
      if (node.kind === "sequence") node.items.forEach(walk);
      if (node.kind === "mapping") for (const { value } of node.members) walk(value);
    };
    walk(root);
    expect(lines).toEqual([3, 4, 5]);
  });

  it("reads what js-yaml reads, however it is laid out", () => {
    const layout = fc.tuple(tree, fc.array(style, { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(layout, ([value, styles]) => {
        const text = written(value, styles, 0);
        expect(texts(read(text)), text).toEqual(value);
        expect(load(text, { schema: FAILSAFE_SCHEMA }), text).toEqual(value);
      }),
      { numRuns: 2_000 },
    );
  });

  it("accepts no text that js-yaml refuses or reads differently", () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        const result = readYaml(text);
        if (!result.ok) return;
        accepted++;
        expect(texts(result.root), JSON.stringify(text)).toEqual(load(text, { schema: FAILSAFE_SCHEMA }));
      }),
      { numRuns: 60_000 },
    );
    expect(accepted).toBeGreaterThan(1_000);
  });
});
