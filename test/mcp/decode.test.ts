import { describe, expect, test } from "vitest";
import { type FaultCode, isFault } from "../../src/fault.ts";
import { JsonNumber } from "../../src/json/value.ts";
import { type BodyHeaders, bodyBytesMax, decode, type Message } from "../../src/mcp/decode.ts";

const plain: BodyHeaders = {
  protocolVersion: "2025-11-25",
  mcpMethod: null,
  mcpName: null,
  contentEncoding: null,
  contentType: "application/json",
};
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, headers: Partial<BodyHeaders> = {}) =>
  decode(bytesOf(text), { ...plain, ...headers });

function accepted(text: string, headers: Partial<BodyHeaders> = {}): Message {
  const message = read(text, headers);
  if (isFault(message)) throw new Error(`${message.fault}: ${message.detail}`);
  return message;
}

const codeOf = (text: string | Uint8Array, headers: Partial<BodyHeaders> = {}): FaultCode | "accepted" => {
  const bytes = typeof text === "string" ? bytesOf(text) : text;
  const message = decode(bytes, { ...plain, ...headers });
  return isFault(message) ? message.fault : "accepted";
};

const call = (params: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
const forwarded = (message: Message): string => new TextDecoder().decode(message.body);

describe("what a message means", () => {
  test("a tool call is read whole", () => {
    const text =
      '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"send","arguments":{"n":1.0}}}';
    const message = accepted(text);
    expect(message).toMatchObject({
      kind: "request",
      id: new JsonNumber("7"),
      method: "tools/call",
      targets: [{ kind: "tool", name: "send" }],
      argumentsText: '{"n":1.0}',
      revision: "2025-11-25",
      era: "legacy",
    });
    expect(forwarded(message)).toBe(text);
  });

  test("a body that is already compact is forwarded as the very bytes that came", () => {
    const bytes = bytesOf(call('{"name":"send","arguments":{"text":"ünï😀"}}'));
    const message = decode(bytes, plain);
    expect(!isFault(message) && message.body === bytes).toBe(true);
  });

  test("white space and odd escapes are forwarded as the compact text, numbers as written", () => {
    const text = call(
      ' { "name" : "s\\u0065nd", "arguments" : { "a" : 9007199254740993, "b" : 1.0, "c" : 1e400 } }',
    );
    const message = accepted(text);
    expect(message.targets).toEqual([{ kind: "tool", name: "send" }]);
    expect(forwarded(message)).toBe(
      call('{"name":"send","arguments":{"a":9007199254740993,"b":1.0,"c":1e400}}'),
    );
    expect(message.argumentsText).toBe('{"a":9007199254740993,"b":1.0,"c":1e400}');
  });

  test("escaped and raw astral characters are one and the same", () => {
    const message = accepted(call('{"name":"a","arguments":{"t":"\\ud83d\\ude00"}}'));
    expect(message.argumentsText).toBe('{"t":"😀"}');
  });

  test.each([
    ["prompts/get", '{"name":"greet"}', [{ kind: "prompt", name: "greet" }]],
    ["resources/read", '{"uri":"file:///a"}', [{ kind: "resource", name: "file:///a" }]],
    ["resources/subscribe", '{"uri":"file:///a"}', [{ kind: "resource", name: "file:///a" }]],
    ["resources/unsubscribe", '{"uri":"file:///a"}', [{ kind: "resource", name: "file:///a" }]],
    [
      "completion/complete",
      '{"ref":{"type":"ref/prompt","name":"greet","title":"T"},"argument":{"name":"a","value":"b"}}',
      [{ kind: "prompt", name: "greet" }],
    ],
    [
      "completion/complete",
      '{"ref":{"type":"ref/resource","uri":"file:///{p}"},"argument":{"name":"p","value":""}}',
      [{ kind: "resource", name: "file:///{p}" }],
    ],
    [
      "subscriptions/listen",
      '{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:1","a:2"]}}',
      [
        { kind: "resource", name: "a:1" },
        { kind: "resource", name: "a:2" },
      ],
    ],
    ["subscriptions/listen", '{"notifications":{"toolsListChanged":true}}', []],
    ["tools/list", "{}", []],
    ["tasks/get", '{"taskId":"t"}', []],
  ])("%s %s names what it names", (method, params, targets) => {
    const text = `{"jsonrpc":"2.0","id":"x","method":"${method}","params":${params}}`;
    expect(accepted(text).targets).toEqual(targets);
  });

  test("params may be absent where nothing is named", () => {
    expect(accepted('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).toMatchObject({
      kind: "request",
      params: undefined,
      targets: [],
    });
  });

  test("a notification has no id, a response no method", () => {
    expect(accepted('{"jsonrpc":"2.0","method":"notifications/initialized"}')).toMatchObject({
      kind: "notification",
      id: null,
    });
    expect(accepted('{"jsonrpc":"2.0","id":"s-1","result":{}}')).toMatchObject({
      kind: "response",
      id: "s-1",
      method: "",
      targets: [],
    });
    expect(accepted('{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m"}}')).toMatchObject({
      kind: "response",
      id: null,
    });
  });

  test("the client's name comes from initialize or from modern metadata", () => {
    const opening =
      '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"cursor","version":"1"}}}';
    expect(accepted(opening, { protocolVersion: null }).clientName).toBe("cursor");
    const listing = modern("tools/list", {}, { "io.modelcontextprotocol/clientInfo": { name: "code" } });
    expect(accepted(listing, modernHeaders("tools/list")).clientName).toBe("code");
    expect(accepted('{"jsonrpc":"2.0","id":1,"method":"ping"}').clientName).toBeUndefined();
  });

  test("an id is kept as written, past what a double can hold", () => {
    expect(accepted('{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}').id).toEqual(
      new JsonNumber("9007199254740993"),
    );
  });
});

const request = (rest: string): string => `{"jsonrpc":"2.0","id":1,${rest}}`;
const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

describe("what is refused", () => {
  const nasty: [name: string, body: string | Uint8Array, code: FaultCode][] = [
    ["nothing", "", "bad_json"],
    ["not JSON", "{", "bad_json"],
    ["two values", `${request('"method":"ping"')}{}`, "bad_json"],
    ["a trailing comma", '{"jsonrpc":"2.0",}', "bad_json"],
    ["a comment", '{"jsonrpc":"2.0"/**/}', "bad_json"],
    ["NaN", call('{"name":"a","arguments":{"n":NaN}}'), "bad_json"],
    ["a leading zero", call('{"name":"a","arguments":{"n":01}}'), "bad_json"],
    ["a byte-order mark", `\ufeff${request('"method":"ping"')}`, "bad_json"],
    ["invalid UTF-8", Uint8Array.of(0x7b, 0xc3, 0x28, 0x7d), "bad_json"],
    ["an overlong slash", Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), "bad_json"],
    ["a surrogate in UTF-8", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), "bad_json"],
    ["UTF-16", Uint8Array.of(0x7b, 0, 0x7d, 0), "bad_json"],
    ["a lone surrogate", call('{"name":"a\\ud800"}'), "bad_json"],
    ["a surrogate pair turned round", call('{"name":"\\ude00\\ud83d"}'), "bad_json"],
    ["a raw control character", call('{"name":"a\tb"}'), "bad_json"],
    ["a duplicate method", request('"method":"ping","method":"tools/call"'), "bad_json"],
    ["a duplicate spelt with an escape", request('"method":"ping","\\u006dethod":"tools/call"'), "bad_json"],
    ["a duplicate deep in the arguments", call('{"name":"a","arguments":{"x":[{"y":1,"y":2}]}}'), "bad_json"],
    ["a NUL in a key", call('{"name":"a","name\\u0000":"b"}'), "bad_json"],
    ["65 levels", call(`{"name":"a","arguments":{"x":${deep(62)}}}`), "bad_json"],
    ["a hundred thousand levels", deep(100_000), "bad_json"],
    ["10,001 elements", call(`{"name":"a","arguments":{"x":[${"1,".repeat(10_001)}1]}}`), "bad_json"],
    ["a string past 256 KiB", call(`{"name":"a","arguments":{"x":"${"x".repeat(262_145)}"}}`), "bad_json"],
    ["a body past 1 MiB", new Uint8Array(bodyBytesMax + 1).fill(0x20), "too_large"],
    ["a batch", `[${request('"method":"ping"')}]`, "bad_message"],
    ["an empty batch", "[]", "bad_message"],
    ["a string", '"ping"', "bad_message"],
    ["null", "null", "bad_message"],
    ["an empty object", "{}", "bad_message"],
    ["no jsonrpc", '{"id":1,"method":"ping"}', "bad_message"],
    ["jsonrpc 1.0", '{"jsonrpc":"1.0","id":1,"method":"ping"}', "bad_message"],
    ["jsonrpc as a number", '{"jsonrpc":2.0,"id":1,"method":"ping"}', "bad_message"],
    ["METHOD beside method", request('"method":"ping","METHOD":"tools/call"'), "bad_message"],
    ["METHOD alone", request('"METHOD":"tools/call"'), "bad_message"],
    ["an unknown key", request('"method":"ping","extra":1'), "bad_message"],
    ["a prototype's key", request('"method":"ping","__proto__":{}'), "bad_message"],
    ["method and result", request('"method":"ping","result":{}'), "bad_message"],
    ["result and error", request('"result":{},"error":{}'), "bad_message"],
    ["neither", request('"params":{}'), "bad_message"],
    ["a method that is a number", request('"method":1'), "bad_message"],
    ["an empty method", request('"method":""'), "bad_message"],
    ["a method with a NUL", request('"method":"tools/call\\u0000"'), "bad_message"],
    ["a method with a space", request('"method":"tools/call "'), "bad_message"],
    [
      "a tool call without an id",
      '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}',
      "bad_message",
    ],
    ["a ping without an id", '{"jsonrpc":"2.0","method":"ping"}', "bad_message"],
    ["a null id", '{"jsonrpc":"2.0","id":null,"method":"ping"}', "bad_message"],
    ["a fractional id", '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', "bad_message"],
    ["an exponent as id", '{"jsonrpc":"2.0","id":1e3,"method":"ping"}', "bad_message"],
    ["an object as id", '{"jsonrpc":"2.0","id":{},"method":"ping"}', "bad_message"],
    ["a notification with an id", request('"method":"notifications/initialized"'), "bad_message"],
    ["a result without an id", '{"jsonrpc":"2.0","result":{}}', "bad_message"],
    ["a result for a null id", '{"jsonrpc":"2.0","id":null,"result":{}}', "bad_message"],
    ["a result that is a list", request('"result":[]'), "bad_message"],
    ["an error that is a string", request('"error":"no"'), "bad_message"],
    ["a response with params", request('"result":{},"params":{}'), "bad_message"],
    ["params as a list", request('"method":"tools/call","params":["a"]'), "bad_message"],
    ["params null", request('"method":"tools/list","params":null'), "bad_message"],
    ["a call without params", request('"method":"tools/call"'), "bad_params"],
    ["a call without a name", call("{}"), "bad_params"],
    ["a name that is a list", call('{"name":["a"]}'), "bad_params"],
    ["arguments as a list", call('{"name":"a","arguments":[]}'), "bad_params"],
    ["arguments null", call('{"name":"a","arguments":null}'), "bad_params"],
    ["arguments as text", call('{"name":"a","arguments":"{}"}'), "bad_params"],
    ["Name beside name", call('{"name":"a","Name":"b"}'), "bad_params"],
    ["ARGUMENTS", call('{"name":"a","ARGUMENTS":{}}'), "bad_params"],
    ["argument\u017f", call('{"name":"a","argument\u017f":{}}'), "bad_params"],
    ["tas\u212aId", request('"method":"tasks/get","params":{"taskId":"a","tas\u212aId":"b"}'), "bad_params"],
    ["task_id", request('"method":"tasks/get","params":{"taskId":"a","task_id":"b"}'), "bad_params"],
    ["meta beside _meta", call('{"name":"a","meta":{}}'), "bad_params"],
    ["full-width name", call('{"name":"a","\uff4eame":"b"}'), "bad_params"],
    ["Uri", request('"method":"resources/read","params":{"uri":"a:b","Uri":"c:d"}'), "bad_params"],
    ["_meta as a list", call('{"name":"a","_meta":[]}'), "bad_params"],
    [
      "a claim that is no string",
      call('{"name":"a","_meta":{"io.modelcontextprotocol/protocolVersion":1}}'),
      "bad_params",
    ],
    ["a reference to both", reference('{"type":"ref/prompt","name":"a","uri":"b:c"}'), "bad_params"],
    ["a reference of another type", reference('{"type":"ref/tool","name":"a"}'), "bad_params"],
    ["a reference with NAME", reference('{"type":"ref/prompt","name":"a","NAME":"b"}'), "bad_params"],
    ["no reference", request('"method":"completion/complete","params":{}'), "bad_params"],
    ["a subscription to a number", listen('{"resourceSubscriptions":["a:b",1]}'), "bad_params"],
    ["subscriptions as a string", listen('{"resourceSubscriptions":"a:b"}'), "bad_params"],
    ["resourcesubscriptions", listen('{"resourcesubscriptions":["a:b"]}'), "bad_params"],
    ["Notifications", request('"method":"subscriptions/listen","params":{"Notifications":{}}'), "bad_params"],
  ];
  function reference(ref: string): string {
    return request(`"method":"completion/complete","params":{"ref":${ref}}`);
  }
  function listen(wanted: string): string {
    return request(`"method":"subscriptions/listen","params":{"notifications":${wanted}}`);
  }

  test.each(nasty)("%s", (_name, body, code) => {
    expect(codeOf(body)).toBe(code);
  });

  test("the caps themselves still pass", () => {
    expect(codeOf(call(`{"name":"a","arguments":{"x":${deep(61)}}}`))).toBe("accepted");
    expect(codeOf(call(`{"name":"a","arguments":{"x":"${"x".repeat(262_144)}"}}`))).toBe("accepted");
    const padded = request('"method":"ping"');
    expect(codeOf(padded + " ".repeat(bodyBytesMax - padded.length))).toBe("accepted");
  });

  test.each([
    [{ contentEncoding: "gzip" }],
    [{ contentEncoding: "identity" }],
    [{ contentType: null }],
    [{ contentType: "text/plain" }],
    [{ contentType: "application/json-patch+json" }],
    [{ contentType: "application/json; charset=utf-16" }],
    [{ contentType: "application/json; charset=utf-8; charset=utf-16" }],
  ])("headers %j are a media type that is not taken", (headers) => {
    expect(codeOf(request('"method":"ping"'), headers)).toBe("bad_media");
  });

  test.each(["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])(
    "content type %s is taken",
    (contentType) => {
      expect(codeOf(request('"method":"ping"'), { contentType })).toBe("accepted");
    },
  );

  test("a refusal carries the id that it answers, as written, wherever one could be read", () => {
    expect(read('{"jsonrpc":"2.0","id":"a-1","method":"tools/call"}')).toMatchObject({ id: "a-1" });
    expect(read('{"jsonrpc":"1.0","id":12345678901234567890,"method":"x"}')).toMatchObject({
      id: new JsonNumber("12345678901234567890"),
    });
    expect(read('{"jsonrpc":"2.0","id":[1],"method":"x"}')).toMatchObject({ id: null });
    expect(read("{")).toMatchObject({ id: null });
  });

  test("an unknown revision is refused, whatever the body", () => {
    expect(codeOf(request('"method":"ping"'), { protocolVersion: "2025-01-01" })).toBe("bad_revision");
  });
});

