import { expect, it } from "vitest";
import { openApi } from "../../src/api/openapi.ts";
import { operations } from "../../src/api/operations.ts";

const document = openApi(operations);

it("every operation that is served is described, once", () => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => `${method} ${path} ${operation.operationId}`),
  );
  expect(described.toSorted()).toEqual(
    operations.map(({ method, path, id }) => `${method} ${path} ${id}`).toSorted(),
  );
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
});

it("every reference leads to a schema of the document", () => {
  const text = JSON.stringify(document);
  const named = new Set([...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, target]) => target));
  const there = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect([...named].filter((target) => !there.includes(target ?? ""))).toEqual([]);
  expect(there).toContain("#/components/schemas/PolicyDocument");
  expect(named.size).toBeGreaterThan(5);
});

it("the policy document in it is the policy language's own schema", () => {
  expect(document.components.schemas["PolicyDocument"]).toMatchObject({
    type: "object",
    required: ["version", "default"],
  });
});

it("only signing up and in, and what a mailed link proves, need no token", () => {
  const open = operations.filter((operation) => operation.access === "public").map(({ id }) => id);
  expect(open).toEqual([
    "signup",
    "login",
    "login_second_factor",
    "login_passkey_options",
    "login_passkey",
    "confirm_email",
    "forget_password",
    "reset_password",
  ]);
});
