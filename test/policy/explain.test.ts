import { expect, test } from "vitest";
import { evaluate, type Question } from "../../src/policy/evaluate.ts";
import { explain } from "../../src/policy/explain.ts";
import { questionOf } from "../golden/decide.ts";
import { goldens } from "../golden/golden.ts";
import { argumentsOf, context, onPay, policy } from "./judge.ts";

const questions = goldens.flatMap((golden) => questionOf(golden) ?? []);

/** Every golden call, by every golden policy, with a third one's as the team's. */
function* combined(): Generator<Question> {
  for (const [at, question] of questions.entries()) {
    for (const [by, { server }] of questions.entries()) {
      const team = questions[(at + by) % questions.length]?.server ?? null;
      yield { ...question, server, team: by % 2 === 0 ? team : question.team };
    }
  }
}

test("an explanation tells every refusal of the decision in its order, and the right one as deciding", () => {
  let refused = 0;
  for (const question of combined()) {
    const { decision, steps } = explain(question);
    const told = steps.filter(({ outcome }) => outcome !== "passed");
    const said = told.map(({ rule, reason, layer, shadow }) => [rule, reason, layer, shadow].join());
    const found = decision.refusals.map(({ rule, reason, layer, shadow }) =>
      [rule, reason, layer, shadow].join(),
    );
    if (said.join("\n") !== found.join("\n")) expect(said).toEqual(found);
    const deciding = steps.filter(({ decides }) => decides).map(({ rule, reason }) => [rule, reason].join());
    const verdict = decision.effect === "allow" ? [] : [[decision.rule, decision.reason].join()];
    if (deciding.join() !== verdict.join()) expect(deciding).toEqual(verdict);
    refused += told.length;
  }
  expect(refused).toBeGreaterThan(50_000);
});

test("an explanation decides as the evaluation alone does", () => {
  for (const question of questions) expect(explain(question).decision).toEqual(evaluate(question));
});

test("a group holds exactly when all the conditions that an explanation shows do", () => {
  for (const question of questions) {
    const grouped = explain(question).steps.filter(({ conditions }) => conditions.length > 0);
    for (const { stage, outcome, conditions } of grouped) {
      const outcomes = conditions.map((condition) => condition.outcome);
      const unclear = outcomes.includes("cannot_evaluate");
      const holds = outcomes.every((one) => one === "held");
      const refusing = stage === "require" ? !holds : holds;
      const expected = stage === "approve" ? "approval" : "refused";
      expect(outcome).toBe(unclear ? "cannot_evaluate" : refusing ? expected : "passed");
    }
  }
});

test("an evaluation that breaks is explained as the refusal that it is", () => {
  const question: Question = {
    call: { method: "tools/call", kind: "tool", name: "pay", arguments: argumentsOf("{}") },
    team: null,
    server: policy(onPay({ require: [{ conditions: [{ path: "now.hour", op: "lt", value: 9 }] }] })),
    frozen: "off",
    tools: new Map([["pay", { category: "", risk: "" }]]),
    context: {
      ...context,
      get now(): never {
        throw new RangeError("no such zone");
      },
    },
  };
  const { decision, steps } = explain(question);
  expect(decision.rule).toBe("(error)");
  expect(steps).toMatchObject([
    { stage: "error", rule: "(error)", outcome: "refused", reason: decision.reason, decides: true },
  ]);
});
