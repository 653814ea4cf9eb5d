/** JSON text that goes into an answer as it is, so that a document comes back with the numbers it was saved with. */
export class Exact {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A successful answer. An undefined body is no body (204); a stream is sent as it is, its media type among the headers. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const reply = (status: number, body?: unknown, headers: Record<string, string> = {}): Reply => ({
  status,
  body,
  headers,
});

/** The JSON text of an answer's body. */
export function writeBody(value: unknown): string {
  if (value instanceof Exact) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeBody).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${writeBody(member)}`).join(",")}}`;
}

/** RFC 3339 in UTC, as every time in an answer is written. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();
