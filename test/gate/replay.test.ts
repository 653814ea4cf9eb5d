import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogRow } from "../../src/audit/entry.ts";
import { type Outcome, replay, type Trial } from "../../src/gate/replay.ts";
import { tally } from "../../src/gate/tally.ts";
import type { GrantId } from "../../src/id.ts";
import { policy } from "../policy/judge.ts";
import { bearer, gate, recorded, trial } from "./recorded.ts";

const only = (rule: unknown, more: object = {}) => ({
  version: "1",
  default: "deny",
  tools: { send: rule },
  ...more,
});
const outcomes = (tried: Trial, rows: readonly LogRow[], earlier = false): Outcome[] =>
  replay(tried, rows, earlier).map(({ outcome }) => outcome);
const keys = (...argumentKeys: string[]) => ({ argumentKeys });
const allowed: Outcome = { verdict: "allowed", rule: "" };
const perMinute = (max: number) => ({ counter: "c", window: 60, max });

test("a draft that denies by name or action changes what was allowed", () => {
  const rows = [recorded(1, 0), recorded(2, 0, { target: { kind: "tool", name: "save" } })];
  expect(outcomes(trial(only({ action: "deny" })), rows)).toEqual([
    { verdict: "denied", rule: "/tools/send/action" },
    { verdict: "denied", rule: "(default deny)" },
  ]);
});

test("a call that a person approved is one that they approve again", () => {
  const asks = trial(only({ action: "approve" }));
  const approved = recorded(1, 0, { rule: "/tools/send/action", reason: "Approved by a person: apr_1." });
  expect(outcomes(asks, [approved, recorded(2, 0)])).toEqual([
    allowed,
    { verdict: "approval_required", rule: "/tools/send/action" },
  ]);
});

test("a condition on an argument that was not given is replayed as missing, on one that was given it stays open", () => {
  const require = [{ conditions: [{ path: "args.to", op: "eq", value: "me" }] }];
  const deny = [{ conditions: [{ path: "args.to", op: "eq", value: "you" }] }];
  const reason = (value: string) => `cannot evaluate args.to eq "${value}": the value is not stored`;
  expect(
    outcomes(trial(only({ require })), [recorded(1, 0, keys("text")), recorded(2, 0, keys("to"))]),
  ).toEqual([
    { verdict: "denied", rule: "/tools/send/require/args.to-eq" },
    { open: [{ rule: "/tools/send/require/args.to-eq", reason: reason("me") }] },
  ]);
  expect(
    outcomes(trial(only({ deny_if: deny })), [recorded(1, 0, keys("text")), recorded(2, 0, keys("to"))]),
  ).toEqual([allowed, { open: [{ rule: "/tools/send/deny_if/args.to-eq", reason: reason("you") }] }]);
});

test("exists is replayed for what was given at the top, and stays open below", () => {
  const exists = (path: string) => only({ deny_if: [{ conditions: [{ path, op: "exists", value: true }] }] });
  expect(outcomes(trial(exists("args.to")), [recorded(1, 0, keys("to")), recorded(2, 0)])).toEqual([
    { verdict: "denied", rule: "/tools/send/deny_if/args.to-exists" },
    allowed,
  ]);
  expect(outcomes(trial(exists("args.to.name")), [recorded(1, 0, keys("to"))])).toMatchObject([
    { open: [{}] },
  ]);
});

test("what is denied for certain is replayed, whatever else stays open", () => {
  const conditions = [{ path: "args.to", op: "eq", value: "me" }];
  const draft = only({
    deny_if: [{ conditions }, { conditions: [] }],
    require: [{ conditions: [...conditions, { path: "args.text", op: "exists", value: true }] }],
  });
  expect(outcomes(trial(draft), [recorded(1, 0, keys("to"))])).toEqual([
    { verdict: "denied", rule: "/tools/send/require/args.to-eq" },
  ]);
});

