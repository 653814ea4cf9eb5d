import { gzipSync } from "node:zlib";
import type { Heard, Wire } from "../support/faulty.ts";

/** How a script unfolds: by luck, and by a clock whose seconds are as short as the gateway's. */
export interface Stage {
  readonly wire: Wire;
  readonly heard: Heard;
  /** From 0 up to 1. */
  readonly luck: () => number;
  readonly seconds: (count: number) => Promise<void>;
}

/**
 * What the client reads: the upstream's bytes as they came; a JSON-RPC error in the place of an answer; the same as a
 * stream's last event; a stream that ends without a word.
 */
export type Reads = "all" | "error" | "event" | "end";

/** One way in which an upstream goes wrong. */
export interface Script {
  readonly name: string;
  readonly play: (stage: Stage) => unknown;
  readonly reads: Reads;
  readonly status: number;
  readonly end: "answered" | "upstream_failed" | "too_large";
  /** All is over by then: in seconds, as protocol.md §5 counts them. */
  readonly withinS: number;
  /** The port is closed during the call. */
  readonly closed?: boolean;
}

const promptS = 5;
const firstByteS = 30;
const silentS = 60 + 12;
const wholeS = 600;
export const mebibyte = 1_048_576;
export const json = "application/json";
export const sse = "text/event-stream";

const answerTo = (id: string, text = "done"): string =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":${JSON.stringify(text)}}]}}`;
const event = (data: string): string => `event: message\ndata: ${data}\n\n`;
export const progress = event('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}');
export const whole = (id: string): string => event(answerTo(id, "ä€😀 done"));

/** A place inside the text, not at its ends. */
const inside = (text: string, luck: () => number): number => 1 + Math.floor(luck() * (text.length - 2));

/** Pieces of one to seven bytes, so that characters and line ends are cut in two. */
async function dribble(wire: Wire, text: string, luck: () => number): Promise<void> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(luck() * 7);
    await wire.chunk(bytes.subarray(at, at + size));
    at += size;
    await new Promise((done) => setImmediate(done));
  }
}

/** The same again and again, until the gateway has had enough. */
async function endlessly(wire: Wire, bytes: string | Uint8Array): Promise<void> {
  while (wire.open) await wire.chunk(bytes);
}

async function streamed(wire: Wire, ...events: readonly string[]): Promise<void> {
  await wire.begin(sse);
  for (const one of events) await wire.chunk(one);
}

type Told = Omit<Script, "name" | "play">;
const script = (name: string, told: Told, play: Script["play"]): Script => ({ name, ...told, play });

const refusedAtOnce: Told = { reads: "error", status: 502, end: "upstream_failed", withinS: promptS };
const refusedLate = (withinS: number): Told => ({
  reads: "error",
  status: 504,
  end: "upstream_failed",
  withinS,
});
const passes: Told = { reads: "all", status: 200, end: "answered", withinS: promptS };
const told: Told = { reads: "event", status: 200, end: "upstream_failed", withinS: promptS };

const connections: readonly Script[] = [
  script("refuses the connection", { ...refusedAtOnce, closed: true }, () => undefined),
  script("hangs up without a byte", refusedAtOnce, ({ wire }) => wire.leave()),
  script("resets the connection without a byte", refusedAtOnce, ({ wire }) => wire.reset()),
  script("resets it within the status line", refusedAtOnce, async ({ wire, luck }) => {
    const line = "HTTP/1.1 200 OK\r\n";
    await wire.raw(line.slice(0, inside(line, luck)));
    wire.reset();
  }),
  script("speaks something else than HTTP", refusedAtOnce, async ({ wire }) => {
    await wire.raw("SSH-2.0-OpenSSH_9.9\r\n");
    wire.leave();
  }),
  script("never answers", refusedLate(firstByteS), () => undefined),
  script("never comes to the end of its headers", refusedLate(firstByteS), async ({ wire, seconds }) => {
    await wire.raw("HTTP/1.1 200 OK\r\n");
    for (let line = 0; wire.open; line++) {
      await wire.raw(`X-Line-${line}: more\r\n`);
      await seconds(2);
    }
  }),
  script("sends a mebibyte of headers", refusedAtOnce, async ({ wire }) => {
    await wire.raw(`HTTP/1.1 200 OK\r\nX-Long: ${"a".repeat(mebibyte)}\r\n\r\n`);
    wire.leave();
  }),
  script("redirects", refusedAtOnce, ({ wire, luck }) =>
    wire.answer(
      luck() < 0.5 ? "302 Found" : "307 Temporary Redirect",
      { Location: "http://127.0.0.1:1/" },
      "",
    ),
  ),
  script("redirects with a body that never ends", refusedAtOnce, async ({ wire }) => {
    await wire.head("301 Moved", { Location: "/", "Content-Type": json, "Transfer-Encoding": "chunked" });
    await endlessly(wire, "x".repeat(65_536));
  }),
];

