import fc from "fast-check";
import { expect, test } from "vitest";
import type { Finding } from "../../src/fault.ts";
import { readJson } from "../../src/json/read.ts";
import { compactJson } from "../../src/json/write.ts";
import { normalised, type Policy, readPolicy } from "../../src/policy/document.ts";
import { sizeOf } from "../support/size.ts";
import { judge } from "./judge.ts";

const { runs, seed, within } = sizeOf("DOCUMENT", 2_500);

const whole = {
  $schema: "https://example.com/policy.json",
  version: "1",
  description: "all of it",
  default: "deny",
  mode: "enforce",
  record: "values",
  hide: ["secret_*", "github/x"],
  all_tools: {
    require: [{ conditions: [{ path: "tool.risk", op: "neq", value: "critical" }] }],
    limits: [{ counter: "calls", window: "month", max: 1000, scope: "team", algorithm: "calendar" }],
  },
  tools: {
    pay: {
      action: "allow",
      reason: "r",
      require: [
        { conditions: [{ path: "args.to[*].iban", op: "regex", value: "^[A-Z]{2}" }], on_deny: "no" },
      ],
      deny_if: [{ conditions: [{ path: "args.amount", op: "gt", value: 100.5 }] }],
      approve_if: [
        { conditions: [{ path: "args.url", op: "host_in", value: ["*.example.com"] }], reason: "p" },
      ],
      approve: { approvers: "admin", expires: 60, quorum: 1, hold: 1 },
      limits: [{ counter: "sum", window: 3600, max: 9.5, increment_from: "args.amount" }],
      arguments: {
        type: "object",
        properties: { amount: { type: "number", minimum: 0 } },
        $defs: { a: true },
      },
      redact: ["args.to[*].iban"],
      record: "keys",
    },
    "git*/d?": { rate_limit: { max: 1, window: "hour" }, mode: "shadow" },
    batch: { nested: { each: "args.steps[*]", tool: "tool", arguments: "params", template: "<<" } },
  },
  resources: { "file:///srv/*": {} },
  prompts: { review: { action: "require_approval" } },
  methods: { "tasks/list": "allow" },
  requests: { sampling: "allow", elicitation: "deny", roots: "allow" },
};

const words = fc.constantFrom<unknown>(
  null,
  true,
  false,
  0,
  -1,
  1e308,
  0.1,
  "",
  "deny",
  "args.a[*]",
  "args.",
  "now.hour",
  "(",
  "*",
  "#",
  "#/a",
  "month",
  [],
  {},
  [[]],
  [null],
  { conditions: [] },
  { path: "args.a", op: "eq", value: 1 },
  { $ref: "#" },
  { conditions: 1 },
);
const keys = fc.constantFrom(
  "version",
  "default",
  "tools",
  "limits",
  "require",
  "deny_if",
  "arguments",
  "nested",
  "mode",
  "action",
  "value",
  "$ref",
  "items",
  "__proto__",
  "constructor",
  "toString",
  "",
);
const whereabouts = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });
const mutations = fc.array(
  fc.record({
    at: whereabouts,
    how: fc.constantFrom("replace", "remove", "add", "rename"),
    word: words,
    key: keys,
  }),
  { minLength: 1, maxLength: 4 },
);

type Mutation = { at: number[]; how: string; word: unknown; key: string };

/** Walks down by the numbers of `at`, and changes one member there. */
function mutate(value: unknown, { at, how, word, key }: Mutation): unknown {
  if (typeof value !== "object" || value === null) return word;
  const entries = Object.entries(value);
  const [first = 0, ...rest] = at;
  const chosen = entries[first % Math.max(1, entries.length)];
  if (!chosen) return word;
  const changed = entries.flatMap<[string, unknown]>(([name, member]) => {
    if (name !== chosen[0]) return [[name, member]];
    if (rest.length > 0) return [[name, mutate(member, { at: rest, how, word, key })]];
    if (how === "remove") return [];
    if (how === "rename") return [[key, member]];
    return how === "add"
      ? [
          [name, member],
          [key, word],
        ]
      : [[name, word]];
  });
  return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
}

/** Whether the place that a pointer names, or the one that holds it, is in the document. */
function leadsSomewhere(text: string, pointer: string): boolean {
  const read = readJson(text);
  if (!read.ok) return true;
  let value = read.value;
  const tokens = pointer.split("/").slice(1);
  return tokens.every((token, index) => {
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
    const next =
      value instanceof Map ? value.get(name) : Array.isArray(value) ? value[Number(name)] : undefined;
    if (next === undefined) return index === tokens.length - 1;
    value = next;
    return true;
  });
}

test("the document that the mutations start from is right", () => {
  expect(readPolicy(JSON.stringify(whole)).ok).toBe(true);
});

test(
  `${runs} mutated documents are read or refused with places, and never throw (seed ${seed})`,
  () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(mutations, (changes) => {
        const text = JSON.stringify(changes.reduce<unknown>(mutate, whole));
        const read = readPolicy(text);
        seen[read.ok ? "accepted" : "refused"]++;
        const wrong = read.ok ? wrongWith(read.policy) : misplaced(text, read.errors);
        if (wrong !== null) throw new Error(wrong);
      }),
      { numRuns: runs, seed },
    );
    // About 140 are accepted, give or take 12.
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(runs / 50);
  },
  within(60_000),
);

/** What is wrong with a policy that was accepted: it cannot be judged by, or its long form is not itself. */
function wrongWith(policy: Policy): string | null {
  if (judge(null, { server: policy, args: '{"amount":1}' }).rule === "(error)") return "judging by it throws";
  const long = compactJson(normalised(policy));
  const again = readPolicy(long);
  return again.ok && compactJson(normalised(again.policy)) === long ? null : `its long form differs: ${long}`;
}

/** What is wrong with the findings of a refusal: there are none, or one says nothing or stands nowhere. */
function misplaced(text: string, errors: readonly Finding[]): string | null {
  const bad = errors.find(
    ({ pointer, message }) => message === "" || message === "Invalid input" || !leadsSomewhere(text, pointer),
  );
  if (errors.length === 0) return "refused without a reason";
  return bad ? `a finding that says nothing or leads nowhere: ${JSON.stringify(bad)}` : null;
}

test(
  "any text is read or refused, and never throws",
  () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(), (noise, at) => {
        const text = JSON.stringify(whole);
        const cut = at % text.length;
        const read = readPolicy(text.slice(0, cut) + noise + text.slice(cut + noise.length));
        expect(read.ok || read.errors.length > 0).toBe(true);
      }),
      { numRuns: runs / 5, seed },
    );
  },
  within(60_000),
);
