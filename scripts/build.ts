import { relative } from "node:path";
import { gzipSync } from "node:zlib";
import { buildAssets } from "./start/assets.ts";
import { bundle } from "./start/bundle.ts";
import { root, wrangler } from "./start/wrangler.ts";

// In bytes, gzipped, by the file that is imported first. What carries agents' calls starts in every location; each of the
// others is loaded by its first request, with whatever it needs that is not there yet.
const budgets: Readonly<Record<string, number>> = {
  "src/index.ts": 150_000,
  "src/api/rest.ts": 150_000,
  "src/identity/webauthn.ts": 110_000,
};
const smallBudget = 30_000;

buildAssets();
const { files, imports } = await bundle({ minify: true });
const { code, output } = wrangler(["deploy", "--dry-run"]);
if (code !== 0) {
  console.error(`The Worker could not be built:\n\n${output.trim()}`);
  process.exit(1);
}

const contents = new Map(files.map((file) => [relative(root, file.path), file.contents]));
const entries = Object.entries(imports).flatMap(([path, { entryPoint }]) =>
  entryPoint === undefined ? [] : [{ path, entryPoint }],
);
const calls = closure(
  entries.filter(({ entryPoint }) => entryPoint === "src/index.ts").map(({ path }) => path),
);
for (const { path, entryPoint } of entries.sort((a, b) => a.entryPoint.localeCompare(b.entryPoint))) {
  const more =
    entryPoint === "src/index.ts"
      ? calls
      : new Set([...closure([path])].filter((needed) => !calls.has(needed)));
  weigh(entryPoint, more, budgets[entryPoint] ?? smallBudget);
}

/** The modules that `paths` load at once, themselves included: what they import, but not what they may `import()`. */
function closure(paths: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>(paths);
  for (const path of found) {
    for (const { path: next, kind, external } of imports[path]?.imports ?? []) {
      if (kind === "import-statement" && !external) found.add(next);
    }
  }
  return found;
}

function weigh(entryPoint: string, paths: ReadonlySet<string>, budget: number): void {
  const zipped = [...paths].reduce((sum, path) => sum + gzipSync(contents.get(path) ?? "").length, 0);
  console.log(`${entryPoint}: ${kB(zipped)} gzipped (budget ${kB(budget)})`);
  if (zipped <= budget) return;
  console.error(`That is ${kB(zipped - budget)} over the budget.`);
  process.exitCode = 1;
}

function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
