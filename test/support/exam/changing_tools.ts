import type { McpServer, ServerNotifier } from "@modelcontextprotocol/server";
import { answer, said } from "./content.ts";
import { watchedUri } from "./resources.ts";

/** Tools that tell every client who listens that something has changed. */
export function registerChangingTools(server: McpServer, tell: ServerNotifier): void {
  const changes = {
    test_trigger_tool_change: () => tell.toolsChanged(),
    test_trigger_prompt_change: () => tell.promptsChanged(),
    test_trigger_resource_update: () => tell.resourceUpdated(watchedUri),
  };
  for (const [name, change] of Object.entries(changes)) {
    server.registerTool(name, { description: `Announces a change: ${name}.` }, () => {
      change();
      return answer(said("Announced."));
    });
  }
}
