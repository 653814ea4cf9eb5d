import { beforeAll, describe, expect, inject, it } from "vitest";
import { type Compared, examine, lost } from "../conformance/examine.ts";
import { isPassed, results } from "../conformance/page.ts";

let compared: readonly Compared[];

beforeAll(async () => {
  compared = await examine(inject("gateway").url);
});

describe.each([
  ["2025-11-25", 30],
  ["2026-07-28", 37],
] as const)("the official conformance suite at %s", (revision, scenarios) => {
  const required = () => compared.filter((one) => one.revision === revision && one.direct.required);

  it("finds nothing to object to in the server itself", () => {
    expect(required().filter(({ direct }) => isPassed(direct))).toHaveLength(scenarios);
  });

  it("finds nothing to object to in the gateway before it", () => {
    expect(required().filter(({ through }) => isPassed(through))).toHaveLength(scenarios);
  });

  it("passes no check on the server that it does not pass on the gateway, required or not", () => {
    expect(compared.filter((one) => one.revision === revision).flatMap(lost)).toEqual([]);
  });
});

describe("docs/conformance.md", () => {
  it("says what came out (npm run conformance -- --write)", () => {
    const { stand, ought } = results(compared);
    expect(stand).toBe(ought);
  });
});
