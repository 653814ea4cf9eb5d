import fc from "fast-check";
import { expect, test } from "vitest";
import type { DecisionEntry, LogRow } from "../../src/audit/entry.ts";
import { replay } from "../../src/gate/replay.ts";
import { tally } from "../../src/gate/tally.ts";
import { compactJson } from "../../src/json/write.ts";
import { type Suggestion, suggestPolicy } from "../../src/policy/suggest.ts";
import { peak, usesOf, withHeadroom } from "../../src/policy/use.ts";
import { recorded, server, trial } from "../gate/recorded.ts";
import { policy } from "./judge.ts";

const pinned = new Set(["send", "save", "batch", "a/b", "__proto__"]);

function suggest(current: unknown, rows: readonly LogRow[]): Suggestion {
  const used = { slug: server.slug, current: current === null ? null : policy(current), pinned };
  return suggestPolicy(used, usesOf(rows.map(({ decision }) => decision)));
}

const documentOf = ({ document }: Suggestion): unknown =>
  JSON.parse(document ? compactJson(document) : "null");
const tool = (name: string): Partial<DecisionEntry> => ({ target: { kind: "tool", name } });
const rates = (name: string, minute: number, hour: number) => [
  { counter: `${name}_rate`, window: "minute", max: minute, scope: "grant" },
  { counter: `${name}_rate`, window: "hour", max: hour, scope: "grant" },
];

test("what was allowed is permitted by name at the rates that were seen, and nothing else is", () => {
  const rows = [
    recorded(1, 0),
    recorded(2, 1_000, { argumentKeys: ["text"] }),
    recorded(3, 61_001),
    recorded(4, 61_002, { ...tool("save"), verdict: "denied", rule: "(default deny)" }),
    recorded(5, 61_003, { ...tool("absent"), verdict: "unknown", rule: "(unknown tool)" }),
  ];
  const suggested = suggest(null, rows);
  expect(documentOf(suggested)).toEqual({
    version: "1",
    default: "deny",
    tools: { send: { limits: rates("send", 3, 5) } },
  });
  expect(suggested.evidence).toEqual([
    {
      kind: "tool",
      name: "send",
      calls: 3,
      peakPerMinute: 2,
      peakPerHour: 3,
      why: "allowed 3 times, at most 2 in a minute and 3 in an hour; limited to 3 per minute and 5 per hour.",
    },
  ]);
  expect(suggested.notKnown).toEqual([
    { name: null, reason: "No policy is attached here now, so there are no conditions to keep." },
    { name: "send", reason: "The values of text are not stored: no limits on them can be learned." },
  ]);
});

test("what the current policy asks is kept, and its lower limits make new ones needless", () => {
  const deny_if = [{ conditions: [{ path: "args.to", op: "eq", value: "prod" }], on_deny: "Not prod." }];
  const current = {
    version: "1",
    default: "allow",
    description: "Ours",
    hide: ["batch"],
    all_tools: { limits: [{ counter: "all", window: "day", max: 99 }] },
    tools: { "s*": { deny_if, rate_limit: { max: 2, window: 60 } }, batch: {} },
    methods: { "completion/complete": "allow" },
  };
  const suggested = suggest(current, [recorded(1, 0), recorded(2, 0), recorded(3, 0, tool("batch"))]);
  expect(documentOf(suggested)).toEqual({
    version: "1",
    default: "deny",
    hide: ["batch"],
    all_tools: current.all_tools,
    methods: current.methods,
    tools: {
      send: {
        deny_if,
        limits: [{ counter: "s*_rate", window: 60, max: 2, scope: "grant" }, rates("send", 3, 3)[1]],
      },
    },
  });
  expect(suggested.notKnown).toEqual([
    { name: null, reason: "Messages that name nothing leave no decision: `methods` is kept." },
    { name: "send", reason: "Whether past calls meet what /tools/s* asks of values is not known." },
    {
      name: "batch",
      reason: "It was used and is left out: the policy that is attached now denies it always.",
    },
  ]);
});

test("a rule in shadow refuses nothing, so nothing of it is kept", () => {
  const shadowed = { version: "1", default: "deny", mode: "shadow", tools: { send: { action: "deny" } } };
  expect(documentOf(suggest(shadowed, [recorded(1, 0)]))).toMatchObject({
    default: "deny",
    tools: { send: { limits: rates("send", 2, 2) } },
  });
});

test("a call that waits for a person keeps its rule, without a rate", () => {
  const current = { version: "1", default: "deny", tools: { send: { action: "approve" } } };
  const asked = recorded(1, 0, { verdict: "approval_required", rule: "/tools/send/action" });
  expect(documentOf(suggest(current, [asked]))).toEqual(current);
});

