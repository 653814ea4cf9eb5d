import { describe, expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { readJson } from "../../src/json/read.ts";
import { asksOf, askWords } from "../../src/mcp/server_ask.ts";

function asks(text: string): unknown {
  const read = readJson(text);
  if (!read.ok || !(read.value instanceof Map)) throw new Error("not an object");
  // What is not even parsed must ask for nothing.
  if (!askWords.test(text)) return [];
  const asked = asksOf(read.value);
  return isFault(asked) ? asked.fault : asked;
}

describe("a server's message", () => {
  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}', ["sampling"]],
    ['{"jsonrpc":"2.0","id":1,"method":"s\\u0061mpling/createMessage"}', ["sampling"]],
    ['{"jsonrpc":"2.0","id":1,"m\\u0065thod":"elicitation\\/create"}', ["elicitation"]],
    ['{"jsonrpc":"2.0","id":"a","method":"roots/list"}', ["roots"]],
    [
      '{"id":1,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"},"b":{"method":"sampling/createMessage"}}}}',
      ["roots", "sampling"],
    ],
    ['{"id":1,"error":{"code":-32042,"message":"","data":{"elicitations":[]}}}', ["elicitation"]],
  ])("%s asks for %j", (text, kinds) => {
    expect(asks(text)).toEqual(kinds);
  });

  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"ping"}'],
    ['{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"sampling/createMessage"}}'],
    ['{"id":1,"result":{"content":[{"type":"text","text":"elicitation/create"}]}}'],
    ['{"id":1,"error":{"code":-32602,"message":"Unknown tool: roots/list"}}'],
  ])("%s asks for nothing", (text) => {
    expect(asks(text)).toEqual([]);
  });

  test.each([
    ['{"id":1,"Method":"sampling/createMessage"}'],
    ['{"ID":1,"method":"sampling/createMessage"}'],
    ['{"id":1,"result":{"InputRequests":{"a":{"method":"roots/list"}}}}'],
    ['{"id":1,"result":{"input_requests":{"a":{"method":"roots/list"}}}}'],
    ['{"id":1,"result":{"inputRequests":{"a":{"METHOD":"roots/list"}}}}'],
    ['{"id":1,"result":{"inputRequests":[{"method":"roots/list"}]}}'],
    ['{"id":1,"result":{"inputRequests":{"a":"roots/list"}}}'],
    ['{"id":1,"error":{"code":-32042,"data":{"Elicitations":[]}}}'],
  ])("%s can be mistaken, so it does not pass", (text) => {
    expect(asks(text)).toBe("upstream_bad");
  });
});
