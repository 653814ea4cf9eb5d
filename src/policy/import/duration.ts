import { fail, type Reading } from "./carried.ts";
import type { Node } from "./yaml.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const one = /([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g;
const whole = /^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+$/;
// The longest that an approval may wait here: a week.
const secondsMost = 604_800;

/** A duration as Go writes it (`10m`, `1h30m`) in whole seconds, cut to what an approval may wait; null after a mistake. */
export function secondsOf(node: Node, reading: Reading): number | null {
  const text = node.kind === "scalar" ? node.text : "";
  if (!whole.test(text)) return fail(reading, node, "expected a duration such as 10m or 1h30m");
  const ms = [...text.matchAll(one)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ""] ?? 0),
    0,
  );
  const seconds = Math.min(Math.floor(ms / 1_000), secondsMost);
  return seconds > 0 ? seconds : fail(reading, node, "an approval waits for a second at least");
}