const bodies: readonly Script[] = [
  script("breaks off before the length that it said", refusedAtOnce, async ({ wire, heard, luck }) => {
    const text = answerTo(heard.id);
    await wire.head("200 OK", { "Content-Type": json, "Content-Length": text.length });
    await wire.raw(text.slice(0, inside(text, luck)));
    if (luck() < 0.5) wire.leave();
    else wire.reset();
  }),
  script("breaks off within a chunk", refusedAtOnce, async ({ wire, heard, luck }) => {
    const text = answerTo(heard.id);
    await wire.begin(json);
    await wire.raw(`${text.length.toString(16)}\r\n${text.slice(0, inside(text, luck))}`);
    wire.reset();
  }),
  script("sends a chunk whose length is no number", refusedAtOnce, async ({ wire, heard }) => {
    await wire.begin(json);
    await wire.raw(`zz\r\n${answerTo(heard.id)}\r\n`);
    wire.leave();
  }),
  script("cuts its JSON off and ends as it should", refusedAtOnce, ({ wire, heard, luck }) => {
    const text = answerTo(heard.id);
    // Not just behind a closing bracket: that one looks whole.
    return wire.answer("200 OK", { "Content-Type": json }, text.slice(0, inside(text.slice(0, -4), luck)));
  }),
  script("breaks off a long answer", refusedAtOnce, async ({ wire, heard, luck }) => {
    await wire.begin(json);
    await wire.chunk(answerTo(heard.id, "x".repeat(100_000 + Math.floor(luck() * 500_000))).slice(0, -9));
    wire.reset();
  }),
  script("stops in the middle of its JSON", refusedLate(silentS), async ({ wire, heard, luck }) => {
    const text = answerTo(heard.id);
    await wire.begin(json);
    await wire.chunk(text.slice(0, inside(text, luck)));
  }),
  script("stops before the length that it said", refusedLate(silentS), async ({ wire, heard, luck }) => {
    const text = answerTo(heard.id);
    await wire.head("200 OK", { "Content-Type": json, "Content-Length": text.length });
    await wire.raw(text.slice(0, inside(text, luck)));
  }),
  script(
    "sends one byte of JSON every ten seconds",
    refusedLate(wholeS),
    async ({ wire, heard, seconds }) => {
      await wire.begin(json);
      for (const byte of answerTo(heard.id, "x".repeat(1_000))) {
        await wire.chunk(byte);
        await seconds(10);
        if (!wire.open) return;
      }
    },
  ),
  script("sends JSON without end", { ...refusedAtOnce, end: "too_large" }, async ({ wire, luck }) => {
    await wire.begin(json);
    await endlessly(wire, " ".repeat(1 + Math.floor(luck() * 65_536)));
  }),
  script("announces 64 MiB of JSON", { ...refusedAtOnce, end: "too_large" }, async ({ wire }) => {
    await wire.head("200 OK", { "Content-Type": json, "Content-Length": 64 * mebibyte });
    for (let sent = 0; sent < 64 && wire.open; sent++) await wire.raw(Buffer.alloc(mebibyte, " "));
  }),
  script("sends a bomb of gzip", { ...refusedAtOnce, end: "too_large" }, ({ wire }) =>
    wire.answer("200 OK", { "Content-Type": json, "Content-Encoding": "gzip" }, bomb),
  ),
  script("says gzip and sends none", refusedAtOnce, ({ wire, heard }) =>
    wire.answer("200 OK", { "Content-Type": json, "Content-Encoding": "gzip" }, answerTo(heard.id)),
  ),
  script("breaks off its gzip", refusedAtOnce, ({ wire, heard, luck }) => {
    const packed = gzipSync(answerTo(heard.id));
    const cut = packed.subarray(0, 12 + Math.floor(luck() * (packed.length - 21)));
    return wire.answer("200 OK", { "Content-Type": json, "Content-Encoding": "gzip" }, cut);
  }),
  script("answers with a page", refusedAtOnce, ({ wire }) =>
    wire.answer("200 OK", { "Content-Type": "text/html" }, "<!doctype html><title>Welcome</title>"),
  ),
  script("answers with nothing", refusedAtOnce, ({ wire, luck }) =>
    wire.answer(luck() < 0.5 ? "200 OK" : "202 Accepted", {}, ""),
  ),
  script("fails with a page", { ...passes, status: 500 }, ({ wire }) =>
    wire.answer("500 Internal Server Error", { "Content-Type": "text/html" }, "<!doctype html><p>Sorry."),
  ),
  script("answers to another id", passes, ({ wire, luck }) =>
    wire.answer("200 OK", { "Content-Type": json }, answerTo(luck() < 0.5 ? "4711" : '"1"')),
  ),
  script("cuts its characters in two", passes, async ({ wire, heard, luck }) => {
    await wire.begin(json);
    await dribble(wire, answerTo(heard.id, "ä€😀".repeat(50)), luck);
    await wire.end();
  }),
  script("goes on behind its answer's end", passes, async ({ wire, heard }) => {
    await wire.answer("200 OK", { "Content-Type": json }, answerTo(heard.id));
    await wire.raw("late bytes\r\n\r\n");
  }),
];

