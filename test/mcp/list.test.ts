import { describe, expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { readJson } from "../../src/json/read.ts";
import type { JsonObject } from "../../src/json/value.ts";
import { compactJson } from "../../src/json/write.ts";
import { editBody, editFrame } from "../../src/mcp/edit.ts";
import { filterList, type Keep, listEdit, toolsMax } from "../../src/mcp/list.ts";
import { type SseFrame, SseFramer } from "../../src/mcp/sse.ts";

const keep: Keep = {
  tool: (name, definition) => name.startsWith("read") && definition.get("evil") === undefined,
  resource: (uri) => uri.startsWith("docs:"),
  prompt: (name) => name === "greet",
};
const all: Keep = { tool: () => true, resource: () => true, prompt: () => true };

const objectOf = (text: string): JsonObject => {
  const read = readJson(text);
  if (!read.ok || !(read.value instanceof Map)) throw new Error("not an object");
  return read.value;
};
const filtered = (method: string | null, result: string): string =>
  compactJson(filterList(method, objectOf(result), keep));

describe("a list", () => {
  test.each([
    [
      "tools/list",
      '{"tools":[{"name":"write"},{"name":"read_b","max":1.0},{"name":"read_a"}],"nextCursor":"c"}',
      '{"tools":[{"name":"read_b","max":1.0},{"name":"read_a"}],"nextCursor":"c"}',
    ],
    [
      "resources/list",
      '{"resources":[{"uri":"docs:1"},{"uri":"keys:1"}]}',
      '{"resources":[{"uri":"docs:1"}]}',
    ],
    [
      "resources/templates/list",
      '{"resourceTemplates":[{"uriTemplate":"docs:{n}"},{"uriTemplate":"keys:{n}"}]}',
      '{"resourceTemplates":[{"uriTemplate":"docs:{n}"}]}',
    ],
    ["prompts/list", '{"prompts":[{"name":"greet"},{"name":"admin"}]}', '{"prompts":[{"name":"greet"}]}'],
  ])("%s keeps what the grant may see, in its order, numbers as written", (method, result, expected) => {
    expect(filtered(method, result)).toBe(expected);
  });

  test("the definition is asked about, not the name alone", () => {
    expect(filtered("tools/list", '{"tools":[{"name":"read","evil":true}]}')).toBe('{"tools":[]}');
  });

  test("a second definition under one name is left out", () => {
    expect(filtered("tools/list", '{"tools":[{"name":"read","v":1},{"name":"read","v":2}]}')).toBe(
      '{"tools":[{"name":"read","v":1}]}',
    );
  });

  test.each([
    ['{"tools":[{"name":1},"read",null,{},[{"name":"read"}]]}', '{"tools":[]}'],
    ['{"tools":{"name":"read"}}', '{"tools":[]}'],
    ['{"tools":[{"name":"read it"},{"name":"read\\u202e"}]}', '{"tools":[]}'],
    ['{"tools":[],"Tools":[{"name":"write"}],"TOOLS":[]}', '{"tools":[]}'],
    ['{"Tools":[{"name":"write"}]}', "{}"],
  ])("%s hides what cannot be named or is smuggled in", (result, expected) => {
    expect(filtered("tools/list", result)).toBe(expected);
  });

  test("a modern one is private to whom it was filtered for", () => {
    expect(
      filtered("tools/list", '{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public"}'),
    ).toBe('{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"private"}');
    expect(filtered("prompts/list", '{"resultType":"complete","prompts":[]}')).toBe(
      '{"resultType":"complete","prompts":[],"cacheScope":"private"}',
    );
    expect(filtered("server/discover", '{"supportedVersions":[],"cacheScope":"public","ttlMs":1}')).toBe(
      '{"supportedVersions":[],"cacheScope":"private","ttlMs":1}',
    );
    expect(filtered("tools/list", '{"tools":[]}')).toBe('{"tools":[]}');
  });

  test("of another method nothing is touched", () => {
    const result = objectOf('{"tools":[{"name":"write"}],"cacheScope":"public"}');
    expect(filterList("tools/call", result, keep)).toBe(result);
  });

  test("whatever a resumed stream answers, its lists are filtered", () => {
    expect(filtered(null, '{"tools":[{"name":"write"}],"prompts":[{"name":"admin"}],"resources":[]}')).toBe(
      '{"tools":[],"prompts":[],"resources":[]}',
    );
  });

  test("one that needs no change comes back as it is", () => {
    const result = objectOf('{"tools":[{"name":"read"}]}');
    expect(filterList("tools/list", result, keep)).toBe(result);
  });
});

describe("an answer's body", () => {
  const edited = (body: string, kept = keep) =>
    editBody(new TextEncoder().encode(body), listEdit("tools/list", kept));

  test("is filtered inside its result, id and all else as written", () => {
    const body = '{ "jsonrpc":"2.0", "id":9007199254740993, "result":{"tools":[{"name":"write"}],"x":1.50} }';
    expect(edited(body)).toBe('{"jsonrpc":"2.0","id":9007199254740993,"result":{"tools":[],"x":1.50}}');
  });

  test.each([
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}',
    '{ "jsonrpc":"2.0", "id":1, "result":{"tools":[{"name":"read"}]} }',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"tools":[{"name":"write"}]}}',
    '[{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}]',
  ])("%s is left as it came", (body) => {
    expect(edited(body)).toBe(body);
  });

  test("a batch of answers is filtered one by one", () => {
    const body = '[{"id":1,"result":{"tools":[{"name":"write"}]}},{"id":2,"result":{}}]';
    expect(edited(body)).toBe('[{"id":1,"result":{"tools":[]}},{"id":2,"result":{}}]');
  });

  test.each([
    ["<html>"],
    [""],
    ['"text"'],
    ["[[]]"],
    ['{"id":1,"result":{"tools":[]},"result":{"tools":[{"name":"write"}]}}'],
    ['{"id":1,"result":{"tools":[]},"Result":{"tools":[{"name":"write"}]}}'],
    ['\ufeff{"id":1,"result":{"tools":[]}}'],
  ])("%s cannot be filtered, so it does not pass", (body) => {
    expect(edited(body)).toMatchObject({ fault: "upstream_bad" });
  });

  test("bytes that are not UTF-8 do not pass", () => {
    expect(editBody(Uint8Array.of(0x22, 0xff, 0x22), listEdit("tools/list", keep))).toMatchObject({
      fault: "upstream_bad",
    });
  });

  test("a list has 2,000 tools at most", () => {
    const body = (count: number): string => {
      const tools = Array.from({ length: count }, (_, index) => ({ name: `read_${index}` }));
      return JSON.stringify({ jsonrpc: "2.0", id: 1, result: { tools } });
    };
    expect(edited(body(toolsMax), all)).toBe(body(toolsMax));
    expect(edited(body(toolsMax + 1), all)).toMatchObject({ fault: "upstream_bad" });
  });
});

