import * as z from "zod/mini";
import { policySchema } from "./schema.ts";

// Relative, so that every gateway's copy is known by the address that it was read from.
const $id = "/schemas/policy-v1.json";

/** The JSON Schema (2020-12) of policy documents. It accepts all that the validator accepts, and somewhat more. */
export function policyJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(policySchema, { io: "input", unrepresentable: "any" });
  return { $schema, $id, ...schema };
}