test("resources, prompts and the methods that named them are permitted as they were used", () => {
  const resource = {
    target: { kind: "resource", name: "file:///srv/a?b" },
    method: "resources/read",
  } as const;
  const prompt = { target: { kind: "prompt", name: "review" }, method: "completion/complete" } as const;
  const suggested = suggest({ version: "1", default: "allow" }, [
    recorded(1, 0, resource),
    recorded(2, 0, prompt),
  ]);
  expect(documentOf(suggested)).toEqual({
    version: "1",
    default: "deny",
    methods: { "completion/complete": "allow" },
    tools: {},
    resources: { "file:///srv/a?b": {} },
    prompts: { review: {} },
  });
  expect(suggested.notKnown).toEqual([
    { name: "file:///srv/a?b", reason: "Its name reads as a pattern, so its key may match other names too." },
  ]);
});

test("a name that no key can say is left out, and that is told", () => {
  const long = `file:///${"a".repeat(1_024)}`;
  const tools = ["a/b", "__proto__", "gone"].map((name, i) => recorded(i + 1, 0, tool(name)));
  const read = recorded(4, 0, { target: { kind: "resource", name: long }, method: "resources/read" });
  const suggested = suggest({ version: "1", default: "allow" }, [...tools, read]);
  expect(Object.keys((documentOf(suggested) as { tools: object }).tools)).toEqual(["a/b"]);
  expect(suggested.notKnown).toEqual([
    { name: "__proto__", reason: "It was used and is left out: no key can name it." },
    { name: "gone", reason: "It was used and is left out: it has no accepted definition any more." },
    { name: long, reason: "It was used and is left out: no key can name it." },
  ]);
});

test("headroom is half as much again, at a number that people would write", () => {
  expect([1, 2, 3, 4, 7, 10, 11, 34, 60, 100, 1_001].map(withHeadroom)).toEqual([
    2, 3, 5, 10, 15, 15, 20, 75, 100, 150, 2_000,
  ]);
});

test("a peak counts both ends of its window, wherever it lies", () => {
  expect(peak([0, 10, 60_000, 60_001, 60_002], 60_000)).toBe(4);
  expect(peak([0, 60_001], 60_000)).toBe(1);
  expect(peak([], 60_000)).toBe(0);
});

const rule = fc.record(
  {
    action: fc.constantFrom("allow", "deny", "approve"),
    mode: fc.constantFrom("enforce", "shadow"),
    deny_if: fc.constantFrom(
      [],
      [{ conditions: [] }],
      [{ conditions: [{ path: "args.to", op: "exists", value: true }] }],
    ),
    limits: fc.array(
      fc.record({
        counter: fc.constantFrom("send_rate", "shared"),
        window: fc.constantFrom("minute", "hour", 7),
        max: fc.integer({ min: 0, max: 6 }),
      }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
const current = fc.record(
  {
    version: fc.constant("1"),
    default: fc.constantFrom("allow", "deny"),
    mode: fc.constantFrom("enforce", "enforce", "shadow"),
    hide: fc.constantFrom("save", "s*", "batch"),
    all_tools: fc.record({ limits: fc.constant([{ counter: "all", window: "minute", max: 9 }]) }),
    tools: fc.dictionary(fc.constantFrom("send", "save", "s*", "*", "cmux/batch"), rule, { maxKeys: 4 }),
  },
  { requiredKeys: ["version", "default"] },
);
const calls = fc.array(
  fc.record({
    gapMs: fc.oneof(fc.nat(50), fc.nat(30_000)),
    name: fc.constantFrom("send", "save", "batch", "a/b", "absent"),
    keys: fc.constantFrom([], ["to"]),
  }),
  { minLength: 1, maxLength: 60 },
);

test("tried on the very log that it came from, a suggestion changes no decision", () => {
  let permitted = 0;
  const check = (document: unknown, all: { gapMs: number; name: string; keys: readonly string[] }[]) => {
    let now = 0;
    const tools = new Map([...pinned].map((name) => [name, { category: "Write", risk: "low" }]));
    const asked = all.map(({ gapMs, name, keys }, i) => {
      now += gapMs;
      const rule = name === "absent" ? "(unknown tool)" : "";
      const verdict = name === "absent" ? "unknown" : "allowed";
      return recorded(i + 1, now, { ...tool(name), argumentKeys: keys, rule, verdict });
    });
    const log = replay(trial(document, { tools }), asked, false).map(({ row, outcome }) => {
      if ("open" in outcome) throw new Error("a value is needed where none should be");
      return { ...row, decision: { ...row.decision, ...outcome } };
    });
    const suggested = suggest(document, log);
    const tried = tally(replay(trial(documentOf(suggested), { tools }), log, false));
    expect(tried).toEqual({ replayed: log.length, changed: 0, byRule: [], notReplayed: [] });
    permitted += suggested.evidence.length;
  };
  fc.assert(fc.property(current, calls, check), { numRuns: 500 });
  expect(permitted).toBeGreaterThan(300);
});
