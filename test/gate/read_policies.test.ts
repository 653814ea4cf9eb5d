import { expect, test } from "vitest";
import { ReadPolicies } from "../../src/gate/read_policies.ts";

const text = (tool: string, spaces = 0): string =>
  JSON.stringify({ version: "1", default: "deny", tools: { [tool]: {} } }) + " ".repeat(spaces);
const read = (policies: ReadPolicies, of: string) => {
  const result = policies.read(of);
  if (!result.ok) throw new Error(result.errors[0]?.message);
  return result.policy;
};

test("a document is read once for all gates that judge by it, and another one is another policy", () => {
  const policies = new ReadPolicies();
  const first = read(policies, text("pay"));
  expect(read(policies, text("pay"))).toBe(first);
  expect(read(policies, text("send"))).not.toBe(first);
  expect(Object.keys(read(policies, text("pay")).rules)).toEqual(Object.keys(first.rules));
});

test("what is used stays, and what is not used is forgotten before it fills the memory", () => {
  const policies = new ReadPolicies();
  const used = read(policies, text("used"));
  const unused = read(policies, text("unused"));
  for (let i = 0; i < 20; i++) {
    read(policies, text(`tool_${i}`, 100_000));
    expect(read(policies, text("used"))).toBe(used);
  }
  expect(read(policies, text("unused"))).not.toBe(unused);
});

test("a document that cannot be read is refused every time", () => {
  const policies = new ReadPolicies();
  for (let i = 0; i < 2; i++) expect(policies.read('{"version":"9"}')).toMatchObject({ ok: false });
});
