import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bombs } from "../../scripts/bench/bomb-list.ts";
import { readPolicy } from "../../src/policy/document.ts";
import { compileGlob, matchesGlob } from "../../src/policy/glob.ts";
import { judge, onPay, policy } from "./judge.ts";

// How long any of it takes is measured by `npm run bench:bombs` and `bomb_deep.ts`: a clock here would fail on a busy machine.

const cap = (path: string, op: string, value: unknown) => ({ conditions: [{ path, op, value }] });
const errors = (text: string) => {
  const read = readPolicy(text);
  return read.ok ? [] : read.errors.map(({ pointer, message }) => [pointer, message]);
};

describe("a bomb", () => {
  test("of any kind is judged, or denied with its reason, and never breaks the judging", () => {
    expect(bombs.length).toBeGreaterThan(200);
    for (const { name, document, tool, args } of bombs) {
      const server = policy(document);
      const tools = new Map([[tool, { category: "Write", risk: "high" }]]);
      for (const size of [1_024, 65_536]) {
        const { effect, rule, reason, errors } = judge(null, { server, name: tool, tools, args: args(size) });
        const told = errors.length === 0 || (effect === "deny" && reason !== "");
        expect([name, size, rule === "(error)", told]).toEqual([name, size, false, true]);
      }
    }
  }, 120_000);

  test("of a pattern is tried up to a million of program size times input, and no further", () => {
    const rule = onPay({ deny_if: [cap("args.text", "regex", "(x{100}){2}")] });
    const asked = (length: number) => judge(rule, { args: JSON.stringify({ text: "a".repeat(length) }) });
    expect(asked(1_000).effect).toBe("allow");
    expect(asked(65_536)).toMatchObject({
      effect: "deny",
      reason: 'cannot evaluate args.text regex "(x{100}){2}": the text is too long for this pattern',
    });
  });

  test("of thousands of cheap comparisons denies once they are too much work together", () => {
    const rule = (groups: number) =>
      onPay({
        deny_if: Array.from({ length: groups }, (_, i) => cap("args.list[*]", "eq", `b${i}`)),
      });
    const args = JSON.stringify({ list: Array.from({ length: 8_000 }, () => "a") });
    expect(judge(rule(30), { args })).toMatchObject({ effect: "allow", errors: [] });
    expect(judge(rule(100), { args })).toMatchObject({
      effect: "deny",
      reason: expect.stringMatching(/^cannot evaluate .*: the call is more work than a decision may be$/),
    });
  });

  test("of many inner calls under many globs denies them all", () => {
    const globs = Array.from({ length: 1_500 }, (_, i) => [`${"*a".repeat(60)}${i}*`, {}]);
    const nested = { each: "args.steps[*]", tool: "tool", arguments: "params" };
    const server = policy({
      version: "1",
      default: "allow",
      tools: { ...Object.fromEntries(globs), batch: { nested } },
    });
    const names = Array.from({ length: 100 }, (_, i) => `${"a".repeat(120)}${i}`);
    const tools = new Map([...names, "batch"].map((name) => [name, { category: "Write", risk: "low" }]));
    const asked = (count: number) => {
      const args = JSON.stringify({ steps: names.slice(0, count).map((tool) => ({ tool })) });
      return judge(null, { server, tools, name: "batch", args });
    };
    expect(asked(1).effect).toBe("allow");
    expect(asked(100).reason).toMatch(/^Denied by rule \/tools\/batch\/nested\//);
    expect(asked(100).errors[0]).toContain("the call is more work than a decision may be");
  });
});

describe("a hostile document", () => {
  const inTools = (text: string) => `{"version":"1","default":"deny","tools":{${text}}}`;
  const asking = (value: string) =>
    inTools(`"pay":{"require":[{"conditions":[{"path":"args.a","op":"eq","value":${value}}]}]}`);
  const limit = (window: string, max: string) =>
    inTools(`"pay":{"limits":[{"counter":"c","window":${window},"max":${max}}]}`);

  test.each<[string, string, string, string]>([
    [
      "a lone surrogate",
      '{"version":"1","default":"deny","description":"\\ud800"}',
      "/description",
      "a lone surrogate (line 1, column 54)",
    ],
    ["a NUL in a key", inTools('"a\\u0000":{}'), "/tools", "a NUL inside a key (line 1, column 51)"],
    [
      "prototypes deep inside",
      inTools('"pay":{"arguments":{"const":{"__proto__":1}}}'),
      "/tools/pay/arguments/const/__proto__",
      "this key is not allowed",
    ],
    [
      "a number past every bound",
      asking("1e999999999"),
      "/tools/pay/require/0/conditions/0/value",
      "eq: a number of more than 64 digits or an exponent beyond ±400",
    ],
    ["a limit of 10^400", limit('"day"', "1e400"), "/tools/pay/limits/0/max", "the number is too large"],
    [
      "a window of 10^400 seconds",
      limit("1e400", "1"),
      "/tools/pay/limits/0/window",
      "expected one of second, minute, hour, day, week, month, or whole seconds from 1 to 2678400",
    ],
    [
      "levels without end",
      "[".repeat(100_000),
      "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0",
      "nested deeper than 16 (line 1, column 17)",
    ],
  ])("of %s is refused where it is wrong", (_, text, pointer, message) => {
    expect(errors(text)).toContainEqual([pointer, message]);
  });

  test("of 2,000 tools or 256 KiB is taken, and one more is not", () => {
    const tools = (count: number) => inTools(Array.from({ length: count }, (_, i) => `"t${i}":{}`).join(","));
    expect([errors(tools(2_000)), errors(tools(2_001))]).toEqual([[], [["/tools", "more than 2000 keys"]]]);
    const padded = (size: number) => {
      const text = inTools("");
      return text + " ".repeat(size - text.length);
    };
    expect([errors(padded(262_144)), errors(padded(262_145))]).toEqual([
      [],
      [["", "a policy has at most 256 KiB"]],
    ]);
  });

  test.each(["constructor", "toString", "hasOwnProperty", "valueOf"])(
    "with the key %s means that name and nothing that JavaScript has under it",
    (name) => {
      const tools = new Map([[name, { category: "Write", risk: "low" }]]);
      const asked = (document: unknown, args: string) => judge(document, { name, tools, args });
      const closed = { version: "1", default: "deny" };
      expect(asked({ ...closed, tools: { pay: {} } }, "{}").rule).toBe("(default deny)");
      const rule = { require: [cap(`args.${name}`, "exists", false)] };
      const document = { ...closed, tools: { [name]: rule } };
      expect(asked(document, "{}").effect).toBe("allow");
      expect(asked(document, `{"${name}":1}`).effect).toBe("deny");
    },
  );
});

/** A glob read by its definition: each star tries every length. */
function matchesPlainly(pattern: readonly string[], text: readonly string[], crosses: boolean): boolean {
  const [token, ...rest] = pattern;
  const [first, ...others] = text;
  if (token === undefined) return first === undefined;
  if (token === "*") {
    const longer = first !== undefined && (crosses || first !== "/");
    return matchesPlainly(rest, text, crosses) || (longer && matchesPlainly(pattern, others, crosses));
  }
  return first !== undefined && (token === "?" || token === first) && matchesPlainly(rest, others, crosses);
}

test("a glob matches what its definition says, however long it is", () => {
  const matched = { yes: 0, no: 0 };
  const letters = fc.array(fc.constantFrom("a", "b", "/", "\u{1f600}"), { maxLength: 7 });
  const tokens = fc.array(fc.constantFrom("a", "b", "/", "\u{1f600}", "*", "*", "?"), { maxLength: 7 });
  // A run of letters in front moves the rest into another word of bits.
  const offset = fc.constantFrom(0, 25, 30, 31, 32, 33, 62, 64);
  fc.assert(
    fc.property(tokens, letters, offset, fc.boolean(), (pattern, text, front, crosses) => {
      const run = "?".repeat(front);
      const found = matchesGlob(
        compileGlob(run + pattern.join(""), crosses),
        "x".repeat(front) + text.join(""),
      );
      expect(found).toBe(matchesPlainly(pattern, text, crosses));
      matched[found ? "yes" : "no"]++;
    }),
    { numRuns: 5_000 },
  );
  expect(Math.min(matched.yes, matched.no)).toBeGreaterThan(100);
}, 60_000);
