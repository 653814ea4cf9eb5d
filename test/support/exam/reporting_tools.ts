import { setTimeout as sleep } from "node:timers/promises";
import type { McpServer, ServerContext } from "@modelcontextprotocol/server";
import { answer, said } from "./content.ts";

const pauseMs = 50;

/** How the calls of `test_cancellation` ended. */
export interface Waits {
  begun: number;
  cancelled: number;
}

/** Tools that tell something on their way, or end in a way of their own. */
export function registerReportingTools(server: McpServer, waits: Waits): void {
  server.registerTool("test_tool_with_progress", { description: "Reports how far it is." }, async (ctx) => {
    for (const progress of [0, 50, 100]) {
      await report(ctx, progress);
      await sleep(pauseMs);
    }
    return answer(said("Done."));
  });
  for (const name of ["test_tool_with_logging", "test_logging_tool"]) {
    server.registerTool(name, { description: "Writes three lines to the log." }, async (ctx) => {
      for (const line of ["started", "working", "finished"]) {
        await ctx.mcpReq.log("info", line);
        await sleep(pauseMs);
      }
      return answer(said("Logged."));
    });
  }
  server.registerTool("test_reconnection", { description: "Hangs up before it answers." }, async (ctx) => {
    ctx.http?.closeSSE?.();
    await sleep(2 * pauseMs);
    return answer(said("You came back for this."));
  });
  server.registerTool("test_cancellation", { description: "Runs until it is cancelled." }, async (ctx) => {
    waits.begun += 1;
    await report(ctx, 1);
    await cancelled(ctx.mcpReq.signal);
    waits.cancelled += 1;
    return answer(said("Cancelled."));
  });
}

async function report(ctx: ServerContext, progress: number): Promise<void> {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  const params = { progressToken, progress, total: 100 };
  await ctx.mcpReq.notify({ method: "notifications/progress", params });
}

function cancelled(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    signal.addEventListener("abort", () => done(), { once: true });
  });
}