test("a schema, an increment and the calls inside a call stay open where arguments were given", () => {
  const { tools, ...rest } = only({
    arguments: { type: "object" },
    limits: [{ counter: "sum", window: 60, max: 5, increment_from: "args.amount" }],
  });
  const batch = { nested: { each: "args.steps[*]", tool: "tool", arguments: "params" } };
  const rows = [
    recorded(1, 0, keys("amount")),
    recorded(2, 0, { ...keys("steps"), target: { kind: "tool", name: "batch" } }),
    recorded(3, 0, { target: { kind: "tool", name: "batch" } }),
  ];
  expect(outcomes(trial({ ...rest, tools: { ...tools, batch } }), rows)).toEqual([
    {
      open: [
        { rule: "/tools/send/arguments", reason: "cannot evaluate arguments: the value is not stored" },
        {
          rule: "/tools/send/limits/sum-per-60",
          reason: "cannot evaluate increment_from args.amount: the value is not stored",
        },
      ],
    },
    { open: [{ rule: "/tools/batch/nested", reason: "the calls inside the call are not stored" }] },
    { verdict: "denied", rule: "/tools/batch/nested" },
  ]);
});

test("facts of the call and its time are replayed as they were", () => {
  const draft = only({
    require: [
      {
        conditions: [
          { path: "now.hour", op: "gte", value: 9 },
          { path: "client.name", op: "eq", value: "inspector" },
        ],
      },
    ],
  });
  const at = Date.UTC(2026, 0, 5, 9);
  const rows = [
    recorded(1, at, { client: "inspector" }),
    recorded(2, at - 1, { client: "inspector" }),
    recorded(3, at),
  ];
  const denied = { verdict: "denied", rule: "/tools/send/require/now.hour-gte" };
  expect(outcomes(trial(draft), rows)).toEqual([allowed, denied, denied]);
});

test("what no policy decided is not the draft's to change", () => {
  const unknown = { verdict: "unknown", rule: "(unknown tool)" } as const;
  const rows = [
    recorded(1, 0, { target: { kind: "tool", name: "new" }, ...unknown }),
    recorded(2, 0, { verdict: "denied", rule: "(frozen)" }),
    recorded(3, 0, { target: { kind: "tool", name: "gone" } }),
    recorded(4, 0, { gate: "grt_00000000000000000000000009" as GrantId }),
  ];
  expect(outcomes(trial(only({})), rows)).toEqual([
    unknown,
    { open: [{ rule: "(frozen)", reason: "the team was frozen, so no policy was asked" }] },
    { open: [{ rule: "(unknown tool)", reason: "the tool has no accepted definition any more" }] },
    { open: [{ rule: "", reason: "the grant is not there any more" }] },
  ]);
});

test("the team policy of today is judged with the draft, and its limits stay open for a grant that calls elsewhere too", () => {
  const team = policy({ version: "1", default: "allow", all_tools: { limits: [perMinute(1)] } });
  const rows = [recorded(1, 0), recorded(2, 1)];
  const limited = { verdict: "limited", rule: "/team/all_tools/limits/c-per-60" };
  expect(outcomes(trial(only({}), { team }), rows)).toEqual([allowed, limited]);
  const bearers = new Map([[gate, { ...bearer, elsewhere: true }]]);
  expect(outcomes(trial(only({}), { team, bearers }), rows)).toMatchObject([{ open: [{}] }, { open: [{}] }]);
});

test("calls before the first one leave room open for one window, and no longer", () => {
  const rows = [recorded(1, 0), recorded(2, 60_000), recorded(3, 60_001), recorded(4, 60_002)];
  const tried = trial(only({ limits: [perMinute(3)] }));
  expect(outcomes(tried, rows, true).map((one) => "open" in one)).toEqual([true, true, false, false]);
});

