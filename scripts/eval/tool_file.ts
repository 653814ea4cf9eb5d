import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as z from "zod";
import { fromPlain, type JsonObject } from "../../src/json/value.ts";

const hint = z.boolean().nullish();
const line = z.object({
  server: z.string(),
  name: z.string(),
  title: z.string().nullish(),
  description: z.string().nullish(),
  inputSchema: z.unknown().optional(),
  ann: z.object({ readOnly: hint, destructive: hint, idempotent: hint, openWorld: hint }).nullish(),
  category: z.string().nullish(),
});

/** A tool with what others say of it: its author (`readOnly`, `destructive`) and a published catalogue (`label`). */
export interface LabelledTool {
  readonly server: string;
  readonly name: string;
  readonly description: string;
  readonly readOnly: boolean | null;
  readonly destructive: boolean;
  readonly label: string | null;
  /** What is judged: name, title, description and schema; never the annotations, which are the answer. */
  readonly definition: JsonObject;
}

export type Fold = "dev" | "held";

/** Where a server falls, by its name alone: a quarter is held back, and no server's habits are on both sides. */
const foldOf = (server: string): Fold =>
  (createHash("sha256").update(server).digest()[0] ?? 0) % 4 === 3 ? "held" : "dev";

/** The tools of a file, JSON Lines. Throws an Error that names the line and what is wrong with it. */
export function readTools(path: string, fold: Fold | undefined): LabelledTool[] {
  const lines = readFileSync(path, "utf8").split("\n");
  const tools = lines.flatMap((text, i) =>
    text.trim() === "" ? [] : [readTool(text, `${path}, line ${i + 1}`)],
  );
  if (tools.length === 0) throw new Error(`${path} has no tools: one JSON object a line is expected.`);
  return fold ? tools.filter(({ server }) => foldOf(server) === fold) : tools;
}

/** One line of such a file. Throws an Error that names `where` and what is wrong. */
export function readTool(text: string, where: string): LabelledTool {
  const read = line.safeParse(plain(text, where));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new Error(`${where}: ${issue?.path.join(".") || "the line"}: ${issue?.message}`);
  }
  const { server, name, title, description, inputSchema, ann, category } = read.data;
  const definition = fromPlain({
    name,
    ...(title && { title }),
    ...(description && { description }),
    ...(inputSchema !== null && inputSchema !== undefined && { inputSchema }),
  });
  if (!(definition instanceof Map)) throw new TypeError("a definition is an object");
  return {
    server,
    name,
    description: description ?? "",
    readOnly: ann?.readOnly ?? null,
    destructive: ann?.destructive === true && ann.readOnly !== true,
    label: category ?? null,
    definition,
  };
}

function plain(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${where} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}
