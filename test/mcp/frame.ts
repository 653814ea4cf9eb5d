import fc from "fast-check";
import type { BodyHeaders } from "../../src/mcp/decode.ts";

/** What a client sends beside a body that is to be read. */
export const headers: BodyHeaders = {
  protocolVersion: null,
  mcpMethod: null,
  mcpName: null,
  contentEncoding: null,
  contentType: "application/json",
};

/** Frames that name something first, then those that do not. */
export const seeds = [
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send","arguments":{"to":"a","n":[1.0,1e3,-0,{"x":null}]}}}',
  '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"arguments":{"big":9007199254740993,"e":1e400,"__proto__":{"a":1}},"name":"a/\\u0062"}}',
  '{"jsonrpc":"2.0","id":"x","method":"resources/read","params":{"uri":"file:///a\\u0062","_meta":{"progressToken":1}}}',
  '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
  '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}',
  '{"jsonrpc":"2.0","id":2,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"}}}',
  '{"jsonrpc":"2.0","id":3,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a:b"]}}}',
];
export const namingSeeds = seeds.slice(0, 3);

const encoder = new TextEncoder();
const pieces = [
  ...['"', "\\", "{", "}", "[", "]", ",", ":", " ", "\ufeff", "\\u0000", "\\ud800", "null"],
  ...['"method":"tools/call",', '"NAME":"b",', '"name":"b",', '"arguments":{},', "1e999", "1.0", "/**/", "'"],
];
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(6),
  paste: fc.oneof(
    fc.constantFrom(...pieces).map((piece) => [...encoder.encode(piece)]),
    fc.array(fc.nat(255), { maxLength: 3 }),
  ),
});

/** One of the frames with up to `editsMax` places of its bytes cut out, pasted over or filled with noise. */
export const mutated = (of: readonly string[], editsMax: number): fc.Arbitrary<Uint8Array> =>
  fc.tuple(fc.constantFrom(...of), fc.array(edit, { maxLength: editsMax })).map(([seed, edits]) => {
    const out = [...encoder.encode(seed)];
    for (const { at, cut, paste } of edits) out.splice(Math.floor(at * out.length), cut, ...paste);
    return Uint8Array.from(out);
  });
