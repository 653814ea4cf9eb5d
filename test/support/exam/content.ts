import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/server";

/** One red pixel. */
export const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/** A WAV file without a sample in it. */
export const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

export const said = (text: string): ContentBlock => ({ type: "text", text });
export const image: ContentBlock = { type: "image", data: png, mimeType: "image/png" };
export const audio: ContentBlock = { type: "audio", data: wav, mimeType: "audio/wav" };

export const embedded = (uri: string, mimeType: string, text: string): ContentBlock => ({
  type: "resource",
  resource: { uri, mimeType, text },
});

/** A tool's answer of these parts. */
export const answer = (...content: ContentBlock[]): CallToolResult => ({ content });
