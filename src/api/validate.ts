import * as z from "zod/mini";
import { compactJson } from "../json/write.ts";
import { normalised, readPolicy } from "../policy/document.ts";
import { type Operation, userOperation } from "./operation.ts";
import { documentBody, documentText, findingShape } from "./policy_view.ts";
import { Exact, reply } from "./reply.ts";

/** Checking a document without saving it. */
export const validateOperations: readonly Operation[] = [
  userOperation(
    {
      id: "validate_policy",
      method: "post",
      path: "/v1/policies/validate",
      tag: "Policies",
      summary: "Every mistake and warning of a document, and what it means",
      body: z.strictObject({ document: documentBody }),
      answers: {
        200: z.strictObject({
          ok: z.boolean(),
          errors: z.array(findingShape),
          warnings: z.array(findingShape),
          normalised: z
            .unknown()
            .check(z.describe("Short forms written out; null where the document has mistakes.")),
        }),
      },
    },
    async ({ tree }) => {
      const read = readPolicy(documentText(tree));
      return read.ok
        ? reply(200, {
            ok: true,
            errors: [],
            warnings: read.warnings,
            normalised: new Exact(compactJson(normalised(read.policy))),
          })
        : reply(200, { ok: false, errors: read.errors, warnings: [], normalised: null });
    },
  ),
];
