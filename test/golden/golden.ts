import { readJson } from "../../src/json/read.ts";
import { type Json, type JsonObject, toPlain } from "../../src/json/value.ts";
import { compactJson } from "../../src/json/write.ts";

declare global {
  interface ImportMeta {
    glob(
      pattern: string,
      options: { readonly query: "?raw"; readonly import: "default"; readonly eager: true },
    ): Record<string, string>;
  }
}

/** The texts of the guides and of all that they include or link to, by their paths from the repository's root. */
export const files: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...import.meta.glob("/docs/policy*.md", { query: "?raw", import: "default", eager: true }),
    ...import.meta.glob("/README.md", { query: "?raw", import: "default", eager: true }),
    ...import.meta.glob("/test/golden/**/*.{json,yaml}", { query: "?raw", import: "default", eager: true }),
    ...import.meta.glob("/test/fixtures/seed-policies/*.json", {
      query: "?raw",
      import: "default",
      eager: true,
    }),
  }).map(([path, text]) => [path.slice(1), text]),
);

const decisions = "test/golden/decision/";

/** The text of every golden decision, by the name of its file. */
export const goldenTexts: ReadonlyMap<string, string> = new Map(
  [...files]
    .filter(([path]) => path.startsWith(decisions))
    .map(([path, text]) => [path.slice(decisions.length, -".json".length), text]),
);

/** One promise of the language: a call, the policies that judge it, and what must come out. */
export interface Golden {
  readonly name: string;
  readonly promise: string;
  /** The whole file, for what must keep its exact numbers. */
  readonly tree: JsonObject;
  readonly expect: { readonly effect: string; readonly rule: string; readonly reason: string };
}

export const goldens: readonly Golden[] = [...goldenTexts].map(([name, text]) => {
  const read = readJson(text);
  if (!read.ok || !(read.value instanceof Map)) throw new Error(`${name} is no golden decision`);
  const { promise, expect } = toPlain(read.value) as Pick<Golden, "promise" | "expect">;
  return { name, promise, tree: read.value, expect };
});

/** The request body that asks the API for the same decision. */
export const requestOf = ({ tree }: Golden): string =>
  compactJson(new Map([...tree].filter(([key]) => key !== "promise" && key !== "expect")));

/** The exact text of a part of the file. */
export function textOf(value: Json | undefined): string | null {
  return value === undefined ? null : compactJson(value);
}
