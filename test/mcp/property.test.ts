import fc from "fast-check";
import { expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { decode, type Message } from "../../src/mcp/decode.ts";
import { sizeOf } from "../support/size.ts";
import { headers, mutated, namingSeeds, seeds } from "./frame.ts";
import { byNpm, bySqlite, byV8 } from "./readers.ts";

const { runs: frames, seed, within } = sizeOf("FRAME", 10_000);
const encoder = new TextEncoder();
const textOf = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

// White space, escapes and number forms that JSON.stringify never writes.
const spelled = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => JSON.stringify(JSON.parse(text), null, 2),
  // No keyword, escape or number has an m, so this one is always inside a string.
  (text) => text.replaceAll("m", "\\u006d"),
  (text) => text.replaceAll("/", "\\/"),
);
const wellFormed = fc.string({ unit: "grapheme", maxLength: 20 });
const args = fc.dictionary(
  wellFormed.filter((key) => !key.includes("\0")),
  fc.jsonValue({ stringUnit: "grapheme", maxDepth: 3 }),
  { maxKeys: 5 },
);
const call = fc.record({ id: fc.oneof(fc.integer(), wellFormed), name: wellFormed, args });

test("what is forwarded parses to the call that was judged", () => {
  fc.assert(
    fc.property(call, spelled, ({ id, name, args }, spell) => {
      const sent = { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
      const message = decode(encoder.encode(spell(JSON.stringify(sent))), headers);
      if (isFault(message)) throw new Error(message.detail);
      const parsed = JSON.parse(textOf(message.body));
      expect(parsed).toEqual(JSON.parse(JSON.stringify(sent)));
      expect(message.targets).toEqual([{ kind: "tool", name: parsed.params.name }]);
      expect(JSON.parse(message.argumentsText ?? "")).toEqual(parsed.params.arguments);
    }),
    { numRuns: 2_000, seed },
  );
});

test(
  "no mutation of a frame makes decode throw, and what it accepts reads the same in another parser",
  () => {
    let taken = 0;
    fc.assert(
      fc.property(mutated(seeds, 4), (frame) => {
        const message = decode(frame, headers);
        if (isFault(message)) return;
        taken++;
        const parsed = JSON.parse(textOf(message.body));
        expect(parsed.method ?? "").toBe(message.method);
        const named = message.targets.map((target) => target.name);
        const ref = parsed.params?.ref;
        const spoken = parsed.params?.name ?? parsed.params?.uri ?? ref?.name ?? ref?.uri;
        const listed = parsed.params?.notifications?.resourceSubscriptions;
        if (named.length > 0) expect(named).toEqual(listed ?? [spoken]);
        // The judged text is a fixed point: decoding what was forwarded judges the same again.
        expect(decode(message.body, headers)).toEqual({ ...message, body: message.body });
      }),
      { numRuns: frames, seed },
    );
    expect(taken).toBeGreaterThan(frames / 20);
  },
  within(60_000),
);

test("any bytes at all are answered, never thrown at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.string({ maxLength: 20 }), (bytes, header) => {
      const answer = decode(bytes, {
        ...headers,
        protocolVersion: header,
        mcpName: header,
        mcpMethod: header,
      });
      expect(isFault(answer)).toBe(true);
    }),
    { numRuns: 5_000, seed },
  );
});

/** What the gate judges by, in the words of a parser that loses nothing. */
const judged = ({ method, targets, argumentsText }: Message) => ({
  method,
  name: targets[0]?.name ?? null,
  args: argumentsText ?? null,
});

const rounded = (text: string | null): string | null => text && JSON.stringify(JSON.parse(text));

test(
  `three parsers read what is forwarded as the call that was judged, on ${frames} frames (seed ${seed})`,
  async () => {
    let taken = 0;
    for (let done = 0; done < frames; done += 5_000) {
      const numRuns = Math.min(5_000, frames - done);
      const messages = fc
        .sample(mutated(namingSeeds, 2), { numRuns, seed: seed + done })
        .map((frame) => decode(frame, headers))
        .filter((message): message is Message => !isFault(message) && message.targets.length > 0);
      const bodies = messages.map(({ body }) => textOf(body));
      const calls = messages.map(judged);
      expect(bodies.map(byNpm)).toEqual(calls);
      expect(bodies.map(byV8)).toEqual(calls.map(({ args, ...call }) => ({ ...call, args: rounded(args) })));
      expect(await bySqlite(bodies)).toEqual(calls);
      taken += messages.length;
    }
    expect(taken).toBeGreaterThan(frames / 8);
  },
  within(60_000),
);
