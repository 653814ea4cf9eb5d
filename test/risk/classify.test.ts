import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromPlain, type Json } from "../../src/json/value.ts";
import { classify, type Risk } from "../../src/risk/classify.ts";
import { definitions, treeOf } from "./definition.ts";
import { definitionOf, flagsOf, inventedTools } from "./invented.ts";

const riskOf = (definition: object): Risk => classify(treeOf(definition));

const shown = ({ category, level }: Risk): string => `${category}/${level}`;

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
    expect([shown(riskOf({ name })), shown(riskOf({ name, annotations }))]).toEqual([expected, expected]);
  });
});

test("tools of invented servers in many trades come out with the category, level and flags that a person gave them", () => {
  const got = inventedTools.map((tool) => {
    const { category, level, flags } = classify(definitionOf(tool));
    return { name: tool.name, risk: `${category}/${level}`, flags: flags.toSorted() };
  });
  const wanted = inventedTools.map((tool) => ({
    name: tool.name,
    risk: tool.expected,
    flags: flagsOf(tool).toSorted(),
  }));
  expect(got).toEqual(wanted);
  expect(new Set(inventedTools.map(({ name }) => name)).size).toBeGreaterThanOrEqual(150);
});

test("an unknown name is Execute/high with low confidence, whatever its annotations claim", () => {
  const claims = { readOnlyHint: true, destructiveHint: false, title: "Get it" };
  for (const name of ["frobnicate", "x", "", "工具", "constructor", "__proto__", "zzz_qqq"]) {
    expect(riskOf({ name, annotations: claims })).toEqual({
      category: "Execute",
      level: "high",
      flags: [],
      roles: {},
      confidence: "low",
      evidence: [{ source: "name", token: name, says: "no known verb: taken for Execute" }],
    });
  }
});

const order = ["Read", "Write", "Execute", "Financial", "Destructive"];
const levels = ["low", "medium", "high", "critical"];

function expectNoLess(risk: Risk, than: Risk): void {
  expect(order.indexOf(risk.category)).toBeGreaterThanOrEqual(order.indexOf(than.category));
  expect(levels.indexOf(risk.level)).toBeGreaterThanOrEqual(levels.indexOf(than.level));
}

