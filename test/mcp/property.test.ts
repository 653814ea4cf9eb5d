import { env } from "cloudflare:test";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { type BodyHeaders, decode, type Message } from "../../src/mcp/decode.ts";

const headers: BodyHeaders = {
  protocolVersion: null,
  mcpMethod: null,
  mcpName: null,
  contentEncoding: null,
  contentType: "application/json",
};
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
    { numRuns: 2_000 },
  );
});

const seeds = [
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send","arguments":{"to":"a","n":[1.0,1e3,-0,{"x":null}]}}}',
  '{"jsonrpc":"2.0","id":"x","method":"resources/read","params":{"uri":"file:///a\\u0062","_meta":{"progressToken":1}}}',
  '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
  '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}',
  '{"jsonrpc":"2.0","id":2,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"}}}',
  '{"jsonrpc":"2.0","id":3,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a:b"]}}}',
];
const pieces = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\\u0000",
  "\\ud800",
  '"method":"tools/call",',
  '"NAME":"b",',
  "\ufeff",
  " ",
  "1e999",
  "null",
];
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(6),
  paste: fc.oneof(
    fc.constantFrom(...pieces).map((piece) => [...encoder.encode(piece)]),
    fc.array(fc.nat(255), { maxLength: 3 }),
  ),
});

function edited(
  bytes: Uint8Array,
  edits: readonly { at: number; cut: number; paste: number[] }[],
): Uint8Array {
  const out = [...bytes];
  for (const { at, cut, paste } of edits) out.splice(Math.floor(at * out.length), cut, ...paste);
  return Uint8Array.from(out);
}

test("no mutation of a frame makes decode throw, and what it accepts reads the same in another parser", () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 4 }), (seed, edits) => {
      const message = decode(edited(encoder.encode(seed), edits), headers);
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
    { numRuns: 10_000 },
  );
  expect(taken).toBeGreaterThan(500);
});

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
    { numRuns: 5_000 },
  );
});

interface Seen {
  readonly method: string | null;
  readonly name: string | null;
  readonly args: string | null;
}

/** Each body as SQLite's own JSON parser reads it, which is written in C and folds nothing. */
async function readBySqlite(bodies: readonly string[]): Promise<Seen[]> {
  const question = env.DB.prepare(
    `SELECT json_extract(value, '$.method') AS method,
            coalesce(json_extract(value, '$.params.name'), json_extract(value, '$.params.uri')) AS name,
            json_extract(value, '$.params.arguments') AS args
       FROM json_each(?1) ORDER BY key`,
  );
  return (await question.bind(JSON.stringify(bodies)).all<Seen>()).results;
}

test("SQLite's parser reads what is forwarded as the call that was judged", async () => {
  const seed = Date.now() % 2 ** 31;
  const frames = fc.tuple(fc.constantFrom(...seeds.slice(0, 2)), fc.array(edit, { maxLength: 2 }));
  const mutated = fc.sample(frames, { numRuns: 4_000, seed });
  const messages = mutated
    .map(([seed, edits]) => decode(edited(encoder.encode(seed), edits), headers))
    .filter((message): message is Message => !isFault(message) && message.targets.length > 0);
  expect(messages.length).toBeGreaterThan(500);
  const seen = await readBySqlite(messages.map(({ body }) => textOf(body)));
  expect(seen, `seed ${seed}`).toEqual(
    messages.map((message) => ({
      method: message.method,
      name: message.targets[0]?.name ?? null,
      args: message.argumentsText ?? null,
    })),
  );
});