test("a tally groups changes by rule and way, the most frequent first, with the newest as examples", () => {
  const rows = [1, 2, 3, 4, 5, 6, 7].map((seq) => recorded(seq, seq));
  const refused = recorded(8, 8, { verdict: "denied", rule: "/tools/send/action" });
  const summed = tally(replay(trial(only({ limits: [perMinute(1)] })), [...rows, refused], false));
  const late = [3, 4, 5, 6, 7].map((seq) => recorded(seq, 0).id);
  expect(summed).toEqual({
    replayed: 8,
    changed: 7,
    byRule: [
      { rule: "/tools/send/limits/c-per-60", from: "allowed", to: "limited", count: 6, examples: late },
      {
        rule: "/tools/send/limits/c-per-60",
        from: "denied",
        to: "limited",
        count: 1,
        examples: [refused.id],
      },
    ],
    notReplayed: [],
  });
});

const traffic = fc.record({
  gapsMs: fc.array(fc.oneof(fc.nat(3), fc.nat(400), fc.nat(20_000)), { minLength: 1, maxLength: 200 }),
  limits: fc.array(
    fc.record({
      counter: fc.constantFrom("a", "b"),
      window: fc.constantFrom(1, 7, 60),
      max: fc.integer({ min: 0, max: 9 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

const timesOf = (gapsMs: readonly number[]): number[] => {
  let now = 0;
  return gapsMs.map((gap) => (now += gap));
};

/** What limits admit, from the plain list of times. */
const fits = (admitted: readonly number[], now: number, limits: readonly { window: number; max: number }[]) =>
  limits.every(({ window, max }) => admitted.filter((time) => now - time <= window * 1_000).length < max);

test("with limits alone, just those are admitted that the plain list of times has room for", () => {
  fc.assert(
    fc.property(traffic, ({ gapsMs, limits }) => {
      const times = timesOf(gapsMs);
      const found = outcomes(
        trial(only({ limits })),
        times.map((at, i) => recorded(i + 1, at)),
      );
      const admitted: number[] = [];
      const expected = times.map((at) => {
        const fit = fits(admitted, at, limits);
        if (fit) admitted.push(at);
        return fit ? "allowed" : "limited";
      });
      expect(found.map((one) => ("open" in one ? "open" : one.verdict))).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

const guessed = fc.record({
  calls: fc.array(
    fc.record({
      gapMs: fc.oneof(fc.nat(10), fc.nat(4_000)),
      to: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, fc.constantFrom("you", "me")),
    }),
    { minLength: 10, maxLength: 60 },
  ),
  from: fc.nat(9),
  max: fc.integer({ min: 1, max: 9 }),
});

test("no outcome that is called certain is another when the values and the calls before are known", () => {
  const count = { certain: 0, open: 0 };
  const check = ({ calls, from, max }: typeof guessed extends fc.Arbitrary<infer T> ? T : never) => {
    const limits = [{ counter: "c", window: 7, max }];
    const deny_if = [{ conditions: [{ path: "args.to", op: "eq", value: "you" }] }];
    const times = timesOf(calls.map(({ gapMs }) => gapMs));
    const admitted: number[] = [];
    const truth = calls.map(({ to }, i) => {
      const now = times[i] ?? 0;
      if (to === "you") return "denied";
      if (!fits(admitted, now, limits)) return "limited";
      admitted.push(now);
      return "allowed";
    });
    const rows = calls.map(({ to }, i) =>
      recorded(i + 1, times[i] ?? 0, keys(...(to === null ? [] : ["to"]))),
    );
    const found = outcomes(trial(only({ limits, deny_if })), rows.slice(from), from > 0);
    for (const [i, one] of found.entries()) {
      count["open" in one ? "open" : "certain"]++;
      if (!("open" in one)) expect(one.verdict).toBe(truth[from + i]);
    }
  };
  fc.assert(fc.property(guessed, check), { numRuns: 500 });
  expect(Math.min(count.certain, count.open)).toBeGreaterThan(1_000);
});
