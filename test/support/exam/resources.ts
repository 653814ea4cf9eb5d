import { type McpServer, type ReadResourceResult, ResourceTemplate } from "@modelcontextprotocol/server";
import { png } from "./content.ts";

export const watchedUri = "test://watched-resource";

const text = (uri: string, mimeType: string, content: string): ReadResourceResult => ({
  contents: [{ uri, mimeType, text: content }],
});

/** The resources that the suite reads. */
export function registerResources(server: McpServer): void {
  const fixed = (name: string, uri: string, mimeType: string, result: ReadResourceResult): void => {
    server.registerResource(name, uri, { description: `Always the same: ${name}.`, mimeType }, () => result);
  };
  const textUri = "test://static-text";
  fixed("static-text", textUri, "text/plain", text(textUri, "text/plain", "A text that never changes."));
  const binaryUri = "test://static-binary";
  fixed("static-binary", binaryUri, "image/png", {
    contents: [{ uri: binaryUri, mimeType: "image/png", blob: png }],
  });
  fixed("watched", watchedUri, "text/plain", text(watchedUri, "text/plain", "A text to watch."));
  const template = new ResourceTemplate("test://template/{id}/data", {
    list: undefined,
    complete: { id: (typed) => ["100", "123", "200"].filter((id) => id.startsWith(typed)) },
  });
  const described = { description: "Data by its id.", mimeType: "application/json" };
  server.registerResource("template", template, described, (uri, { id }) =>
    text(uri.href, "application/json", JSON.stringify({ id })),
  );
}
