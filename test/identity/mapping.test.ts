import { describe, expect, it } from "vitest";
import type { PolicyId, ServerId } from "../../src/id.ts";
import { type ClaimTest, fingerprintOf, type MappingRule, mapClaims } from "../../src/identity/mapping.ts";

const server = (name: string) => `srv_${name}` as ServerId;
const policy = (name: string) => `pol_${name}` as PolicyId;

const rule = (when: ClaimTest | null, change: Partial<MappingRule> = {}): MappingRule => ({
  when,
  servers: [],
  tags: [],
  role: null,
  approver: false,
  auditor: false,
  ...change,
});
const mapped = (rules: MappingRule[], claims: object = {}, label = "sub") =>
  mapClaims({ label, rules }, "alice", { sub: "alice", ...claims });
const holds = (when: ClaimTest, claims: object) =>
  mapped([rule(when, { tags: ["yes"] })], claims).tags.length > 0;

describe("a rule holds", () => {
  it.each<[string, ClaimTest, object]>([
    ["where the claim is that text", { claim: "dept", equals: "ops" }, { dept: "ops" }],
    ["where it is that number", { claim: "level", equals: 3 }, { level: 3 }],
    ["where it is that truth", { claim: "email_verified", equals: true }, { email_verified: true }],
    ["where a list has the text", { claim: "groups", contains: "eng" }, { groups: ["ops", "eng"] }],
    ["where a text has the word", { claim: "scope", contains: "mcp:call" }, { scope: "openid mcp:call" }],
    ["at a pointer", { claim: "/realm_access/roles", contains: "x" }, { realm_access: { roles: ["x"] } }],
    ["at an escaped pointer", { claim: "/a~1b/c~0d", equals: "x" }, { "a/b": { "c~d": "x" } }],
    [
      "at a name with slashes",
      { claim: "https://x.example/g", contains: "y" },
      { "https://x.example/g": ["y"] },
    ],
  ])("%s", (_, when, claims) => {
    expect(holds(when, claims)).toBe(true);
  });

  it.each<[string, ClaimTest, object]>([
    ["where the claim is missing", { claim: "dept", equals: "ops" }, {}],
    ["by another case", { claim: "dept", equals: "ops" }, { dept: "Ops" }],
    ["where text looks like the number", { claim: "level", equals: 3 }, { level: "3" }],
    [
      "where text looks like the truth",
      { claim: "email_verified", equals: true },
      { email_verified: "true" },
    ],
    ["where a list is asked for one text", { claim: "groups", equals: "eng" }, { groups: ["eng"] }],
    ["by a part of an item", { claim: "groups", contains: "eng" }, { groups: ["engineering"] }],
    ["by a part of a word", { claim: "scope", contains: "call" }, { scope: "mcp:call" }],
    ["where an item only holds the text", { claim: "groups", contains: "eng" }, { groups: [["eng"]] }],
    ["where the claim is an object", { claim: "groups", contains: "eng" }, { groups: { eng: true } }],
    ["by what every object has", { claim: "toString", equals: "x" }, {}],
    ["by a pointer into a prototype", { claim: "/constructor/name", equals: "Object" }, {}],
    ["by a pointer through a text", { claim: "/dept/length", equals: 3 }, { dept: "ops" }],
  ])("not %s", (_, when, claims) => {
    expect(holds(when, claims)).toBe(false);
  });
});

it("every rule that holds adds to what a token opens, and the first says what of a server and a role", () => {
  const rules = [
    rule({ claim: "dept", equals: "none" }, { tags: ["never"], role: "admin" }),
    rule(null, { servers: [{ server: server("a"), policy: policy("first") }], tags: ["all"] }),
    rule(
      { claim: "dept", equals: "ops" },
      {
        servers: [
          { server: server("a"), policy: null },
          { server: server("b"), policy: null },
        ],
        tags: ["all", "ops"],
        role: "viewer",
        approver: true,
      },
    ),
    rule(null, { role: "admin" }),
  ];
  expect(mapped(rules, { dept: "ops" })).toEqual({
    label: "alice",
    servers: [
      { server: server("a"), policy: policy("first") },
      { server: server("b"), policy: null },
    ],
    tags: ["all", "ops"],
    role: "viewer",
    approver: true,
    auditor: false,
  });
});

it("a label is one short line, and the subject where its claim is none", () => {
  const labelled = (name: unknown) => mapped([], { name }, "name").label;
  expect(labelled("Alice  Example")).toBe("Alice Example");
  expect(labelled("a\u202eb\nc\u0000d")).toBe("a b c d");
  expect(labelled("x".repeat(500))).toBe("x".repeat(100));
  for (const none of [undefined, "", " \u200b", 7, ["Alice"], { name: "Alice" }])
    expect(labelled(none)).toBe("alice");
});

it("two mappings have one fingerprint only where they open the same", () => {
  const base = {
    label: "a",
    servers: [],
    tags: ["a", "b"],
    role: null,
    approver: false,
    auditor: false,
  } as const;
  const others = [
    { ...base, label: "b" },
    { ...base, tags: ["a,b"] },
    { ...base, tags: ["b", "a"] },
    { ...base, role: "viewer" as const },
    { ...base, auditor: true },
    { ...base, approver: true },
    { ...base, servers: [{ server: server("a"), policy: null }] },
    { ...base, servers: [{ server: server("a"), policy: policy("a") }] },
  ];
  expect(fingerprintOf({ ...base })).toBe(fingerprintOf(base));
  expect(new Set([base, ...others].map(fingerprintOf)).size).toBe(others.length + 1);
});
