import { describe, expect, test } from "vitest";
import { fault } from "../../src/fault.ts";
import type { ApprovalId, DecisionId } from "../../src/id.ts";
import { JsonNumber } from "../../src/json/value.ts";
import { faultBody, type Refusal, refusedCall, refusedStatus } from "../../src/mcp/refuse.ts";
import type { Target } from "../../src/mcp/target.ts";

const decision = "dec_0_1" as DecisionId;
const refusal = (outcome: Refusal["outcome"], over: Partial<Refusal> = {}): Refusal => ({
  outcome,
  rule: "/tools/create_charge/deny_if/args.amount-gt",
  reason: "Refund exceeds the policy limit.",
  retryAfterMs: null,
  ...over,
});
const message = (method: string, targets: readonly Target[], era: "legacy" | "modern" = "legacy") => ({
  id: new JsonNumber("7"),
  era,
  method,
  targets,
});
const tool = (name: string): Target[] => [{ kind: "tool", name }];
const answer = (...args: Parameters<typeof refusedCall>): unknown => JSON.parse(refusedCall(...args));

describe("a refused tool call", () => {
  test("is a result that the model reads, with the decision beside it", () => {
    expect(answer(message("tools/call", tool("create_charge")), refusal("denied"), decision)).toEqual({
      jsonrpc: "2.0",
      id: 7,
      result: {
        isError: true,
        content: [{ type: "text", text: "[POLICY DENIED] Refund exceeds the policy limit." }],
        _meta: {
          "portcullis/decision": {
            id: "dec_0_1",
            outcome: "denied",
            rule: "/tools/create_charge/deny_if/args.amount-gt",
            reason: "Refund exceeds the policy limit.",
            retry_after_ms: null,
          },
        },
      },
    });
  });

  test("is a complete result on the modern revision", () => {
    expect(answer(message("tools/call", tool("a"), "modern"), refusal("denied"), decision)).toMatchObject({
      result: { resultType: "complete", isError: true },
    });
  });

  test.each([
    [22_001, "Retry in 23 s."],
    [23_000, "Retry in 23 s."],
    [1, "Retry in 1 s."],
    [0, "Retry in 1 s."],
  ])("over a limit says when to come back: %i ms is %s", (retryAfterMs, advice) => {
    const limited = refusal("limited", { reason: "10 per minute reached for cmux_send.", retryAfterMs });
    expect(answer(message("tools/call", tool("cmux_send")), limited, decision)).toMatchObject({
      result: {
        content: [{ text: `[RATE LIMITED] 10 per minute reached for cmux_send. ${advice}` }],
        _meta: { "portcullis/decision": { outcome: "limited", retry_after_ms: retryAfterMs } },
      },
    });
  });

  test("over a limit says exactly what the limit is, what is left and when it comes back", () => {
    const limit = { max: "1000000000000.000001", remaining: "0.1", resetAtMs: Date.UTC(2026, 5, 1) };
    const text = refusedCall(message("tools/call", tool("a")), refusal("limited", { limit }), decision);
    expect(text).toContain(
      '"limit":1000000000000.000001,"remaining":0.1,"reset_at":"2026-06-01T00:00:00.000Z"',
    );
  });

  test("that never fits says no time", () => {
    const limited = refusal("limited", { reason: "0 per day reached for a." });
    expect(answer(message("tools/call", tool("a")), limited, decision)).toMatchObject({
      result: { content: [{ text: "[RATE LIMITED] 0 per day reached for a." }] },
    });
  });

  test("that waits for a person says so", () => {
    const waiting = refusal("approval_required", { reason: "Over 500 needs a person." });
    expect(answer(message("tools/call", tool("a")), waiting, decision)).toMatchObject({
      result: { content: [{ text: "[APPROVAL REQUIRED] Over 500 needs a person." }] },
    });
  });
});

test("where to ask follows the author's reason as a sentence of its own", () => {
  const approval = { id: "apr_1" as ApprovalId, url: "https://gate.example/approvals/apr_1", expiresAtMs: 0 };
  const texts = ["Over 500", "Over 500!"].map((reason) =>
    refusedCall(
      message("tools/call", tool("a")),
      refusal("approval_required", { reason, approval }),
      decision,
    ),
  );
  expect(texts[0]).toContain("[APPROVAL REQUIRED] Over 500. Ask for approval at https://gate.example/");
  expect(texts[1]).toContain("[APPROVAL REQUIRED] Over 500! Ask for approval at https://gate.example/");
});

