import { type Fault, fault } from "../fault.ts";

/** One event of a stream, with the bytes it came in. Without a `data` field (a comment, a lone `retry`) `data` is null. */
export interface SseFrame {
  readonly raw: Uint8Array;
  readonly event: string | null;
  readonly data: string | null;
  readonly id: string | null;
  /** In ms. */
  readonly retry: number | null;
}

/** The largest single event of a forwarded stream (protocol.md §5). */
export const eventBytesMax = 1_048_576;

const lf = 10;
const cr = 13;
const byteOrderMark = [0xef, 0xbb, 0xbf] as const;

/**
 * Cuts a stream into events (WHATWG HTML §9.2.6) without changing it: the frames' `raw`, and what `end` gives, joined are
 * the bytes that came, however they were cut into chunks. A client parser would drop the bytes, comments and line ends.
 */
export class SseFramer {
  #held = new Uint8Array(4096);
  #length = 0;
  /** Bytes below it were looked at. */
  #scanned = 0;
  #lineStart = 0;
  /** The stream so far ended in CR, so an LF that comes next is the other half of that line end. */
  #halfLineEnd = false;
  #first = true;
  readonly #eventBytesMax: number;

  /** `bytesMax` bounds what is held of one event. */
  constructor(bytesMax: number = eventBytesMax) {
    this.#eventBytesMax = bytesMax;
  }

  /** The frames that this chunk completes. A fault where one event grows past the cap; the stream is then unusable. */
  push(chunk: Uint8Array): readonly SseFrame[] | Fault {
    this.#append(chunk);
    const frames: SseFrame[] = [];
    let start = 0;
    for (let end = this.#nextEnd(); end !== null; end = this.#nextEnd()) {
      frames.push(this.#frame(start, end));
      start = end;
    }
    const largest = frames.reduce((most, { raw }) => Math.max(most, raw.length), this.#length - start);
    if (largest > this.#eventBytesMax) return tooLarge(this.#eventBytesMax);
    this.#drop(start);
    return frames;
  }

  /** What no blank line has ended. A client should ignore it, but some do not, so it must be filtered like a frame. */
  end(): SseFrame | null {
    return this.#length === 0 ? null : this.#frame(0, this.#length);
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#held.length) {
      const larger = new Uint8Array(Math.max(needed, this.#held.length * 2));
      larger.set(this.#held.subarray(0, this.#length));
      this.#held = larger;
    }
    this.#held.set(chunk, this.#length);
    this.#length = needed;
  }

  #drop(count: number): void {
    this.#held.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#scanned -= count;
    this.#lineStart -= count;
  }

  #frame(start: number, end: number): SseFrame {
    const raw = this.#held.slice(start, end);
    const marked = this.#first && startsWithMark(raw);
    this.#first = false;
    return { raw, ...readFields(raw, marked) };
  }

  /** The offset behind the next blank line, or null until more bytes come. */
  #nextEnd(): number | null {
    while (this.#scanned < this.#length) {
      const byte = this.#held[this.#scanned++];
      if (byte !== lf && byte !== cr) {
        this.#halfLineEnd = false;
        continue;
      }
      if (byte === lf && this.#halfLineEnd) {
        this.#halfLineEnd = false;
        this.#lineStart = this.#scanned;
        continue;
      }
      const blank = this.#isBlank(this.#scanned - 1);
      this.#endLine(byte);
      if (blank) return this.#scanned;
    }
    return null;
  }

  /** Steps over a line end; a CRLF whose LF has not come yet is already an end, so that no event waits for it. */
  #endLine(byte: number): void {
    const whole = byte === cr && this.#scanned < this.#length && this.#held[this.#scanned] === lf;
    if (whole) this.#scanned++;
    this.#halfLineEnd = byte === cr && !whole;
    this.#lineStart = this.#scanned;
  }

  #isBlank(lineEnd: number): boolean {
    if (lineEnd === this.#lineStart) return true;
    const marked = this.#first && this.#lineStart === 0 && lineEnd === byteOrderMark.length;
    return marked && startsWithMark(this.#held);
  }
}

const tooLarge = (bytesMax: number): Fault =>
  fault("upstream_bad", `The server sent an event of more than ${bytesMax} bytes.`);

const startsWithMark = (bytes: Uint8Array): boolean =>
  byteOrderMark.every((byte, index) => bytes[index] === byte);

const lineEnds = /\r\n|\r|\n/;

/** Only the stream's first mark is skipped; any other is part of a field's name, which no client then knows. */
function readFields(raw: Uint8Array, marked: boolean): Omit<SseFrame, "raw"> {
  const data: string[] = [];
  const last = new Map<string, string>();
  for (const line of decodeText(marked ? raw.subarray(byteOrderMark.length) : raw).split(lineEnds)) {
    const [name, value] = fieldOf(line);
    if (name === "data") data.push(value);
    else if (accepted(name, value)) last.set(name, value);
  }
  const retry = last.get("retry");
  return {
    event: last.get("event") ?? null,
    data: data.length === 0 ? null : data.join("\n"),
    id: last.get("id") ?? null,
    retry: retry === undefined ? null : Number(retry),
  };
}

const decodeText = (bytes: Uint8Array): string =>
  // As clients do: what is not UTF-8 becomes U+FFFD, so that both read the same text.
  new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes);

function fieldOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  if (colon < 0) return [line, ""];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(" ") ? value.slice(1) : value];
}

function accepted(name: string, value: string): boolean {
  if (name === "id") return !value.includes("\0");
  if (name === "retry") return /^[0-9]+$/.test(value);
  return name === "event";
}

/** The frame's bytes with other data in the place of its own, or with none; every other line stays as it was. */
export function withData(frame: SseFrame, data: string | null): Uint8Array {
  let placed = false;
  const lines = (decodeText(frame.raw).match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? []).map((line) => {
    const [name] = fieldOf(line.replace(/^\ufeff/, "").replace(/[\r\n]+$/, ""));
    if (name !== "data") return line;
    if (placed) return "";
    placed = true;
    return data === null ? "" : dataLines(data);
  });
  return new TextEncoder().encode(lines.join(""));
}

/** One message of ours as an event; every line of its data stands on a line of its own. */
export const sseEvent = (data: string): Uint8Array =>
  new TextEncoder().encode(`event: message\n${dataLines(data)}\n`);

const dataLines = (data: string): string =>
  data
    .split(lineEnds)
    .map((line) => `data: ${line}\n`)
    .join("");
