import { expect, test } from "vitest";
import { outcomeOf, together } from "../../src/gate/admission.ts";
import type { Held } from "../../src/gate/hold.ts";
import type { Judged } from "../../src/gate/judge.ts";
import { oneCall } from "../../src/limit/series.ts";
import type { Charge } from "../../src/limit/take.ts";

const charge: Charge = {
  series: "pool",
  shared: true,
  counter: "pool",
  rule: "/tools/send/limits/pool-per-hour",
  windowMs: 3_600_000,
  unit: null,
  max: 5n * oneCall,
  amount: oneCall,
  perCall: true,
  shadow: false,
  text: "5 per hour reached for send.",
};
const own = { ok: true, before: [], takes: [], after: [] } as const;
const unanswered: Held = {
  id: "1.a",
  series: "pool",
  amount: oneCall,
  askedMs: 0,
  charges: [charge],
  reserved: null,
};
const judged: Judged = {
  verdict: "allowed",
  target: { kind: "tool", name: "send" },
  rule: "",
  reason: "",
  notes: [],
  charges: [charge],
  keeps: null,
  asks: [],
};

test.each([
  ["does not answer", [unanswered]],
  ["was never asked", []],
])("a shared counter that %s denies, and the decision says so", (_, held: Held[]) => {
  const limits = together([charge], own, held, 0);
  expect(limits).toMatchObject({ ok: false, unreachable: charge });
  expect(outcomeOf(judged, limits, null)).toMatchObject({
    verdict: "denied",
    rule: "/tools/send/limits/pool-per-hour",
    reason: "The counter pool cannot be asked, so the call is denied.",
  });
});

test("a limit in shadow whose counter does not answer refuses nothing", () => {
  const shadow = { ...charge, shadow: true };
  expect(together([shadow], own, [{ ...unanswered, charges: [] }], 0)).toMatchObject({ ok: true, takes: [] });
});
