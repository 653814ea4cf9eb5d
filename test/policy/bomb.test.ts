import { expect, test } from "vitest";
import { compileGlob, matchesGlob } from "../../src/policy/glob.ts";
import { compileRegex } from "../../src/policy/regex.ts";
import { judge, onPay, policy } from "./judge.ts";

/** Milliseconds of some work. This runtime's clock stands still inside a turn, so a turn ends on either side. */
async function elapsed(work: () => void): Promise<number> {
  await scheduler.wait(1);
  const started = Date.now();
  work();
  await scheduler.wait(1);
  return Date.now() - started;
}

const patterns = [
  "(a+)+$",
  "(a|a)*b",
  "(a|aa)+$",
  "(.*a){12}$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "a*a*a*a*a*b",
  "(a?){64}a{64}",
  "(x+x+)+y",
  "([a-zA-Z]+)*$",
  "^(a|b|ab)*c$",
];

test.each(patterns)("%s is judged in a moment on 64 KiB, or denies", async (pattern) => {
  const compiled = policy(
    onPay({ deny_if: [{ conditions: [{ path: "args.text", op: "regex", value: pattern }] }] }),
  );
  for (const size of [1_024, 65_536]) {
    const args = JSON.stringify({ text: `${"a".repeat(size)}!` });
    const ms = await elapsed(() => {
      const decision = judge(null, { server: compiled, args });
      if (decision.errors.length > 0) expect(decision.effect).toBe("deny");
    });
    expect(ms).toBeLessThan(400);
  }
});

test.each(patterns)("%s takes no more than linear time", async (pattern) => {
  const regex = compileRegex(pattern);
  if ("mistake" in regex) throw new Error(regex.mistake);
  const on = (size: number) => {
    const text = `${"a".repeat(size)}!`;
    return elapsed(() => {
      for (let round = 0; round < 20; round++) regex.test(text);
    });
  };
  await on(4_096);
  const [once, fourTimes] = [await on(4_096), await on(16_384)];
  expect(fourTimes).toBeLessThan(10 * once + 100);
});

test("a pattern is tried up to a million of program size times input, and no further", () => {
  const rule = onPay({
    deny_if: [{ conditions: [{ path: "args.text", op: "regex", value: "(x{100}){2}" }] }],
  });
  const asked = (length: number) => judge(rule, { args: JSON.stringify({ text: "a".repeat(length) }) });
  expect(asked(1_000).effect).toBe("allow");
  expect(asked(65_536)).toMatchObject({
    effect: "deny",
    reason: 'cannot evaluate args.text regex "(x{100}){2}": the text is too long for this pattern',
  });
});

test("a glob of stars walks its text once", async () => {
  const glob = compileGlob("*a".repeat(100), false);
  const text = `${"a".repeat(20_000)}b`;
  expect(await elapsed(() => expect(matchesGlob(glob, text)).toBe(false))).toBeLessThan(2_000);
});

test("of 2,000 rules one is found quickly", async () => {
  const tools = Object.fromEntries(
    Array.from({ length: 1_999 }, (_, index) => [
      `tool_${index}_*`,
      { limits: [{ counter: `c${index}`, window: "hour", max: 1 }] },
    ]),
  );
  const compiled = policy({ version: "1", default: "deny", tools: { ...tools, "p*": {} } });
  const ms = await elapsed(() => {
    for (let call = 0; call < 100; call++) judge(null, { server: compiled });
  });
  expect(ms).toBeLessThan(500);
});
