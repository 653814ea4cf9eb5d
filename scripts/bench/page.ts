import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const docs = join(import.meta.dirname, "../../docs");

/** Prints a section; with `--write` it also takes the place of the one with its title in that page of docs/. */
export function publish(title: string, body: string, page = "benchmarks.md"): void {
  const file = join(docs, page);
  console.log(`${title}\n\n${body}`);
  if (!process.argv.includes("--write")) return;
  const [intro = "", ...sections] = readFileSync(file, "utf8").split(/^## /m);
  const written = `${title}\n\n${body}\n`;
  const at = sections.findIndex((section) => section.startsWith(`${title}\n`));
  if (at < 0) sections.push(written);
  else sections[at] = written;
  writeFileSync(
    file,
    [intro, ...sections]
      .map((part) => part.trimEnd())
      .join("\n\n## ")
      .concat("\n"),
  );
}
