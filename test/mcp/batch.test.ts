import { expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { batchMax, decodeBatch, isBatch } from "../../src/mcp/batch.ts";
import type { BodyHeaders } from "../../src/mcp/decode.ts";

const plain: BodyHeaders = {
  protocolVersion: "2025-03-26",
  mcpMethod: null,
  mcpName: null,
  contentEncoding: null,
  contentType: "application/json",
};
const read = (text: string, headers: Partial<BodyHeaders> = {}) =>
  decodeBatch(new TextEncoder().encode(text), { ...plain, ...headers });
const ping = (id: number | string): string => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"ping"}`;

test("every message of a batch is read for itself, with the bytes that may be forwarded for it", () => {
  const batch = read(
    `[ ${ping(1)}, {"jsonrpc":"2.0","method":"notifications/initialized"},
       {"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"send","arguments":{"n": 1.0}}} ]`,
  );
  if (isFault(batch)) throw new Error(batch.detail);
  expect(batch.members.map(({ kind, method }) => [kind, method])).toEqual([
    ["request", "ping"],
    ["notification", "notifications/initialized"],
    ["request", "tools/call"],
  ]);
  expect(batch.members[2]).toMatchObject({
    targets: [{ kind: "tool", name: "send" }],
    argumentsText: '{"n":1.0}',
  });
  expect(new TextDecoder().decode(batch.members[2]?.body)).toBe(
    '{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"send","arguments":{"n":1.0}}}',
  );
});

test("a request without a revision may be a batch, since it stands for the oldest", () => {
  expect(isFault(read(`[${ping(1)}]`, { protocolVersion: null }))).toBe(false);
});

const many = `[${Array.from({ length: batchMax + 1 }, (_, id) => ping(id)).join(",")}]`;
const claim = '"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}';

test.each([
  ["a later revision's", `[${ping(1)}]`, { protocolVersion: "2025-06-18" }, "bad_message"],
  [
    "one that claims a modern revision",
    `[{"jsonrpc":"2.0","id":1,"method":"ping",${claim}}]`,
    {},
    "header_mismatch",
  ],
  ["an empty one", "[]", {}, "bad_message"],
  ["one too long", many, {}, "bad_message"],
  ["one with a second batch inside", `[[${ping(1)}]]`, {}, "bad_message"],
  ["one with a message that is none", `[${ping(1)},7]`, {}, "bad_message"],
  ["one with two answers to one id", `[${ping(1)},${ping(1)}]`, {}, "bad_message"],
  [
    "one that begins a session",
    '[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}]',
    {},
    "bad_message",
  ],
  [
    "one with a duplicate key",
    '[{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}]',
    {},
    "bad_json",
  ],
  ["one in another coding", `[${ping(1)}]`, { contentEncoding: "gzip" }, "bad_media"],
] as const)("%s batch is refused", (_what, text, headers, code) => {
  expect(read(text, headers)).toMatchObject({ fault: code, id: null });
});

test("the number 1 and the text 1 are two ids", () => {
  expect(isFault(read(`[${ping(1)},${ping("1")}]`))).toBe(false);
});

test("a body is a batch by its first character", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  expect([" \r\n\t[", "[]", "{}", "", '"["'].map((text) => isBatch(bytes(text)))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
