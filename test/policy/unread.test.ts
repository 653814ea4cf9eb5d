import { expect, test } from "vitest";
import { type Policy, readPolicy } from "../../src/policy/document.ts";
import { type Decision, evaluate, evaluateUnread, type Question } from "../../src/policy/evaluate.ts";
import { unreadArguments } from "../../src/policy/unread.ts";
import { argumentsOf, context, judge, onPay } from "./judge.ts";
import { type Bounds, Choice, randomArguments, randomPolicy, tools, write } from "./random-policy.ts";

const pins: Question["tools"] = new Map(
  tools.slice(0, -1).map((name) => [name, { category: name === "look" ? "Read" : "Write", risk: "low" }]),
);

function read(document: Parameters<typeof write>[0]): Policy {
  const result = readPolicy(write(document));
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.policy;
}

const enforced = ({ obligations }: Decision) =>
  obligations.filter((duty) => duty.type !== "count" || !duty.shadow);

test("whatever the values were, what is certain without them is what they decided", () => {
  const count = { certain: 0, open: 0, effects: new Set<string>() };
  for (let seed = 1; seed <= 400; seed++) {
    const choice = new Choice(seed);
    const bounds: Bounds = [];
    const server = read(randomPolicy(choice, bounds));
    const team = choice.chance(30) ? read(randomPolicy(choice, bounds)) : null;
    for (let call = 0; call < 50; call++) {
      const args = argumentsOf(write(randomArguments(choice, bounds)));
      const name = choice.one(tools);
      const question: Question = {
        call: { method: "tools/call", kind: "tool", name, arguments: args },
        team,
        server,
        frozen: "off",
        tools: pins,
        context,
      };
      const real = evaluate(question);
      const known = unreadArguments([...args.keys()]);
      const { decision, open } = evaluateUnread({
        ...question,
        call: { ...question.call, arguments: known },
      });
      if (open.length > 0 && decision.effect !== "deny") {
        count.open++;
        continue;
      }
      count.certain++;
      count.effects.add(real.effect);
      expect(decision.effect, `seed ${seed}, call ${call}`).toBe(real.effect);
      if (open.length > 0) continue;
      expect(decision.rule).toBe(real.rule);
      expect(enforced(decision)).toEqual(enforced(real));
    }
  }
  expect(Math.min(count.certain, count.open)).toBeGreaterThan(1_000);
  expect([...count.effects].sort()).toEqual(["allow", "approve", "deny"]);
});

test("an unread value that reaches the evaluator by itself denies", () => {
  const document = onPay({ deny_if: [{ conditions: [{ path: "args.amount", op: "gt", value: 5 }] }] });
  const call = { arguments: unreadArguments(["amount"]) };
  expect(judge(document, { call })).toMatchObject({
    effect: "deny",
    rule: "/tools/pay/deny_if/args.amount-gt",
    reason: "cannot evaluate args.amount gt 5: the value is not stored",
  });
});
