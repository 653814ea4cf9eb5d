// policy.md §2: what still changes after this many decodings was written to hide something.
const decodingsMax = 5;

/** Why a path cannot be judged, in the words of a refusal. */
export interface Unjudgeable {
  readonly why: string;
}

/** An absolute path's segments with `.`, `..` and empty ones resolved; null where it is not absolute. */
export function absolute(path: string): readonly string[] | null {
  if (!path.startsWith("/")) return null;
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments;
}

/** Whether the path as written, and as each percent-decoding of it reads, all lie inside `root`. */
export function isWithin(path: string, root: readonly string[]): boolean | Unjudgeable {
  const readings = decodings(path);
  if ("why" in readings) return readings;
  let inside = true;
  for (const reading of readings) {
    const segments = absolute(reading);
    if (!segments) return { why: "expected an absolute path" };
    inside &&= root.every((segment, index) => segments[index] === segment);
  }
  return inside;
}

/** The text and its percent-decodings until it is stable. */
function decodings(text: string): string[] | Unjudgeable {
  const readings = [text];
  for (let current = text; ; ) {
    if (current.includes("\0")) return { why: "the path holds a NUL" };
    const next = decoded(current);
    if (next === null) return { why: "a malformed percent-escape" };
    if (next === current) return readings;
    if (readings.length > decodingsMax) return { why: `percent-encoded more than ${decodingsMax} times` };
    readings.push(next);
    current = next;
  }
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

const percentEscape = /%([0-9a-f]{2})/gi;

/**
 * Whether a resource's URI could be read as another: dot segments or backslashes, raw or encoded. Escapes that are no
 * UTF-8 are decoded byte by byte, since only ASCII can hide a segment.
 */
export function isDeviousUri(uri: string): boolean {
  let reading = uri;
  for (let round = 0; round <= decodingsMax; round++) {
    if (hasDots(reading)) return true;
    const next = reading.replace(percentEscape, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (next === reading) return false;
    reading = next;
  }
  return true;
}

const hasDots = (uri: string): boolean => {
  const rest = uri.replace(/^[a-z][a-z0-9+.-]*:/i, "");
  return uri.includes("\\") || rest.split(/[/?#]/).some((segment) => segment === "." || segment === "..");
};
