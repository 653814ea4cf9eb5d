import * as z from "zod/mini";
import { fault } from "../fault.ts";
import { importIntercept } from "../policy/import/intercept.ts";
import { type Operation, userOperation } from "./operation.ts";
import { documentBody, findingShape } from "./policy_view.ts";
import { Exact, reply } from "./reply.ts";

const importBody = z.strictObject({
  format: z.optional(z.enum(["intercept"])).check(z.describe("intercept if absent.")),
  yaml: z.string().check(z.maxLength(262_144), z.describe("The policy file's text.")),
});

const lineShape = z
  .strictObject({
    line: z.int().check(z.describe("Of the YAML, from 1.")),
    rule: z.string(),
    became: z.array(z.string()).check(z.describe("Pointers into the document.")),
    note: z.string(),
  })
  .register(z.globalRegistry, { id: "ImportedLine" });

/** Translating another product's policy without saving it. */
export const importOperations: readonly Operation[] = [
  userOperation(
    {
      id: "import_policy",
      method: "post",
      path: "/v1/policies/import",
      tag: "Policies",
      summary: "An Intercept YAML policy as a document, with what each of its rules became",
      body: importBody,
      answers: {
        200: z.strictObject({
          document: documentBody,
          report: z.array(lineShape),
          warnings: z.array(findingShape),
        }),
      },
    },
    async ({ body }) => {
      const imported = importIntercept(body.yaml);
      if (!imported.ok) {
        const errors = imported.errors.map((error) => ({ ...error, pointer: `/yaml${error.pointer}` }));
        return fault("invalid", "The policy has mistakes; `errors` says on which lines.", errors);
      }
      const { text, report, warnings } = imported;
      return reply(200, {
        document: new Exact(text),
        report,
        warnings,
      });
    },
  ),
];