const streams: readonly Script[] = [
  script("breaks off between events", told, async ({ wire }) => {
    await streamed(wire, progress, progress);
    wire.reset();
  }),
  script("breaks off within an event", told, async ({ wire, heard, luck }) => {
    const last = whole(heard.id);
    await streamed(wire, progress, last.slice(0, inside(last.slice(0, -3), luck)));
    wire.reset();
  }),
  script("ends its stream without an answer", told, async ({ wire }) => {
    await streamed(wire, progress);
    await wire.end();
  }),
  script("ends its stream within the answer", told, async ({ wire, heard, luck }) => {
    const last = whole(heard.id);
    await streamed(wire, progress, last.slice(0, inside(last.slice(0, -3), luck)));
    await wire.end();
  }),
  script(
    "breaks off a stream that the client can come back for",
    { ...told, reads: "end" },
    async ({ wire }) => {
      await streamed(wire, `id: 1\nretry: 500\ndata: \n\n`, `id: 2\n${progress}`);
      wire.reset();
    },
  ),
  script("falls silent", { ...told, withinS: silentS }, async ({ wire, luck }) => {
    await streamed(wire, ...(luck() < 0.5 ? [] : [progress]));
  }),
  script("falls silent within an event", { ...told, withinS: silentS }, async ({ wire, heard }) => {
    await streamed(wire, whole(heard.id).slice(0, 30));
  }),
  script(
    "falls silent behind its answer",
    { ...passes, reads: "all", withinS: silentS },
    async ({ wire, heard }) => {
      await streamed(wire, progress, whole(heard.id));
    },
  ),
  script("sends one byte every ten seconds", { ...told, withinS: wholeS }, async ({ wire, seconds }) => {
    await wire.begin(sse);
    for (let at = 0; wire.open; at++) {
      await wire.chunk(progress.charAt(at % progress.length));
      await seconds(10);
    }
  }),
  script("sends events without end", { ...told, end: "too_large" }, async ({ wire }) => {
    await wire.begin(sse);
    await endlessly(wire, progress.repeat(500));
  }),
  script("sends an event of 64 MiB", { ...told, end: "too_large" }, async ({ wire }) => {
    await streamed(wire, progress, "data: ");
    for (let sent = 0; sent < 64 && wire.open; sent++) await wire.chunk("x".repeat(mebibyte));
  }),
  script("sends a bomb of gzip as a stream", { ...told, end: "too_large" }, ({ wire }) =>
    wire.answer("200 OK", { "Content-Type": sse, "Content-Encoding": "gzip" }, bomb),
  ),
  script("cuts characters and line ends in two", passes, async ({ wire, heard, luck }) => {
    const ends = ["\n", "\r\n", "\r"];
    const end = ends[Math.floor(luck() * ends.length)] ?? "\n";
    await wire.begin(sse);
    await dribble(wire, `${progress}: a comment\n\n${whole(heard.id)}`.replaceAll("\n", end), luck);
    await wire.end();
  }),
  script("is slow, and yet in time", { ...passes, withinS: 25 + 50 }, async ({ wire, heard, seconds }) => {
    await seconds(25);
    await streamed(wire, progress);
    await seconds(50);
    await wire.chunk(whole(heard.id));
    await wire.end();
  }),
  script("answers to another id in its stream", passes, async ({ wire }) => {
    await streamed(wire, whole("4711"));
    await wire.end();
  }),
  script("resets the connection behind its answer", { ...passes, reads: "all" }, async ({ wire, heard }) => {
    await streamed(wire, progress, whole(heard.id));
    wire.reset();
  }),
];

/** 64 MiB in 64 KiB. */
const bomb = gzipSync(Buffer.alloc(64 * mebibyte, "x"));

export const scripts: readonly Script[] = [...connections, ...bodies, ...streams];

/** What an upstream says that is well. */
export const playWell = ({ wire, heard }: Pick<Stage, "wire" | "heard">): Promise<void> =>
  wire.answer("200 OK", { "Content-Type": json }, answerTo(heard.id));
