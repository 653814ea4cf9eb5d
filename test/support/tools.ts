import { setTimeout as sleep } from "node:timers/promises";
import { McpServer, type ServerContext } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { Terminal } from "./terminal.ts";

const text = z.object({ text: z.string().max(10_000).describe("What to type") });
const session = z.object({ name: z.string().min(1).max(64).describe("The session's name") });
const steps = z.object({
  steps: z
    .array(z.object({ tool: z.string(), params: z.record(z.string(), z.unknown()).optional() }))
    .max(100)
    .describe("Calls to run one after another"),
});
const watch = z.object({
  ticks: z.int().min(1).max(600).default(5).describe("How many reports to send"),
  interval_ms: z.int().min(1).max(10_000).default(1000).describe("The pause before each report"),
});

/** A tool that answers at once. `run` takes arguments that `input` has accepted and returns the answer's text. */
interface Tool {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly annotations: { readonly readOnlyHint: boolean; readonly destructiveHint?: boolean };
  readonly run: (args: Record<string, unknown>, terminal: Terminal) => string;
}

function define<S extends z.ZodObject>(
  name: string,
  description: string,
  input: S,
  annotations: Tool["annotations"],
  run: (args: z.infer<S>, terminal: Terminal) => string,
): Tool {
  return { name, description, input, annotations, run: (args, terminal) => run(input.parse(args), terminal) };
}

const writes = { readOnlyHint: false, destructiveHint: false };
const reads = { readOnlyHint: true };
const destroys = { readOnlyHint: false, destructiveHint: true };

const simple: readonly Tool[] = [
  define(
    "cmux_send",
    "Types text into the active pane and leaves it unsent.",
    text,
    writes,
    (args, terminal) => {
      return `Typed ${args.text.length} characters into ${terminal.send(args.text)}.`;
    },
  ),
  define(
    "cmux_send_submit",
    "Types text into the active pane and presses Enter, which runs it.",
    text,
    destroys,
    (args, terminal) => `Ran: ${terminal.submit(args.text)}`,
  ),
  define(
    "cmux_select_workspace",
    "Makes another workspace the active one.",
    z.object({ workspace: z.string().describe("The workspace's name, such as build") }),
    writes,
    (args, terminal) => {
      terminal.select(args.workspace);
      return `${args.workspace} is active.`;
    },
  ),
  define("cmux_session_save", "Keeps the present layout under a name.", session, writes, (args, terminal) => {
    return `Saved as ${args.name}; ${terminal.save(args.name)} saved in all.`;
  }),
  define(
    "cmux_session_recover",
    "Puts a saved layout back, in place of the present one.",
    session,
    destroys,
    (args, terminal) => {
      terminal.recover(args.name);
      return `Recovered ${args.name}.`;
    },
  ),
  define(
    "cmux_workspace_snapshot",
    "Shows every workspace with the text of its panes.",
    z.object({}),
    reads,
    (_args, terminal) => JSON.stringify(terminal.snapshot()),
  ),
  define(
    "cmux_close_all",
    "Closes every pane in every workspace; what was on them is lost.",
    z.object({}),
    destroys,
    (_args, terminal) => `Closed ${terminal.closeAll()} panes.`,
  ),
  define(
    "cmux_batch",
    "Runs several of this server's tools in order and returns each answer.",
    steps,
    destroys,
    (args, terminal) =>
      args.steps.map((step) => `${step.tool}: ${runTool(step.tool, step.params ?? {}, terminal)}`).join("\n"),
  ),
];

function runTool(name: string, args: Record<string, unknown>, terminal: Terminal): string {
  const tool = simple.find((candidate) => candidate.name === name);
  if (!tool) throw new Error(`There is no tool "${name}".`);
  return tool.run(args, terminal);
}

async function report({ ticks, interval_ms }: z.infer<typeof watch>, ctx: ServerContext): Promise<string> {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  for (let tick = 1; tick <= ticks; tick++) {
    await sleep(interval_ms, undefined, { signal: ctx.mcpReq.signal });
    if (progressToken === undefined) continue;
    const params = { progressToken, progress: tick, total: ticks, message: `tick ${tick}` };
    await ctx.mcpReq.notify({ method: "notifications/progress", params });
  }
  return `Watched for ${ticks} ticks.`;
}

const answer = (line: string) => ({ content: [{ type: "text" as const, text: line }] });

/** The tools of a terminal multiplexer's control server over `terminal`; `cmux_watch` alone takes its time. */
export function cmuxServer(terminal: Terminal): McpServer {
  const server = new McpServer({ name: "cmux", version: "1.0.0" });
  for (const { name, description, input, annotations, run } of simple) {
    server.registerTool(name, { description, inputSchema: input, annotations }, (args) =>
      answer(run(args, terminal)),
    );
  }
  server.registerTool(
    "cmux_watch",
    { description: "Reports on the active pane, tick by tick.", inputSchema: watch, annotations: reads },
    async (args, ctx) => answer(await report(args, ctx)),
  );
  return server;
}
