import { Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readPolicy } from "../../src/policy/document.ts";
import { allow, deny, judge, onPay, verdict } from "./judge.ts";

const fits = (schema: unknown, args: string): boolean | "cannot" => {
  const text = typeof schema === "string" ? schema : JSON.stringify(schema);
  const decision = judge(`{"version":"1","default":"deny","tools":{"pay":{"arguments":${text}}}}`, { args });
  return decision.errors.length > 0 ? "cannot" : decision.effect === "allow";
};
const errors = (schema: unknown) => {
  const read = readPolicy(JSON.stringify(onPay({ arguments: schema })));
  return read.ok ? [] : read.errors.map(({ pointer }) => pointer.slice("/tools/pay/arguments".length));
};

test("arguments that do not fit are refused by the schema's rule, absent ones are empty", () => {
  const document = onPay({ arguments: { required: ["id"] } });
  expect(verdict(judge(document, { args: '{"id":1}' }))).toEqual(allow);
  expect(verdict(judge(document))).toEqual(deny("/tools/pay/arguments"));
});

test.each<[string, string, boolean | "cannot"]>([
  ['{"properties":{"a":{"maximum":9007199254740992}}}', '{"a":9007199254740993}', false],
  ['{"properties":{"a":{"const":0.3}}}', '{"a":0.30000000000000000001}', false],
  ['{"properties":{"a":{"enum":[1000]}}}', '{"a":1e3}', true],
  ['{"properties":{"a":{"type":"integer"}}}', '{"a":1.0}', true],
  ['{"properties":{"a":{"type":"integer"}}}', '{"a":1.0000000000000000001}', false],
  ['{"properties":{"a":{"multipleOf":0.01}}}', '{"a":19.99}', true],
  ['{"properties":{"a":{"multipleOf":0.01}}}', '{"a":19.999}', false],
  ["{}", '{"a":1e401}', "cannot"],
  ['{"properties":{"a":{"pattern":"^(a+)+$"}}}', `{"a":"${"a".repeat(5_000)}b"}`, false],
  ['{"properties":{"a":{"pattern":"^(a+)+$"}}}', `{"a":"${"a".repeat(200_000)}"}`, "cannot"],
  ['{"not":{"properties":{"a":{"pattern":"^(a+)+$"}}}}', `{"a":"${"a".repeat(200_000)}"}`, "cannot"],
  ['{"properties":{"a":{"uniqueItems":true}}}', '{"a":[1,{"b":1,"c":2},{"c":2,"b":1.0}]}', false],
  ['{"properties":{"a":{"uniqueItems":true}}}', `{"a":[${Array.from({ length: 256 }, (_, i) => i)}]}`, true],
  [
    '{"properties":{"a":{"uniqueItems":true}}}',
    `{"a":[${Array.from({ length: 257 }, (_, i) => i)}]}`,
    "cannot",
  ],
  ['{"$ref":"#"}', "{}", "cannot"],
  [
    '{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}',
    "{}",
    "cannot",
  ],
  ['{"properties":{"next":{"$ref":"#"}},"maxProperties":1}', '{"next":{"next":{}}}', true],
  ['{"properties":{"next":{"$ref":"#"}},"maxProperties":1}', '{"next":{"next":{"a":1,"b":2}}}', false],
  ['{"$defs":{"x":{"$anchor":"id","type":"string"}},"properties":{"a":{"$ref":"#id"}}}', '{"a":1}', false],
  ['{"properties":{"a":{"minLength":2,"maxLength":2}}}', '{"a":"😀😀"}', true],
  [
    '{"properties":{"a":{}},"patternProperties":{"^x":{}},"additionalProperties":false}',
    '{"a":1,"xy":1}',
    true,
  ],
  [
    '{"properties":{"a":{}},"patternProperties":{"^x":{}},"additionalProperties":false}',
    '{"a":1,"y":1}',
    false,
  ],
  ['{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}', '{"a":1}', true],
  ['{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}', '{"b":1}', false],
  ['{"properties":{"a":{"prefixItems":[{}],"unevaluatedItems":false}}}', '{"a":[1,2]}', false],
  ['{"properties":{"a":{"contains":{"const":1},"minContains":2,"maxContains":2}}}', '{"a":[1,1,2]}', true],
  ['{"properties":{"a":{"contains":{"const":1},"minContains":2,"maxContains":2}}}', '{"a":[1,2]}', false],
  ['{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}', '{"a":1}', false],
  ['{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}', '{"c":1}', true],
  ['{"dependentRequired":{"a":["b"]}}', '{"a":1}', false],
  ['{"dependentSchemas":{"a":{"required":["b"]}}}', '{"a":1,"b":1}', true],
  ['{"propertyNames":{"pattern":"^[a-z]+$"}}', '{"A":1}', false],
  ['{"properties":{"a":{"format":"date"}}}', '{"a":"2026-02-29"}', false],
  ['{"properties":{"a":{"format":"date-time"}}}', '{"a":"2024-02-29T10:00:00Z"}', true],
  ['{"properties":{"a":{"format":"email"}}}', '{"a":"a b@example.com"}', false],
  ['{"properties":{"a":{"format":"uri"}}}', '{"a":"https://example.com/a?b#c"}', true],
  ['{"properties":{"a":{"format":"uuid"}}}', '{"a":"not-a-uuid"}', false],
  ['{"properties":{"a":{"format":"ipv4"}}}', '{"a":"256.1.1.1"}', false],
  ['{"properties":{"a":{"format":"ipv6"}}}', '{"a":"::1"}', true],
  ["false", "{}", false],
  ["true", "{}", true],
])("%s of %s is %s", (schema, args, expected) => {
  expect(fits(schema, args)).toBe(expected);
});