describe("a frame of a stream", () => {
  const frameOf = (text: string): SseFrame => {
    const frames = new SseFramer().push(new TextEncoder().encode(text));
    const frame = isFault(frames) ? undefined : frames[0];
    if (!frame) throw new Error("no frame");
    return frame;
  };
  const relayed = (text: string): string => {
    const bytes = editFrame(frameOf(text), listEdit("tools/list", keep));
    return isFault(bytes) ? bytes.fault : new TextDecoder().decode(bytes);
  };

  test.each([
    [": beat\n\n"],
    ["id: 0\nretry: 100\ndata:\n\n"],
    ['event: message\ndata: {"id":1,"result":{"tools":[{"name": "read"}]}}\r\n\r\n'],
    ['data: {"method":"notifications/message","params":{}}\n\n'],
  ])("%j keeps its bytes", (text) => {
    expect(relayed(text)).toBe(text);
  });

  test("loses what the grant may not see and nothing else", () => {
    expect(relayed('event: message\nid: 5\ndata: {"id":1,"result":{"tools":[{"name":"write"}]}}\n\n')).toBe(
      'event: message\nid: 5\ndata: {"id":1,"result":{"tools":[]}}\n\n',
    );
  });

  test("that cannot be read is refused", () => {
    expect(relayed("data: {\n\n")).toBe("upstream_bad");
  });
});
