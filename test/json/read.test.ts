import { expect, test } from "vitest";
import { readJson } from "../../src/json/read.ts";
import { compactJson } from "../../src/json/write.ts";

test("numbers arrive as they were written", () => {
  const text = '{"a":9007199254740993,"b":1.0,"c":1e400,"d":-0}';
  const read = readJson(text);
  expect(read.ok && compactJson(read.value)).toBe(text);
});
