import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildAssets } from "./start/assets.ts";
import { root, wrangler } from "./start/wrangler.ts";

const budget = 150_000;

buildAssets();
const { code, output } = wrangler(["deploy", "--dry-run", "--minify", "--outdir", "dist"]);
if (code !== 0) {
  console.error(`The Worker could not be built:\n\n${output.trim()}`);
  process.exit(1);
}

const modules = readdirSync(join(root, "dist"))
  .filter((name) => /\.(js|mjs|wasm)$/.test(name))
  .map((name) => readFileSync(join(root, "dist", name)));
const raw = modules.reduce((sum, bytes) => sum + bytes.length, 0);
const zipped = modules.reduce((sum, bytes) => sum + gzipSync(bytes).length, 0);
const kB = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

console.log(`The Worker: ${kB(raw)}, ${kB(zipped)} gzipped (budget ${kB(budget)}), in dist/`);
if (zipped > budget) {
  console.error(`That is ${kB(zipped - budget)} over the budget.`);
  process.exitCode = 1;
}
