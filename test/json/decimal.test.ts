import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalNumber, compareDecimals, type Decimal, decimal, scaled } from "../../src/json/decimal.ts";

const of = (text: string): Decimal => {
  const value = decimal(text);
  if (!value) throw new Error(`no decimal: ${text}`);
  return value;
};

describe("a decimal", () => {
  test.each([
    ["1e3", { digits: 1n, exponent: 3 }],
    ["1000.00", { digits: 1n, exponent: 3 }],
    ["-0", { digits: 0n, exponent: 0 }],
    ["0e400", { digits: 0n, exponent: 0 }],
    ["-12.50", { digits: -125n, exponent: -1 }],
    ["9007199254740993", { digits: 9007199254740993n, exponent: 0 }],
    ["1E+2", { digits: 1n, exponent: 2 }],
  ])("%s has one value", (text, value) => {
    expect(decimal(text)).toEqual(value);
  });

  test.each([
    ["1e401"],
    ["1e-401"],
    [`1e${"9".repeat(400)}`],
    ["1".repeat(65)],
    [`0.${"0".repeat(64)}`],
    ["abc"],
    [""],
    [" 1"],
    ["0x1"],
    ["Infinity"],
  ])("%s has none", (text) => {
    expect(decimal(text)).toBeNull();
  });

  test("has its caps where the language puts them", () => {
    expect(decimal("1e400")).toEqual({ digits: 1n, exponent: 400 });
    expect(decimal("1e-400")).toEqual({ digits: 1n, exponent: -400 });
    expect(decimal("7".repeat(64))).toEqual({ digits: BigInt("7".repeat(64)), exponent: 0 });
  });
});

const parts = fc.record({
  sign: fc.constantFrom("", "-"),
  whole: fc.oneof(fc.constant("0"), fc.stringMatching(/^[1-9][0-9]{0,18}$/)),
  fraction: fc.oneof(fc.constant(""), fc.stringMatching(/^\.[0-9]{1,12}$/)),
  exponent: fc.oneof(
    fc.constant(""),
    fc.integer({ min: -30, max: 30 }).map((e) => `e${e}`),
  ),
});
const numberText = parts.map(({ sign, whole, fraction, exponent }) => sign + whole + fraction + exponent);

/** The value times 10^60, worked out digit by digit: exact for everything that `numberText` makes. */
function oracle(text: string): bigint {
  const [mantissa = "", exponent = "0"] = text.replace("-", text.startsWith("-") ? "" : "-").split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const shift = 60 - fraction.length + Number(exponent);
  return BigInt(whole + fraction) * 10n ** BigInt(shift) * (text.startsWith("-") ? -1n : 1n);
}

test("comparing is exact", () => {
  fc.assert(
    fc.property(numberText, numberText, (a, b) => {
      const [left, right] = [oracle(a), oracle(b)];
      const expected = left < right ? -1 : left > right ? 1 : 0;
      expect(compareDecimals(of(a), of(b))).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});

test("equal numbers, and only they, have one canonical text, which has their value", () => {
  fc.assert(
    fc.property(numberText, numberText, (a, b) => {
      expect(canonicalNumber(a) === canonicalNumber(b)).toBe(oracle(a) === oracle(b));
      expect(compareDecimals(of(canonicalNumber(a)), of(a))).toBe(0);
    }),
    { numRuns: 2_000 },
  );
});

test("scaling is exact, or says that it cannot be", () => {
  expect(scaled(of("1.5"), 6)).toBe(1_500_000n);
  expect(scaled(of("1e3"), 6)).toBe(1_000_000_000n);
  expect(scaled(of("0.000001"), 6)).toBe(1n);
  expect(scaled(of("0.0000001"), 6)).toBeNull();
  expect(scaled(of("1.0000000"), 6)).toBe(1_000_000n);
  expect(scaled(of("-2"), 6)).toBe(-2_000_000n);
});
