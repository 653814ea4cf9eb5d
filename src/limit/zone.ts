/** Local time in some zone: maps an instant to the wall clock's reading, written as if that were UTC. Milliseconds. */
export type WallClock = (instantMs: number) => number;

const clocks = new Map<string, WallClock>();

/** The wall clock of an IANA zone, from the platform's own tables. Throws RangeError for a zone that it does not know. */
export function wallClock(zone: string): WallClock {
  const known = clocks.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const made: WallClock = (instantMs) => {
    const parts = new Map(format.formatToParts(instantMs).map(({ type, value }) => [type, value]));
    const read = (part: Intl.DateTimeFormatPartTypes): number => Number(parts.get(part));
    const wholeMs = Date.UTC(
      read("year"),
      read("month") - 1,
      read("day"),
      read("hour"),
      read("minute"),
      read("second"),
    );
    return wholeMs + (((instantMs % 1000) + 1000) % 1000);
  };
  clocks.set(zone, made);
  return made;
}
