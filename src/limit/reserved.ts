import type { Notice, Reserved, Use } from "./reservation.ts";
import type { Cap, Reading } from "./window.ts";

/**
 * A shared counter's answer to a wish for `amount`, or at most a block, under these caps. Throws where it is none, or grants
 * what by its own reading does not fit: then the counter counts as one that cannot be asked.
 */
export function believed(answer: Reserved, caps: readonly Cap[], amount: bigint, block: bigint): Reserved {
  const { granted, amount: got, atMs, before, after } = answer;
  const told = Number.isFinite(atMs) && areReadings(before, caps) && (!granted || areReadings(after, caps));
  const asked = got === amount || (amount < got && got <= block);
  const fits = asked && told && before.every(({ taken }, i) => taken + got <= (caps[i]?.max ?? 0n));
  if (!told || (granted !== false && !(granted === true && fits))) throw new Error("no answer of a counter");
  return answer;
}

const areReadings = (readings: readonly Reading[], caps: readonly Cap[]): boolean =>
  readings.length === caps.length && readings.every(({ taken }) => typeof taken === "bigint" && taken >= 0n);

/**
 * What a gate says became of these reservations. One of which it says nothing, or nothing that makes sense, counts as used:
 * only a plain word may make room.
 */
export const believedEnds = (ids: readonly string[], told: readonly Notice[]): readonly Notice[] =>
  ids.map((id) => told.find((notice) => notice.id === id && isEnd(notice)) ?? { id, end: "assumed" });

function isEnd(notice: Notice): boolean {
  switch (notice.end) {
    case "void":
    case "assumed":
      return true;
    case "used":
      return notice.uses.every(isUse);
    default:
      return false;
  }
}

const isUse = ({ elapsedMs, amount }: Use): boolean =>
  Number.isFinite(elapsedMs) && elapsedMs >= 0 && typeof amount === "bigint" && amount >= 0n;
