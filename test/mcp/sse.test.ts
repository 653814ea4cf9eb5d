import { createParser, type EventSourceMessage } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { eventBytesMax, type SseFrame, SseFramer, withData } from "../../src/mcp/sse.ts";

const encoder = new TextEncoder();
const textOf = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes);

function framesOf(...chunks: (string | Uint8Array)[]): SseFrame[] {
  const framer = new SseFramer();
  const frames = chunks.flatMap((chunk) => {
    const pushed = framer.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
    if (isFault(pushed)) throw new Error(pushed.detail);
    return [...pushed];
  });
  const rest = framer.end();
  return rest ? [...frames, rest] : frames;
}

const shape = ({ raw, ...fields }: SseFrame) => ({ ...fields, raw: textOf(raw) });
const none = { event: null, data: null, id: null, retry: null };

describe("framing", () => {
  test("an event's fields are read and its bytes kept", () => {
    expect(framesOf("event: message\nid: 4\nretry: 1500\ndata: {}\n\n").map(shape)).toEqual([
      {
        raw: "event: message\nid: 4\nretry: 1500\ndata: {}\n\n",
        event: "message",
        id: "4",
        retry: 1500,
        data: "{}",
      },
    ]);
  });

  test("comments, lone retries and empty priming events are frames of their own", () => {
    expect(framesOf(":beat\n\nretry: 10\n\nid: 0\ndata:\n\ndata: x\n\n").map(shape)).toEqual([
      { ...none, raw: ":beat\n\n" },
      { ...none, raw: "retry: 10\n\n", retry: 10 },
      { ...none, raw: "id: 0\ndata:\n\n", id: "0", data: "" },
      { ...none, raw: "data: x\n\n", data: "x" },
    ]);
  });

  test("data over several lines is joined, and only one space is taken off", () => {
    expect(framesOf("data: a\ndata:  b\ndata\n\n")[0]?.data).toBe("a\n b\n");
  });

  test.each([["\n"], ["\r\n"], ["\r"]])("the line end %j ends lines and, twice, events", (end) => {
    const text = `id: 1${end}data: x${end}${end}data: y${end}${end}`;
    expect(framesOf(text).map(({ data }) => data)).toEqual(["x", "y"]);
  });

  test("an event that ends in CR is there before its LF is", () => {
    const framer = new SseFramer();
    const first = framer.push(encoder.encode("data: x\r\n\r"));
    expect(!isFault(first) && first.map(shape)).toEqual([{ ...none, raw: "data: x\r\n\r", data: "x" }]);
    const second = framer.push(encoder.encode("\ndata: y\r\n\r\n"));
    expect(!isFault(second) && second.map(shape)).toEqual([{ ...none, raw: "\ndata: y\r\n\r\n", data: "y" }]);
  });

  test("a character cut between chunks arrives whole", () => {
    const bytes = encoder.encode("data: 😀\n\n");
    expect(framesOf(bytes.slice(0, 8), bytes.slice(8))[0]?.data).toBe("😀");
  });

  test("only the first byte-order mark of a stream is skipped", () => {
    expect(framesOf("\ufeffdata: x\n\n\ufeffdata: y\n\n").map(({ data }) => data)).toEqual(["x", null]);
    expect(framesOf("\ufeff\ndata: x\n\n").map(({ data }) => data)).toEqual([null, "x"]);
  });

  test("an id with a NUL and a retry that is no number are ignored", () => {
    expect(framesOf("id: a\0\nretry: 1s\ndata: x\n\n")[0]).toMatchObject({
      id: null,
      retry: null,
      data: "x",
    });
  });

  test("what no blank line has ended comes out at the end", () => {
    expect(framesOf("data: x\n\ndata: half").map(shape)).toEqual([
      { ...none, raw: "data: x\n\n", data: "x" },
      { ...none, raw: "data: half", data: "half" },
    ]);
  });

  test("an event past 1 MiB is the upstream's fault, in one chunk or in many", () => {
    const large = encoder.encode(`data: ${"x".repeat(eventBytesMax)}`);
    expect(new SseFramer().push(large)).toMatchObject({ fault: "upstream_bad" });
    expect(new SseFramer().push(encoder.encode(`${textOf(large)}\n\n`))).toMatchObject({
      fault: "upstream_bad",
    });
    const framer = new SseFramer();
    const half = large.slice(0, 500_000);
    expect(framer.push(half)).toEqual([]);
    expect(framer.push(half)).toEqual([]);
    expect(framer.push(half)).toMatchObject({ fault: "upstream_bad" });
  });

  test("a mebibyte that comes a byte at a time takes no longer than its bytes", () => {
    const framer = new SseFramer();
    const byte = encoder.encode("x");
    for (let i = 0; i < eventBytesMax; i++) framer.push(byte);
    expect(framer.push(byte)).toMatchObject({ fault: "upstream_bad" });
  });
});

