import type { Reserved } from "./reservation.ts";
import type { Cap, Reading } from "./window.ts";

/**
 * A shared counter's answer to a wish for `amount` under these caps. Throws where it is none, or grants what by its own
 * reading does not fit: then the counter counts as one that cannot be asked.
 */
export function believed(answer: Reserved, caps: readonly Cap[], amount: bigint): Reserved {
  const { granted, atMs, before, after } = answer;
  const told = Number.isFinite(atMs) && areReadings(before, caps) && (!granted || areReadings(after, caps));
  const fits = told && before.every(({ taken }, i) => taken + amount <= (caps[i]?.max ?? 0n));
  if (!told || (granted !== false && !(granted === true && fits))) throw new Error("no answer of a counter");
  return answer;
}

const areReadings = (readings: readonly Reading[], caps: readonly Cap[]): boolean =>
  readings.length === caps.length && readings.every(({ taken }) => typeof taken === "bigint" && taken >= 0n);
