import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJson } from "../../src/json/read.ts";
import { fromPlain, JsonNumber, toPlain, typeName } from "../../src/json/value.ts";
import { canonicalJson, compactJson, compareCodePoints } from "../../src/json/write.ts";

const canonical = (text: string): string => {
  const read = readJson(text);
  if (!read.ok) throw new Error(read.problem);
  return canonicalJson(read.value);
};

describe("the canonical text", () => {
  test("has keys by code point and numbers by value", () => {
    expect(canonical('{ "b":1e3, "a":[1000.0, 1000, -0, 0.10], "\u{1f600}":1, "\uff5e":2 }')).toBe(
      '{"a":[1e3,1e3,0,1e-1],"b":1e3,"\uff5e":2,"\u{1f600}":1}',
    );
  });

  test("does not depend on key order, white space or escapes", () => {
    expect(canonical('{"a":{"x":1,"y":[]},"b":"\\u0041\\/"}')).toBe(
      canonical(' {"b":"A/","a":{"y":[ ],"x":1.0}}'),
    );
  });

  test.each([
    ['["1"]', "[1]"],
    ["[1,2]", "[2,1]"],
    ['{"a":null}', "{}"],
    ["[9007199254740993]", "[9007199254740992]"],
    ["[1e400]", "[1e401]"],
    ["[[1],2]", "[[1,2]]"],
    ['["a","b"]', '["a\\",\\"b"]'],
  ])("tells %s from %s", (one, other) => {
    expect(canonical(one)).not.toBe(canonical(other));
  });
});

test("strings are ordered by code point, as UTF-8 bytes are", () => {
  const utf8Order = (a: string, b: string): number => {
    const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
    const at = left.findIndex((byte, index) => byte !== right[index]);
    return at < 0 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
  };
  const text = fc.string({
    unit: fc.constantFrom("a", "z", "\u00e9", "\ud7ff", "\ue000", "\uff5e", "\u{10000}", "\u{1f600}"),
    maxLength: 4,
  });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(utf8Order(a, b)));
    }),
    { numRuns: 2_000 },
  );
});

test("a plain value and its tree are one", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain = JSON.parse(JSON.stringify(value));
      expect(toPlain(fromPlain(plain))).toEqual(plain);
      expect(compactJson(fromPlain(plain))).toBe(JSON.stringify(plain));
    }),
  );
});

test("what JSON cannot say is a bug, not a value", () => {
  for (const value of [
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    () => 1,
    new Date(0),
    new Map(),
    [undefined],
  ]) {
    expect(() => fromPlain(value)).toThrow(TypeError);
  }
  expect(compactJson(fromPlain({ a: undefined, b: 1 }))).toBe('{"b":1}');
});

test("every value has JSON's own type name", () => {
  const values = [null, true, "a", new JsonNumber("1"), [], new Map()];
  expect(values.map(typeName)).toEqual(["null", "boolean", "string", "number", "array", "object"]);
});