const line = fc.oneof(
  fc.constantFrom(
    "data: x",
    "data",
    "data:",
    "data:{}",
    "id: 1",
    "id",
    "event: message",
    "retry: 5",
    ":c",
    ": ",
    "x",
    "",
  ),
  fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => `data: ${text.replaceAll(/[\r\n\0]/g, "")}`),
);
const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
const streamText = fc
  .tuple(
    fc.constantFrom("", "\ufeff"),
    fc.array(fc.tuple(line, lineEnd), { maxLength: 20 }),
    fc.constantFrom("", "da"),
  )
  .map(([mark, lines, tail]) => mark + lines.map(([text, end]) => text + end).join("") + tail);
const anyStream = fc.oneof(
  streamText.map((text) => encoder.encode(text)),
  fc
    .array(fc.constantFrom(10, 13, 32, 58, 97, 0xef, 0xbb, 0xbf, 0xff), { maxLength: 60 })
    .map((bytes) => Uint8Array.from(bytes)),
);
const cuts = fc.array(fc.nat(5), { maxLength: 200 });

function cutUp(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return [...chunks, bytes.slice(at)];
}

test("framing is the identity on any bytes in any chunking, and the chunking changes no event", () => {
  fc.assert(
    fc.property(anyStream, cuts, (bytes, sizes) => {
      const frames = framesOf(...cutUp(bytes, sizes));
      const joined = frames.flatMap(({ raw }) => [...raw]);
      expect(joined).toEqual([...bytes]);
      const events = (all: SseFrame[]) =>
        all.filter(({ data }) => data !== null).map(({ raw: _, ...fields }) => fields);
      expect(events(frames)).toEqual(events(framesOf(bytes)));
    }),
    { numRuns: 3_000 },
  );
});

/** The events of a client's own parser. */
function clientEvents(text: string): { data: string; event: string | undefined }[] {
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  // Clients decode first, which takes off the stream's mark.
  parser.feed(new TextDecoder().decode(encoder.encode(text)));
  return events.map(({ data, event }) => ({ data, event }));
}

test("the events are those that a client's parser sees", () => {
  fc.assert(
    // One more line: this parser holds an event that ends in CR until it has seen what follows.
    fc.property(
      streamText.map((text) => `${text}:\n`),
      (text) => {
        const framer = new SseFramer();
        const frames = framer.push(encoder.encode(text));
        if (isFault(frames)) throw new Error(frames.detail);
        const ours = frames.flatMap(({ data, event }) =>
          data === null ? [] : [{ data, event: event || undefined }],
        );
        expect(ours).toEqual(clientEvents(text));
      },
    ),
    { numRuns: 3_000 },
  );
});

describe("other data in a frame", () => {
  const replaced = (text: string, data: string): string => {
    const [frame] = framesOf(text);
    if (!frame) throw new Error("no frame");
    return textOf(withData(frame, data));
  };

  test("every other line keeps its bytes", () => {
    expect(replaced(":c\r\nevent: message\r\nid: 7\r\ndata: old\r\nretry: 3\r\n\r\n", "{}")).toBe(
      ":c\r\nevent: message\r\nid: 7\r\ndata: {}\nretry: 3\r\n\r\n",
    );
  });

  test("all of the old data goes, wherever its lines were", () => {
    expect(replaced("data: a\nid: 1\ndata: b\ndata\n\n", "new")).toBe("data: new\nid: 1\n\n");
    expect(replaced("\ufeffdata: a\n\n", "new")).toBe("data: new\n\n");
  });

  test("a client reads exactly the new data", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (data) => {
        const text = replaced("id: 1\ndata: old\n\n", JSON.stringify(data));
        expect(clientEvents(text).map((event) => JSON.parse(event.data))).toEqual([data]);
      }),
    );
  });
});