describe("whatever the definition", () => {
  const numRuns = 1_500;

  test("to leave its description away never lowers the risk", () => {
    const holds = ({ description, ...bare }: { description?: string }) =>
      expectNoLess(riskOf(bare), riskOf({ ...bare, ...(description !== undefined && { description }) }));
    fc.assert(fc.property(definitions, holds), { numRuns });
  });

  test("an annotation never lowers it", () => {
    const holds = ({ annotations, ...bare }: { annotations?: object }) =>
      expectNoLess(riskOf({ ...bare, ...(annotations && { annotations }) }), riskOf(bare));
    fc.assert(fc.property(definitions, holds), { numRuns });
  });

  test("it comes out the same each time, in whatever order its schema is written", () => {
    const holds = (definition: { inputSchema?: { properties: object } | undefined }) => {
      const { inputSchema } = definition;
      const reversed = inputSchema && {
        type: "object",
        properties: Object.fromEntries(Object.entries(inputSchema.properties).toReversed()),
      };
      const risk = riskOf(definition);
      expect(riskOf(definition)).toEqual(risk);
      expect(riskOf({ ...definition, ...(reversed && { inputSchema: reversed }) })).toEqual(risk);
    };
    fc.assert(fc.property(definitions, holds), { numRuns: 1_000 });
  });

  test("its evidence quotes what it speaks of, word for word", () => {
    const holds = (definition: {
      name: string;
      title?: string;
      description?: string;
      inputSchema?: { properties: object } | undefined;
    }) => {
      const { name, title = "", description = "", inputSchema } = definition;
      const plain = (of: string): string => of.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
      for (const { source, token } of riskOf(definition).evidence) {
        if (source === "name" || source === "title") {
          expect(plain(source === "name" ? name : title)).toContain(plain(token));
        } else if (source === "description") expect(description).toContain(token);
        else if (source === "annotation")
          expect(token).toMatch(/^(?:readOnlyHint: false|destructiveHint: true)$/);
        else {
          const [parameter = ""] = token.replace(/^args\./, "").split(/[:[]/);
          expect(Object.keys(inputSchema?.properties ?? {})).toContain(parameter);
        }
      }
    };
    fc.assert(fc.property(definitions, holds), { numRuns });
  });
});

test("an author who says that a reading tool is not read-only is believed", () => {
  expect(shown(riskOf({ name: "get_report", annotations: { readOnlyHint: false } }))).toBe("Write/medium");
  expect(shown(riskOf({ name: "get_report", annotations: { destructiveHint: true } }))).toBe("Write/high");
});

test.each([
  ["read_screen", "Reads the screen after it sends the given text to the terminal.", undefined],
  ["read_screen", undefined, schema({ text })],
  ["read_screen", "Returns the screen.", schema({ command: text })],
  ["read_all_deep", "Reads every pane in full, by typing a command into each terminal.", undefined],
  ["read_all_deep", "Reads all panes, and asks each idle agent what it has done.", schema({ query: text })],
  [
    "get_agent_status",
    "Gets what an agent does, by typing the prompt into its terminal.",
    schema({ prompt: text }),
  ],
  ["get_pane_output", "Pastes a prompt into a pane and gets the output.", schema({ prompt: text })],
])(
  "%s, which reads by typing a caller's text into a terminal, is not Read",
  (name, description, inputSchema) => {
    expect(
      riskOf({ name, ...(description && { description }), ...(inputSchema && { inputSchema }) }).category,
    ).toBe("Execute");
  },
);

test("a query in a language that can write is Execute, unless its author says outright that it only reads", () => {
  const query = (description: string) => shown(riskOf({ name: "shop_query", description }));
  expect(query("Runs a SQL query on the shop.")).toBe("Execute/high");
  expect(query("Runs a read-only SQL query on the shop.")).toBe("Read/low");
  const inputSchema = schema({ sql: text });
  expect(shown(riskOf({ name: "shop_query", description: "Read-only SQL on the shop.", inputSchema }))).toBe(
    "Execute/critical",
  );
});

test("a change that takes an amount and a currency is Financial", () => {
  const inputSchema = schema({ amount: { type: "number" }, currency: text });
  expect(shown(riskOf({ name: "create_thing", inputSchema }))).toBe("Financial/critical");
  expect(shown(riskOf({ name: "get_thing", inputSchema }))).toBe("Read/low");
});

test("the level may differ from the category's usual one, and the evidence says why", () => {
  expect(riskOf({ name: "resize_pane" })).toMatchObject({
    category: "Execute",
    level: "medium",
    evidence: [
      { source: "name", token: "resize", says: "Execute" },
      { source: "name", token: "resize", says: "medium, usually high" },
    ],
  });
  expect(riskOf({ name: "delete_database" }).evidence).toContainEqual({
    source: "name",
    token: "database",
    says: "critical, usually high",
  });
});

test("parameters have roles by their names, types and formats", () => {
  const inputSchema = schema({
    target_url: text,
    homepage: { type: "string", format: "uri" },
    file_path: text,
    sql: text,
    query: { type: "string", description: "The SQL to run" },
    script: text,
    country_code: text,
    recipients: { type: "array", items: text },
    amount: { type: ["number", "null"] },
    currency: { type: "string", enum: ["eur", "usd"] },
    user_id: { type: "integer" },
    body: text,
    command: { type: "string", enum: ["up", "down"] },
    page: { type: "integer" },
  });
  expect(riskOf({ name: "do_it", inputSchema }).roles).toEqual({
    target_url: "url",
    homepage: "url",
    file_path: "path",
    sql: "sql",
    query: "sql",
    script: "shell",
    recipients: "recipient",
    amount: "amount",
    currency: "currency",
    user_id: "id",
    body: "free_text",
  });
});

test("an array of tool names with their arguments is flagged nested_calls, with its fields as evidence", () => {
  const steps = (items: unknown) => ({ type: "array", items });
  const step = { type: "object", properties: { tool: text, params: { type: "object" } } };
  const inline = { name: "cmux_batch", inputSchema: schema({ steps: steps(step) }) };
  const referred = {
    name: "cmux_batch",
    inputSchema: { ...schema({ steps: steps({ $ref: "#/$defs/Step" }) }), $defs: { Step: step } },
  };
  const nested = { each: "args.steps[*]", tool: "tool", arguments: "params" };
  for (const definition of [inline, referred]) {
    expect(riskOf(definition)).toEqual({
      category: "Execute",
      level: "high",
      flags: ["bulk", "nested_calls"],
      roles: {},
      confidence: "medium",
      evidence: [
        { source: "name", token: "batch", says: "Execute" },
        { source: "parameter", token: "args.steps[*]", says: "runs other tools" },
        { source: "name", token: "batch", says: "bulk" },
        { source: "parameter", token: "args.steps[*]", says: "nested_calls", nested },
      ],
    });
  }
});

test("a schema of any shape, self-referring ones included, is classed and never throws", () => {
  const shapes: unknown[] = [null, true, 7, "x", [], {}, { properties: [] }, { properties: { a: null } }];
  const loop = { $ref: "#/$defs/A" };
  shapes.push({ properties: { a: { type: "array", items: loop } }, $defs: { A: loop } });
  for (const shape of shapes) {
    const definition: Json = fromPlain({ name: "get_x", inputSchema: shape, annotations: shape });
    if (definition instanceof Map) expect(classify(definition).category).toBe("Read");
  }
});

test("a definition that is as long as one may be is classed in a moment", () => {
  const long = [..."Aa s_.,;"].map((one) => one.repeat(250_000));
  const start = performance.now();
  for (const one of long) {
    riskOf({
      name: "frob",
      title: one,
      description: one,
      inputSchema: schema({ [one]: { description: one } }),
    });
  }
  expect(performance.now() - start).toBeLessThan(2_000);
});
