import { beforeAll, describe, expect, it } from "vitest";
import { operatorNames } from "../../src/policy/schema.ts";
import { ControlPlane } from "../api/control_plane.ts";
import { decide } from "./decide.ts";
import { files, goldens, goldenTexts, requestOf, textOf } from "./golden.ts";

let plane: ControlPlane;
let token: string;
beforeAll(async () => {
  plane = await ControlPlane.start();
  token = (await plane.signUp()).token;
});

describe.each(goldens.map((golden) => [golden.promise, golden] as const))("%s", (_, golden) => {
  it("by the engine", () => {
    const { effect, rule, reason } = decide(golden);
    expect({ effect, rule, reason }).toEqual(golden.expect);
  });

  it("by the API, whose explanation ends in the same", async () => {
    const answer = await plane.ask("POST", "/v1/policies/evaluate", { token, text: requestOf(golden) });
    const { effect, rule, reason, explanation } = answer.body;
    expect({ effect, rule, reason }).toEqual(golden.expect);
    const deciding = explanation.filter((step: { decides: boolean }) => step.decides);
    const told = deciding.map((step: { rule: string; reason: string }) => [step.rule, step.reason]);
    expect(told).toEqual(effect === "allow" ? [] : [[rule, reason]]);
  });
});

it("each golden decision is in a file of its promise's name", () => {
  const named = goldens.map(({ promise }) =>
    promise
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, ""),
  );
  expect(goldens.map(({ name }) => name)).toEqual(named);
  expect(goldens.length).toBeGreaterThanOrEqual(120);
});

it("the golden decisions show every operator permitting and refusing", () => {
  const seen = new Set(
    goldens.flatMap(({ tree, expect: { effect } }) =>
      [...(textOf(tree.get("document")) ?? "").matchAll(/"op":"(\w+)"/g)].map(([, op]) => `${op} ${effect}`),
    ),
  );
  const wanted = operatorNames.flatMap((op) => [`${op} allow`, `${op} deny`]);
  expect(wanted.filter((one) => !seen.has(one))).toEqual([]);
});

it("the golden decisions judge the published policies as they stand", () => {
  const seeds = [...files].filter(([path]) => path.includes("/seed-policies/"));
  const judged = new Set(goldens.map(({ tree }) => textOf(tree.get("document"))));
  const texts = seeds.map(([, text]) => JSON.stringify(JSON.parse(text)));
  expect(texts.filter((text) => !judged.has(text))).toEqual([]);
  expect(texts).toHaveLength(5);
});

it("no golden decision is written twice", () => {
  expect(new Set([...goldenTexts.values()].map((text) => text.replace(/"promise":[^\n]*/, ""))).size).toBe(
    goldens.length,
  );
});
