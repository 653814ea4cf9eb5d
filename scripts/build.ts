import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import type { OutputFile } from "esbuild";
import { buildAssets } from "./start/assets.ts";
import { bundle } from "./start/bundle.ts";
import { wrangler } from "./start/wrangler.ts";

// In bytes, gzipped. What carries agents' calls starts in every location; the control plane is loaded by its first request.
const budgets = { "carries calls": 150_000, "control plane": 150_000, pages: 20_000, passkeys: 110_000 };

buildAssets();
const modules = await bundle({ minify: true });
const { code, output } = wrangler(["deploy", "--dry-run"]);
if (code !== 0) {
  console.error(`The Worker could not be built:\n\n${output.trim()}`);
  process.exit(1);
}

// A module that is imported when it is first asked for goes by its own name; what several share starts with the Worker.
const lazy = { "rest-": "control plane", "pages-": "pages", "webauthn-": "passkeys" } as const;
const partOf = ({ path }: OutputFile): keyof typeof budgets =>
  Object.entries(lazy).find(([name]) => basename(path).startsWith(name))?.[1] ?? "carries calls";
for (const part of ["carries calls", "control plane", "pages", "passkeys"] as const) {
  weigh(
    part,
    modules.filter((module) => partOf(module) === part),
  );
}

function weigh(part: keyof typeof budgets, of: readonly OutputFile[]): void {
  const raw = of.reduce((sum, { contents }) => sum + contents.length, 0);
  const zipped = of.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
  console.log(
    `The Worker, ${part}: ${kB(raw)}, ${kB(zipped)} gzipped (budget ${kB(budgets[part])}), in dist/`,
  );
  if (zipped <= budgets[part]) return;
  console.error(`That is ${kB(zipped - budgets[part])} over the budget.`);
  process.exitCode = 1;
}

function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
