/** The moment as policies see it, in the team's zone: hour 0–23, weekday 1 (Monday) to 7, date YYYY-MM-DD (policy.md §2). */
export interface LocalNow {
  readonly hour: number;
  readonly weekday: number;
  readonly date: string;
}

const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const formats = new Map<string, Intl.DateTimeFormat>();

/** `nowMs` in an IANA zone. Throws RangeError for a zone that the platform does not know; the API checks it on save. */
export function localNow(nowMs: number, zone: string): LocalNow {
  const parts = new Map(
    format(zone)
      .formatToParts(nowMs)
      .map((part) => [part.type, part.value]),
  );
  return {
    hour: Number(parts.get("hour")),
    weekday: weekdays.indexOf(parts.get("weekday") ?? "") + 1,
    date: `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`,
  };
}

function format(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    weekday: "short",
  });
  formats.set(zone, made);
  return made;
}