const claim = "io.modelcontextprotocol/protocolVersion";

function modern(method: string, params: object, meta: object = {}, version = "2026-07-28"): string {
  const whole = {
    ...params,
    _meta: { [claim]: version, "io.modelcontextprotocol/clientCapabilities": {}, ...meta },
  };
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: whole });
}

const modernHeaders = (mcpMethod: string | null, mcpName: string | null = null): Partial<BodyHeaders> => ({
  protocolVersion: "2026-07-28",
  mcpMethod,
  mcpName,
});

describe("the modern revision", () => {
  const body = modern("tools/call", { name: "send", arguments: {} });

  test("headers that repeat the body pass", () => {
    expect(accepted(body, modernHeaders("tools/call", "send"))).toMatchObject({
      era: "modern",
      revision: "2026-07-28",
      targets: [{ kind: "tool", name: "send" }],
    });
  });

  test.each([
    ["white space around them", " tools/call ", "\tsend "],
    ["the name in base64", "tools/call", `=?base64?${btoa("send")}?=`],
  ])("%s does not matter", (_what, method, name) => {
    expect(codeOf(body, modernHeaders(method, name))).toBe("accepted");
  });

  test("a name outside ASCII is compared as UTF-8", () => {
    const read = modern("resources/read", { uri: "file:///ä😀" });
    const coded = btoa(String.fromCharCode(...bytesOf("file:///ä😀")));
    expect(codeOf(read, modernHeaders("resources/read", `=?base64?${coded}?=`))).toBe("accepted");
  });

  test.each([
    ["another method", "tools/list", "send"],
    ["the method in another case", "Tools/Call", "send"],
    ["another tool", "tools/call", "delete"],
    ["the tool in another case", "tools/call", "Send"],
    ["another tool in base64", "tools/call", `=?base64?${btoa("delete")}?=`],
    ["base64 without its padding", "tools/call", "=?base64?c2VuZA?="],
    ["base64 of another alphabet", "tools/call", "=?base64?c2_uZA==?="],
    ["base64 that is not UTF-8", "tools/call", `=?base64?${btoa("\xff")}?=`],
    ["two methods", "tools/call, tools/list", "send"],
    ["no method", null, "send"],
    ["no name", "tools/call", null],
  ])("headers that say %s are refused", (_what, method, name) => {
    expect(codeOf(body, modernHeaders(method, name))).toBe("header_mismatch");
  });

  test("a name where the body names nothing is refused", () => {
    expect(codeOf(modern("tools/list", {}), modernHeaders("tools/list", "send"))).toBe("header_mismatch");
  });

  test("a task is named by its id", () => {
    const get = modern("tasks/get", { taskId: "t-1" });
    expect(codeOf(get, modernHeaders("tasks/get", "t-1"))).toBe("accepted");
    expect(codeOf(get, modernHeaders("tasks/get", "t-2"))).toBe("header_mismatch");
  });

  test("a body that claims the revision needs the header that says so", () => {
    expect(codeOf(body, { ...modernHeaders("tools/call", "send"), protocolVersion: null })).toBe(
      "header_mismatch",
    );
    expect(codeOf(body)).toBe("header_mismatch");
  });

  test("an unsupported version reaches the upstream, which knows what it supports", () => {
    const probe = modern("server/discover", {}, {}, "v999.0.0");
    expect(
      accepted(probe, { ...modernHeaders("server/discover"), protocolVersion: "v999.0.0" }),
    ).toMatchObject({
      era: "modern",
      revision: "v999.0.0",
    });
  });

  test("a request without the metadata reaches the upstream, which says what is missing", () => {
    expect(
      codeOf('{"jsonrpc":"2.0","id":101,"method":"server/discover","params":{}}', modernHeaders(null)),
    ).toBe("accepted");
  });

  test("a header alone makes a message modern, so what its mirrors say must be true", () => {
    const bare = call('{"name":"send"}');
    expect(accepted(bare, modernHeaders("tools/call", "send")).era).toBe("modern");
    expect(codeOf(bare, modernHeaders("tools/call", "delete"))).toBe("header_mismatch");
  });

  test.each(["resources/subscribe", "resources/unsubscribe"])("%s is not in it", (method) => {
    expect(codeOf(modern(method, {}), modernHeaders(method))).toBe("unknown_method");
  });

  test("mirrors on a legacy request are not read: they are not forwarded either", () => {
    expect(codeOf(call('{"name":"send"}'), { mcpMethod: "tools/list", mcpName: "x" })).toBe("accepted");
  });
});
