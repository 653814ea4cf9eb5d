import { describe, expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { readJson } from "../../src/json/read.ts";
import { compactJson } from "../../src/json/write.ts";
import { type BodyHeaders, decode } from "../../src/mcp/decode.ts";
import { bindHandles, openHandles } from "../../src/mcp/handle.ts";

function bound(text: string): string {
  const read = readJson(text);
  if (!read.ok || !(read.value instanceof Map)) throw new Error("not an object");
  const bind = {
    task: (id: string) => `taskId<${id}>`,
    state: (state: string | null, asks: boolean) =>
      asks || state !== null ? `requestState<${state}>` : null,
  };
  return compactJson(bindHandles(read.value, bind));
}

const headers: BodyHeaders = {
  protocolVersion: "2025-11-25",
  mcpMethod: null,
  mcpName: null,
  contentEncoding: null,
  contentType: "application/json",
};

function opened(text: string): string {
  const message = decode(new TextEncoder().encode(text), headers);
  if (isFault(message)) throw new Error(message.detail);
  const inside = (given: string) => /^<(.*)>$/.exec(given)?.[1] ?? null;
  const state = (given: string) =>
    given === "none" ? { state: null } : inside(given) && { state: inside(given) };
  const open = openHandles(message, { task: inside, state: (given) => state(given) || null });
  return isFault(open) ? open.fault : new TextDecoder().decode(open.body);
}

describe("a server's message", () => {
  test.each([
    [
      '{"id":1,"result":{"resultType":"input_required","requestState":"a","x":1.0}}',
      '{"id":1,"result":{"resultType":"input_required","requestState":"requestState<a>","x":1.0}}',
    ],
    [
      // The client is to carry something, so that the gateway knows the next round by it.
      '{"id":1,"result":{"resultType":"input_required","inputRequests":{}}}',
      '{"id":1,"result":{"resultType":"input_required","inputRequests":{},"requestState":"requestState<null>"}}',
    ],
    [
      '{"id":1,"result":{"resultType":"task","taskId":"t","status":"working"}}',
      '{"id":1,"result":{"resultType":"task","taskId":"taskId<t>","status":"working"}}',
    ],
    [
      '{"id":1,"result":{"task":{"taskId":"t","status":"working"}}}',
      '{"id":1,"result":{"task":{"taskId":"taskId<t>","status":"working"}}}',
    ],
    [
      '{"id":1,"result":{"tasks":[{"taskId":"t"},{"taskId":"u"}]}}',
      '{"id":1,"result":{"tasks":[{"taskId":"taskId<t>"},{"taskId":"taskId<u>"}]}}',
    ],
    [
      '{"method":"notifications/tasks/status","params":{"taskId":"t","status":"working"}}',
      '{"method":"notifications/tasks/status","params":{"taskId":"taskId<t>","status":"working"}}',
    ],
    [
      '{"id":9,"method":"elicitation/create","params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}}',
      '{"id":9,"method":"elicitation/create","params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"taskId<t>"}}}}',
    ],
  ])("%s has its handles bound", (text, wanted) => {
    expect(bound(text)).toBe(wanted);
  });

  test.each([
    // It asks about a task of the client's.
    ['{"id":9,"method":"tasks/get","params":{"taskId":"t"}}'],
    ['{"id":1,"result":{"content":[],"structuredContent":{"taskId":"t","status":"open"}}}'],
    ['{"id":1,"result":{"taskId":"t"}}'],
    ['{"id":1,"result":{"resultType":"complete","content":[]}}'],
    ['{"id":1,"error":{"code":-32602,"message":"taskId"}}'],
  ])("%s stays as it is", (text) => {
    expect(bound(text)).toBe(text);
  });
});

describe("a client's message", () => {
  test.each([
    [
      '{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"<t>"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t"}}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"n":1.0},"requestState":"<s>"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"n":1.0},"requestState":"s"}}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a","requestState":"none","inputResponses":{}}}',
      '{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a","inputResponses":{}}}',
    ],
    [
      '{"jsonrpc":"2.0","id":9,"result":{"action":"accept","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"<t>"}}}}',
      '{"jsonrpc":"2.0","id":9,"result":{"action":"accept","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}}',
    ],
  ])("%s gives the server its own handles back", (text, wanted) => {
    expect(opened(text)).toBe(wanted);
  });

  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{"taskId":"t"}}'],
    ['{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a","requestState":"s"}}'],
  ])("%s is refused, for nobody gave it that handle", (text) => {
    expect(opened(text)).toBe("bad_params");
  });

  test.each([
    // An answer to the server, and a report to it, on tasks of the client's own.
    ['{"jsonrpc":"2.0","id":9,"result":{"taskId":"t","status":"working"}}'],
    ['{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"t"}}'],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"taskId":"t"}}}'],
  ])("%s keeps its bytes", (text) => {
    expect(opened(text)).toBe(text);
  });
});
