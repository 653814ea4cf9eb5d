import {
  acceptedContent,
  type CallToolResult,
  type InputRequest,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from "@modelcontextprotocol/server";
import * as z from "zod";
import { answer, said } from "./content.ts";
import { defaultsForm, enumsForm, userForm } from "./forms.ts";

/** What a tool of several rounds carries from one to the next, signed. */
export type Rounds = RequestStateCodec<{ readonly round: number }>;

const named = z.object({ name: z.string() });
const coloured = z.object({ color: z.string() });
const confirmed = z.object({ ok: z.boolean() });

const nameQuestion = inputRequired.elicit({ message: "What is your name?", requestedSchema: named });
const sample = (text: string): InputRequest =>
  inputRequired.createMessage({
    messages: [{ role: "user", content: { type: "text", text } }],
    maxTokens: 100,
  });

/**
 * Tools that need something of the client: a form, a model's words, its roots. To clients of the `initialize` era the SDK
 * sends these as requests of the server's own; to others as results that ask for input.
 */
export function registerAskingTools(server: McpServer, rounds: Rounds): void {
  registerLegacyNames(server);
  registerOneQuestion(server);
  registerSeveralRounds(server, rounds);
}

type Asked = CallToolResult | InputRequiredResult;

/** Asks `question` once; then answers with what came back for it. */
function ask(ctx: ServerContext, key: string, question: InputRequest): Asked {
  const response = inputResponse(ctx.mcpReq.inputResponses, key);
  if (response.kind === "missing") return inputRequired({ inputRequests: { [key]: question } });
  return answer(said(JSON.stringify(response)));
}

function registerLegacyNames(server: McpServer): void {
  const prompt = z.object({ prompt: z.string() });
  server.registerTool(
    "test_sampling",
    { description: "Asks the client's model.", inputSchema: prompt },
    (args, ctx) => ask(ctx, "sampled", sample(args.prompt)),
  );
  const message = z.object({ message: z.string() });
  server.registerTool(
    "test_elicitation",
    { description: "Asks the client's user.", inputSchema: message },
    (args, ctx) => ask(ctx, "user", inputRequired.elicit({ ...args, requestedSchema: userForm })),
  );
  const forms = {
    test_elicitation_sep1034_defaults: inputRequired.elicit({
      message: "Is this right?",
      requestedSchema: defaultsForm,
    }),
    test_elicitation_sep1330_enums: inputRequired.elicit({ message: "Choose.", requestedSchema: enumsForm }),
    test_streaming_elicitation: nameQuestion,
    test_missing_capability: sample("Needs a client with a model."),
  };
  for (const [name, question] of Object.entries(forms)) {
    server.registerTool(name, { description: `Asks one thing: ${name}.` }, (ctx) =>
      ask(ctx, "form", question),
    );
  }
}

function registerOneQuestion(server: McpServer): void {
  const description = "Asks one thing, and answers with it.";
  server.registerTool("test_input_required_result_elicitation", { description }, (ctx) => {
    const user = acceptedContent(ctx.mcpReq.inputResponses, "user_name", named);
    return user
      ? answer(said(`Hello, ${user.name}!`))
      : inputRequired({ inputRequests: { user_name: nameQuestion } });
  });
  server.registerTool("test_input_required_result_sampling", { description }, (ctx) =>
    ask(ctx, "capital_question", sample("What is the capital of France?")),
  );
  server.registerTool("test_input_required_result_list_roots", { description }, (ctx) =>
    ask(ctx, "client_roots", inputRequired.listRoots()),
  );
  server.registerTool("test_input_required_result_capabilities", { description }, (ctx) => {
    const samples = server.server.getClientCapabilities()?.sampling !== undefined;
    return samples ? ask(ctx, "sampled", sample("Say hello.")) : ask(ctx, "user_name", nameQuestion);
  });
}

function registerSeveralRounds(server: McpServer, rounds: Rounds): void {
  const description = "Carries a signed state from one round to the next.";
  const confirm = inputRequired.elicit({ message: "Go on?", requestedSchema: confirmed });
  for (const name of [
    "test_input_required_result_request_state",
    "test_input_required_result_tampered_state",
  ]) {
    server.registerTool(name, { description }, async (ctx) => {
      if (roundOf(ctx) === 1) return answer(said("state-ok"));
      return inputRequired({ inputRequests: { confirm }, requestState: await rounds.mint({ round: 1 }) });
    });
  }
  server.registerTool("test_input_required_result_multiple_inputs", { description }, async (ctx) => {
    if (roundOf(ctx) === 1) return answer(said(JSON.stringify(ctx.mcpReq.inputResponses)));
    const inputRequests = {
      user_name: nameQuestion,
      greeting: sample("Write a greeting."),
      client_roots: inputRequired.listRoots(),
    };
    return inputRequired({ inputRequests, requestState: await rounds.mint({ round: 1 }) });
  });
  server.registerTool("test_input_required_result_multi_round", { description }, async (ctx) => {
    const round = roundOf(ctx);
    if (round === 2) return answer(said("Both rounds are over."));
    const step1 = inputRequired.elicit({ message: "Step 1: your name?", requestedSchema: named });
    const step2 = inputRequired.elicit({ message: "Step 2: your colour?", requestedSchema: coloured });
    const inputRequests: Record<string, InputRequest> = round === 0 ? { step1 } : { step2 };
    return inputRequired({ inputRequests, requestState: await rounds.mint({ round: round + 1 }) });
  });
}

/** 0 for a first call, else what the verified state says. */
const roundOf = (ctx: ServerContext): number => ctx.mcpReq.requestState<{ round: number }>()?.round ?? 0;
