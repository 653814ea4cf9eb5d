import { describe, expect, test } from "vitest";
import { fromPlain, type JsonObject } from "../../src/json/value.ts";
import { classify } from "../../src/risk/classify.ts";

interface Definition {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema?: Record<string, unknown>;
  readonly annotations?: Record<string, unknown>;
}

const tree = (definition: Definition): JsonObject => {
  const value = fromPlain(definition);
  if (!(value instanceof Map)) throw new TypeError("a definition is an object");
  return value;
};

const risk = (definition: Definition): string => {
  const { category, level } = classify(tree(definition));
  return `${category}/${level}`;
};

const schema = (properties: Record<string, unknown>) => ({ type: "object", properties });
const text = { type: "string" };

describe("the seed tools come out as their policies presume", () => {
  test.each([
    ["cmux_session_save", "Write/medium", { readOnlyHint: false, destructiveHint: false }],
    ["cmux_session_recover", "Execute/high", { readOnlyHint: false, destructiveHint: true }],
    ["cmux_send", "Execute/high", { readOnlyHint: false, destructiveHint: false }],
    ["cmux_select_workspace", "Execute/high", { readOnlyHint: false, destructiveHint: false }],
    ["cmux_workspace_snapshot", "Read/low", { readOnlyHint: true }],
  ])("%s is %s with and without its hints", (name, expected, annotations) => {
    expect([risk({ name }), risk({ name, annotations })]).toEqual([expected, expected]);
  });
});

test.each([
  ["get_issue", "Read/low"],
  ["listPullRequests", "Read/low"],
  ["storage-account-get", "Read/low"],
  ["run_list", "Read/low"],
  ["read_email", "Read/medium"],
  ["get_secret", "Read/high"],
  ["create_branch", "Write/medium"],
  ["find_and_replace", "Write/medium"],
  ["get_or_create_user", "Write/medium"],
  ["update_all_records", "Write/high"],
  ["run_get_script", "Execute/critical"],
  ["query_database", "Execute/high"],
  ["execute_sql", "Execute/critical"],
  ["delete_file", "Destructive/high"],
  ["purge_all_queues", "Destructive/critical"],
  ["cmux_close_all", "Destructive/critical"],
  ["create_refund", "Financial/critical"],
  ["pay", "Financial/critical"],
  ["list_invoices", "Read/low"],
])("a tool that is called %s is %s by its words", (name, expected) => {
  expect(risk({ name })).toBe(expected);
});

test("an unknown name is Execute/high with low confidence, whatever its annotations claim", () => {
  const claims = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
  for (const name of ["frobnicate", "x", "", "工具", "constructor", "__proto__", "zzz_qqq"]) {
    expect(classify(tree({ name, annotations: claims }))).toEqual({
      category: "Execute",
      level: "high",
      flags: [],
      confidence: "low",
      evidence: [{ source: "name", token: name, says: "no known verb: taken for Execute" }],
    });
  }
});

test("an annotation never lowers the risk of any tool", () => {
  const order = ["Read", "Write", "Execute", "Financial", "Destructive"];
  const levels = ["low", "medium", "high", "critical"];
  const hints = [true, false].flatMap((readOnlyHint) =>
    [true, false].map((destructiveHint) => ({ readOnlyHint, destructiveHint })),
  );
  for (const name of ["get_issue", "create_issue", "cmux_send", "delete_issue", "create_payout", "thing"]) {
    const bare = classify(tree({ name }));
    for (const annotations of hints) {
      const hinted = classify(tree({ name, annotations }));
      expect(order.indexOf(hinted.category)).toBeGreaterThanOrEqual(order.indexOf(bare.category));
      expect(levels.indexOf(hinted.level)).toBeGreaterThanOrEqual(levels.indexOf(bare.level));
    }
  }
});

test("an author who says that a reading tool is not read-only is believed", () => {
  expect(risk({ name: "get_report", annotations: { readOnlyHint: false } })).toBe("Write/medium");
  expect(risk({ name: "get_report", annotations: { destructiveHint: true } })).toBe("Write/high");
});

test("a tool that reads by typing the caller's text into a terminal is not Read", () => {
  const description = "Reads the screen after it sends the given text to the terminal.";
  expect(risk({ name: "read_screen", description })).toBe("Execute/high");
  expect(risk({ name: "read_screen", inputSchema: schema({ command: text }) })).toBe("Execute/critical");
});

test("a change that takes an amount and a currency is Financial", () => {
  const inputSchema = schema({ amount: { type: "number" }, currency: text });
  expect(risk({ name: "create_thing", inputSchema })).toBe("Financial/critical");
  expect(risk({ name: "get_thing", inputSchema })).toBe("Read/low");
});

test("an array of tool names with their arguments is flagged nested_calls, with its fields as evidence", () => {
  const steps = (items: unknown) => ({ type: "array", items });
  const step = { type: "object", properties: { tool: text, params: { type: "object" } } };
  const inline = tree({ name: "cmux_batch", inputSchema: schema({ steps: steps(step) }) });
  const referred = tree({
    name: "cmux_batch",
    inputSchema: { ...schema({ steps: steps({ $ref: "#/$defs/Step" }) }), $defs: { Step: step } },
  });
  const nested = { each: "args.steps[*]", tool: "tool", arguments: "params" };
  for (const definition of [inline, referred]) {
    expect(classify(definition)).toEqual({
      category: "Execute",
      level: "high",
      flags: ["bulk", "nested_calls"],
      confidence: "medium",
      evidence: [
        { source: "name", token: "batch", says: "Execute" },
        { source: "name", token: "batch", says: "bulk" },
        { source: "parameter", token: "args.steps[*]", says: "nested_calls", nested },
      ],
    });
  }
});

test("the description speaks only where the name has no verb", () => {
  expect(risk({ name: "weather", description: "Returns the forecast." })).toBe("Read/low");
  expect(risk({ name: "weather", description: "Deletes the forecast." })).toBe("Destructive/high");
  expect(risk({ name: "delete_weather", description: "Returns the forecast." })).toBe("Destructive/high");
});

test("a schema of any shape, self-referring ones included, is classed and never throws", () => {
  const shapes: unknown[] = [null, true, 7, "x", [], {}, { properties: [] }, { properties: { a: null } }];
  const loop = { $ref: "#/$defs/A" };
  shapes.push({ properties: { a: { type: "array", items: loop } }, $defs: { A: loop } });
  for (const shape of shapes) {
    const definition = fromPlain({ name: "get_x", inputSchema: shape, annotations: shape });
    if (definition instanceof Map) expect(classify(definition).category).toBe("Read");
  }
});