test.each<[unknown, string]>([
  [{ $ref: "https://example.com/schema" }, "/$ref"],
  [{ $ref: "#/$defs/none" }, "/$ref"],
  [{ $dynamicRef: "#x" }, "/$dynamicRef"],
  [{ $id: "https://example.com/x" }, "/$id"],
  [{ $schema: "http://json-schema.org/draft-07/schema#" }, "/$schema"],
  [{ propertys: {} }, "/propertys"],
  [{ pattern: "(?!a)" }, "/pattern"],
  [{ patternProperties: { "(?!a)": {} } }, "/patternProperties/(?!a)"],
  [{ format: "iri" }, "/format"],
  [{ type: "text" }, "/type"],
  [{ items: [{}] }, "/items"],
  [{ minimum: "1" }, "/minimum"],
  [{ maxItems: -1 }, "/maxItems"],
  [{ multipleOf: 0 }, "/multipleOf"],
  [{ required: "a" }, "/required"],
  [{ else: {} }, "/else"],
  [{ minContains: 1 }, "/minContains"],
  [{ allOf: [] }, "/allOf"],
  [{ properties: { a: 1 } }, "/properties/a"],
  [{ $defs: { unused: { type: "text" } } }, "/$defs/unused/type"],
])("a schema that would not be checked as written is refused: %j", (schema, pointer) => {
  expect(errors(schema)).toEqual([pointer]);
});

const names = fc.constantFrom("a", "b", "c");
const scalars = fc.oneof(fc.integer({ min: -3, max: 3 }), names, fc.boolean(), fc.constant(null));
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalars,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(names, tie("value"), { maxKeys: 3 }),
  ),
})).value;

const schemas = fc.letrec((tie) => {
  const sub = tie("schema");
  const subs = fc.array(sub, { minLength: 1, maxLength: 2 });
  const count = fc.nat({ max: 3 });
  return {
    schema: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      fc.boolean(),
      fc.record(
        {
          type: fc.constantFrom("null", "boolean", "string", "number", "integer", "array", "object"),
          enum: fc.array(scalars, { minLength: 1, maxLength: 3 }),
          const: scalars,
          minimum: fc.integer({ min: -3, max: 3 }),
          exclusiveMaximum: fc.integer({ min: -3, max: 3 }),
          multipleOf: fc.constantFrom(1, 2, 3),
          maxLength: count,
          minItems: count,
          maxItems: count,
          uniqueItems: fc.boolean(),
          required: fc.uniqueArray(names, { maxLength: 2 }),
          maxProperties: count,
          pattern: fc.constantFrom("^a", "b$", "[ab]"),
          dependentRequired: fc.dictionary(names, fc.uniqueArray(names, { maxLength: 2 }), { maxKeys: 2 }),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          properties: fc.dictionary(names, sub, { maxKeys: 2 }),
          patternProperties: fc.dictionary(fc.constantFrom("^a", "[bc]"), sub, { maxKeys: 2 }),
          additionalProperties: sub,
          propertyNames: sub,
          dependentSchemas: fc.dictionary(names, sub, { maxKeys: 2 }),
          prefixItems: subs,
          items: sub,
        },
        { requiredKeys: [] },
      ),
      fc.record({ contains: sub, minContains: count, maxContains: count }, { requiredKeys: ["contains"] }),
      fc.record({ allOf: subs, anyOf: subs, oneOf: subs, not: sub }, { requiredKeys: [] }),
      fc.tuple(fc.constantFrom("then", "else"), sub, sub).map(([branch, test, schema]) => ({
        if: test,
        [branch]: schema,
      })),
    ),
  };
}).schema;

test("an independent validator of JSON Schema agrees", () => {
  let agreed = { holds: 0, fails: 0 };
  fc.assert(
    fc.property(schemas, values, (schema, value) => {
      const wrapped = { properties: { v: schema } };
      const read = readPolicy(JSON.stringify(onPay({ arguments: wrapped })));
      fc.pre(read.ok);
      const mine = fits(wrapped, JSON.stringify({ v: value }));
      const theirs = new Validator(wrapped as object, "2020-12").validate({ v: value }).valid;
      agreed = theirs ? { ...agreed, holds: agreed.holds + 1 } : { ...agreed, fails: agreed.fails + 1 };
      expect(mine).toBe(theirs);
    }),
    { numRuns: 2_000 },
  );
  expect(Math.min(agreed.holds, agreed.fails)).toBeGreaterThan(200);
});
