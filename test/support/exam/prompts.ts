import {
  acceptedContent,
  completable,
  type GetPromptResult,
  inputRequired,
  type McpServer,
} from "@modelcontextprotocol/server";
import * as z from "zod";
import { embedded, image, said } from "./content.ts";

const spoken = (...parts: Parameters<typeof said>[0][]): GetPromptResult => messages(...parts.map(said));
const messages = (...contents: ReturnType<typeof said>[]): GetPromptResult => ({
  messages: contents.map((content) => ({ role: "user", content })),
});

const places = ["paris", "park", "party", "test1", "test2"];

/** The prompts that the suite asks for. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt("test_simple_prompt", { description: "Takes nothing." }, () => spoken("Hello."));
  const two = z.object({
    arg1: completable(z.string().describe("A place"), (typed) =>
      places.filter((one) => one.startsWith(typed)),
    ),
    arg2: z.string().describe("Anything"),
  });
  server.registerPrompt(
    "test_prompt_with_arguments",
    { description: "Takes two arguments.", argsSchema: two },
    ({ arg1, arg2 }) => spoken(`arg1=${arg1} arg2=${arg2}`),
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "Embeds a resource.", argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => messages(embedded(resourceUri, "text/plain", "Embedded."), said("Read this.")),
  );
  server.registerPrompt("test_prompt_with_image", { description: "Shows an image." }, () =>
    messages(image, said("Look at this.")),
  );
  const context = z.object({ context: z.string() });
  server.registerPrompt("test_input_required_result_prompt", { description: "Asks first." }, (ctx) => {
    const given = acceptedContent(ctx.mcpReq.inputResponses, "user_context", context);
    if (given) return spoken(`In the context of ${given.context}.`);
    const question = inputRequired.elicit({ message: "In which context?", requestedSchema: context });
    return inputRequired({ inputRequests: { user_context: question } });
  });
}