describe("what is unknown", () => {
  test("a hidden, quarantined and absent tool are told in the same bytes", () => {
    const call = message("tools/call", tool("delete_account"));
    const hidden = refusedCall(call, refusal("unknown", { rule: "(hidden)", reason: "Hidden." }), decision);
    const absent = refusedCall(call, refusal("unknown", { rule: "(unknown tool)", reason: "No." }), null);
    expect(hidden).toBe(absent);
    expect(JSON.parse(hidden)).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: { code: -32602, message: "Unknown tool: delete_account" },
    });
  });

  test.each([
    ["prompts/get", "prompt", "legacy", -32602, "Unknown prompt: x"],
    ["resources/read", "resource", "legacy", -32002, "Unknown resource: x"],
    ["resources/read", "resource", "modern", -32602, "Unknown resource: x"],
  ] as const)("%s of an unknown %s, %s", (method, kind, era, code, text) => {
    expect(answer(message(method, [{ kind, name: "x" }], era), refusal("unknown"), decision)).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: { code, message: text },
    });
  });

  test("a name is not repeated without end, nor cut inside a character", () => {
    const long = `${"x".repeat(127)}😀${"y".repeat(1_000)}`;
    expect(answer(message("tools/call", tool(long)), refusal("unknown"), null)).toMatchObject({
      error: { message: `Unknown tool: ${"x".repeat(127)}\ufffd` },
    });
  });

  test("of several names none is told apart", () => {
    const both: Target[] = [
      { kind: "resource", name: "a:1" },
      { kind: "resource", name: "a:2" },
    ];
    expect(answer(message("subscriptions/listen", both, "modern"), refusal("unknown"), null)).toMatchObject({
      error: { message: "Unknown resource" },
    });
  });
});

describe("other refusals", () => {
  test.each([
    ["denied", -31002, "[POLICY DENIED] Refund exceeds the policy limit."],
    ["limited", -31003, "[RATE LIMITED] Refund exceeds the policy limit. Retry in 2 s."],
    ["approval_required", -31004, "[APPROVAL REQUIRED] Refund exceeds the policy limit."],
  ] as const)(
    "%s of a resource is an error outside the reserved codes, with the same data",
    (outcome, code, text) => {
      const refused = refusal(outcome, { retryAfterMs: outcome === "limited" ? 2_000 : null });
      expect(
        answer(message("resources/read", [{ kind: "resource", name: "a:b" }]), refused, decision),
      ).toEqual({
        jsonrpc: "2.0",
        id: 7,
        error: {
          code,
          message: text,
          data: {
            "portcullis/decision": {
              id: "dec_0_1",
              outcome,
              rule: "/tools/create_charge/deny_if/args.amount-gt",
              reason: "Refund exceeds the policy limit.",
              retry_after_ms: refused.retryAfterMs,
            },
          },
        },
      });
    },
  );

  test("a refused method is one that is not there, as the modern revision wants it", () => {
    const refused = refusal("denied", { rule: "(default deny)", reason: "Denied by rule (default deny)." });
    expect(answer(message("unknown/method", [], "modern"), refused, null)).toMatchObject({
      id: 7,
      error: { code: -32601, message: "Method not found: unknown/method. Denied by rule (default deny)." },
    });
    expect(refusedStatus({ era: "modern", targets: [] })).toBe(404);
    expect(refusedStatus({ era: "legacy", targets: [] })).toBe(200);
    expect(refusedStatus({ era: "modern", targets: tool("a") })).toBe(200);
  });
});

describe("a fault as JSON-RPC", () => {
  test("has the code of the one table, the title, the detail and the request's id", () => {
    expect(
      JSON.parse(faultBody("a", fault("header_mismatch", "The Mcp-Name header is missing."), "req_1")),
    ).toEqual({
      jsonrpc: "2.0",
      id: "a",
      error: {
        code: -32020,
        message: "A header contradicts the body: The Mcp-Name header is missing.",
        data: { fault: "header_mismatch", request_id: "req_1" },
      },
    });
  });

  test("echoes an id exactly as it was written", () => {
    const text = faultBody(new JsonNumber("9007199254740993"), fault("bad_params", "No."), "req_1");
    expect(text).toContain('"id":9007199254740993,');
    expect(faultBody('"\u2028', fault("bad_params", "No."), "req_1")).toContain(
      `"id":${JSON.stringify('"\u2028')},`,
    );
    expect(faultBody(null, fault("bad_json", "No."), "req_1")).toContain('"id":null,');
  });

  test("lists the findings where there are any", () => {
    const errors = [{ pointer: "/a", message: "no" }];
    expect(JSON.parse(faultBody(null, fault("invalid", "One mistake.", errors), "req_1"))).toMatchObject({
      error: { data: { errors } },
    });
  });
});
