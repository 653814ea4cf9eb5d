import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Caps, messageCaps, readJson } from "../../src/json/read.ts";
import { toPlain } from "../../src/json/value.ts";
import { compactJson } from "../../src/json/write.ts";

const problemOf = (text: string, caps?: Caps): string => {
  const read = readJson(text, caps);
  return read.ok ? "accepted" : read.problem;
};

test("numbers arrive as they were written", () => {
  const text = '{"a":9007199254740993,"b":1.0,"c":1e400,"d":-0,"e":1E+2,"f":0.1e-7}';
  const read = readJson(text);
  expect(read.ok && compactJson(read.value)).toBe(text);
});

test("keys keep their order, integers among them, and none reaches a prototype", () => {
  const text = '{"b":1,"2":2,"a":3,"1":4,"__proto__":{"x":5},"constructor":6}';
  const read = readJson(text);
  expect(read.ok && compactJson(read.value)).toBe(text);
  const plain = read.ok ? toPlain(read.value) : null;
  expect(Object.getPrototypeOf(plain)).toBe(Object.prototype);
  expect(Object.keys(plain ?? {})).toContain("__proto__");
});

describe("what two parsers could read differently is refused", () => {
  test.each([
    ['{"a":1,"a":1}', 'duplicate key "a"'],
    ['{"a":1,"\\u0061":1}', 'duplicate key "a"'],
    ['{"a\\u0000":1}', "a NUL inside a key"],
    ['"\\ud800"', "a lone surrogate"],
    ['"\\udc00"', "a lone surrogate"],
    ['"\\ud800\\ud800"', "a lone surrogate"],
    ['"\\ud800x"', "a lone surrogate"],
    ['"\ud800"', "a lone surrogate"],
    ['"\udc00"', "a lone surrogate"],
    ['"\ud800\\udc00"', "a lone surrogate"],
    ["\ufeff1", "a byte-order mark is not allowed"],
    ["1 1", "there is more text after the JSON value"],
    ['"a\nb"', "a control character inside a string"],
    ['"a', "the text ends inside a string"],
    ['"\\', "not a JSON escape"],
    ['"\\x41"', "not a JSON escape"],
    ['"\\u12g4"', "not a JSON escape"],
    ["'a'", "not a JSON value"],
    ["nul", "not a JSON value"],
    ["+1", "not a JSON value"],
    [".5", "not a JSON value"],
    ["-", "not a JSON value"],
    ["01", "there is more text after the JSON value"],
    ["1.", "there is more text after the JSON value"],
    ["0x1", "there is more text after the JSON value"],
    ["[1,]", "not a JSON value"],
    ["[1 2]", "expected , or ]"],
    ['{"a":1,}', "expected a key in double quotes"],
    ["{a:1}", "expected a key in double quotes"],
    ['{"a" 1}', "expected :"],
    ['{"a":1;}', "expected , or }"],
    ["\u00a01", "not a JSON value"],
    ["", "the text ends where a value is expected"],
  ])("%j: %s", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test("the place is an offset and a pointer", () => {
    expect(readJson('{"a/b":[0,{"~":tru}]}')).toEqual({
      ok: false,
      problem: "not a JSON value",
      offset: 15,
      pointer: "/a~1b/1/~0",
    });
  });

  test("a duplicate is told where its object is, with no more of the key than is needed", () => {
    const key = "k".repeat(10_000);
    expect(readJson(`{"o":{"${key}":1,"${key}":2}}`)).toMatchObject({
      problem: `duplicate key "${"k".repeat(64)}"`,
      pointer: "/o",
    });
  });
});

describe("the caps", () => {
  const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

  test("hold for depth, at once and without a stack overflow", () => {
    expect(problemOf(nested(64))).toBe("accepted");
    expect(problemOf(nested(65))).toBe("nested deeper than 64");
    expect(problemOf("[".repeat(1_000_000))).toBe("nested deeper than 64");
    expect(problemOf('{"a":'.repeat(100_000))).toBe("nested deeper than 64");
  });

  test("hold for keys and elements together", () => {
    const caps = { ...messageCaps, membersMax: 4 };
    expect(problemOf('{"a":[1,2],"b":3}', caps)).toBe("accepted");
    expect(problemOf('{"a":[1,2],"b":[3]}', caps)).toBe("more than 4 keys and elements");
  });

  test("hold for strings and keys, however they are spelt", () => {
    const caps = { ...messageCaps, stringMax: 4 };
    expect(problemOf('"abcd"', caps)).toBe("accepted");
    expect(problemOf('"\\u0061\\n\\u0062\\t"', caps)).toBe("accepted");
    expect(problemOf('"abcde"', caps)).toBe("a string longer than 4");
    expect(problemOf('"\\u0061\\u0061\\u0061\\u0061\\u0061"', caps)).toBe("a string longer than 4");
    expect(problemOf('{"abcde":1}', caps)).toBe("a string longer than 4");
  });
});

test("what is accepted is what JSON.parse reads, and its compact text is what JSON.stringify writes", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), fc.nat(3), (value, indent) => {
      const text = JSON.stringify(value);
      const read = readJson(JSON.stringify(value, null, indent));
      if (!read.ok) {
        // The two things that JSON.stringify writes and this reader does not take.
        expect(read.problem).toMatch(/^(?:a lone surrogate|a NUL inside a key)$/);
        return;
      }
      accepted++;
      expect(toPlain(read.value)).toEqual(JSON.parse(text));
      expect(compactJson(read.value)).toBe(text);
    }),
    { numRuns: 2_000 },
  );
  expect(accepted).toBeGreaterThan(500);
});

test("what JSON.parse refuses is refused", () => {
  const noise = fc.array(fc.constantFrom(...'{}[]:,"\\u0aef19.-+eE tn\n\t\x01'), { maxLength: 12 });
  fc.assert(
    fc.property(noise, (characters) => {
      const text = characters.join("");
      if (!readJson(text).ok) return;
      expect(() => JSON.parse(text)).not.toThrow();
    }),
    { numRuns: 20_000 },
  );
});
