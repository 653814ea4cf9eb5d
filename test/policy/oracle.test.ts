import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Policy, readPolicy } from "../../src/policy/document.ts";
import { type Decision, evaluate } from "../../src/policy/evaluate.ts";
import { argumentsOf } from "./judge.ts";
import { type Asked, ask, Num, write } from "./oracle.ts";
import { type Bounds, Choice, operatorNames, randomArguments, randomPolicy, tools } from "./random-policy.ts";

const pins: Asked["pins"] = {
  pay: { category: "Financial", risk: "high" },
  send: { category: "Write", risk: "low" },
  look: { category: "Read", risk: "low" },
  batch: { category: "Read", risk: "low" },
};
const context = {
  server: { name: "github" },
  grant: { label: "ci", tags: [] },
  member: null,
  client: null,
  now: { hour: 9, weekday: 1, date: "2026-11-02" },
};

function read(policy: Asked["team"]): Policy {
  const text = write(policy);
  const result = readPolicy(text);
  if (!result.ok) throw new Error(`${JSON.stringify(result.errors)} in ${text}`);
  return result.policy;
}

/** Past the condition, the words of why it cannot be evaluated are the evaluator's own. */
const short = (reason: string) =>
  reason.startsWith("cannot evaluate")
    ? reason.replace(/: (expected|a number|the text|it holds|they hold|a malformed|the path|percent).*$/s, "")
    : reason;

const answerOf = (decision: Decision) => ({
  effect: decision.effect,
  rule: decision.rule,
  reason: short(decision.reason),
  counts: decision.obligations.flatMap((duty) =>
    duty.type === "count" ? [`${duty.rule} +${duty.amount}`] : [],
  ),
});

const seen = { effects: new Map<string, number>(), rules: new Map<string, number>() };
const note = (counts: Map<string, number>, what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

function agree(seed: number): void {
  const choice = new Choice(seed);
  const bounds: Bounds = [];
  const server = choice.chance(95) ? randomPolicy(choice, bounds) : null;
  const team = choice.chance(40) ? randomPolicy(choice, bounds) : null;
  const [serverPolicy, teamPolicy] = [server && read(server), team && read(team)];
  for (let call = 0; call < 100; call++) {
    const kind = choice.chance(85) ? "tool" : choice.one(["resource", "prompt"] as const);
    const name =
      kind === "resource"
        ? choice.one(["file:///srv/a", "file:///srv/a/b", "file:///etc"])
        : choice.one(tools);
    const args = randomArguments(choice, bounds);
    const frozen = choice.chance(92) ? "off" : choice.one(["writes", "all"] as const);
    const methods = { tool: "tools/call", resource: "resources/read", prompt: "prompts/get" };
    const decision = evaluate({
      call: { method: methods[kind], kind, name, arguments: argumentsOf(write(args)) },
      team: teamPolicy,
      server: serverPolicy,
      frozen,
      tools: new Map(Object.entries(pins)),
      context,
    });
    const facts = { "server.name": "github", "grant.label": "ci", "now.hour": new Num("9") };
    const expected = ask({ kind, name, args, team, server, frozen, pins, facts });
    note(seen.effects, decision.effect);
    note(seen.rules, decision.rule);
    const [ours, theirs] = [answerOf(decision), { ...expected, reason: short(expected.reason) }];
    // What was asked is written out only where the two differ: it would take most of the time.
    if (isDeepStrictEqual(ours, theirs)) continue;
    const told = { kind, name, args: write(args), frozen, server: write(server), team: write(team) };
    expect({ ...ours, told }).toEqual({ ...theirs, told });
  }
}

test("an evaluator written a second time agrees on effect, rule, reason and counts", () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 31 }), agree), { numRuns: 2_000 });
  for (const effect of ["allow", "deny", "approve"]) expect(seen.effects.get(effect)).toBeGreaterThan(1_000);
  const rules = [...seen.rules.keys()];
  for (const op of operatorNames) {
    for (const section of ["require", "deny_if", "approve_if"]) {
      const wanted = new RegExp(`/${section}/args\\.[^/]*-${op}(#2)?$`);
      expect([op, section, rules.some((rule) => wanted.test(rule))]).toEqual([op, section, true]);
    }
  }
  for (const part of [
    "(frozen)",
    "(unknown tool)",
    "(hidden)",
    "(no policy)",
    "(default deny)",
    "/action",
    "/arguments",
    "/limits/",
    "/nested",
    "/team/",
    "/all_tools/",
    "/prompts/",
    "/resources/",
    "always",
  ]) {
    expect([part, rules.some((rule) => rule.includes(part))]).toEqual([part, true]);
  }
}, 300_000);
