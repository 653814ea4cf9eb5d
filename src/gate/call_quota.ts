import { oneCall } from "../limit/series.ts";
import type { Charge } from "../limit/take.ts";

const dayMs = 86_400_000;

/**
 * What a call takes from what the operator lets the whole team call in any 24 hours (docs/teams.md): it is counted like a
 * limit of the team's, whatever the team's own policies say. Null, as usual: there is no such quota.
 */
export const quotaCharge = (callsADay: number | undefined): Charge | null =>
  callsADay === undefined
    ? null
    : {
        series: JSON.stringify(["quota", "", "team", "calls_a_day", false, ""]),
        shared: true,
        counter: "calls_a_day",
        rule: "(quota)",
        windowMs: dayMs,
        unit: null,
        max: BigInt(callsADay) * oneCall,
        amount: oneCall,
        perCall: true,
        shadow: false,
        text: `The team may make ${callsADay} calls in 24 hours. Ask who runs this gateway for more.`,
      };
