import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type Metafile, type OutputFile } from "esbuild";
import { root } from "./wrangler.ts";

/** What is bundled, and where to; the Worker into `dist/` unless something else is said. */
interface Options {
  readonly minify: boolean;
  readonly entry?: string;
  readonly dir?: string;
}

/** The Worker's modules as they were written, and which of them imports which. */
export interface Bundle {
  readonly files: readonly OutputFile[];
  readonly imports: Metafile["outputs"];
}

/** Bundles the Worker, one file a module: what carries agents' calls in `worker.js`, and what its first use loads. */
export async function bundle({
  minify,
  entry = join(root, "src/index.ts"),
  dir = join(root, "dist"),
}: Options): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { worker: entry },
    outdir: dir,
    bundle: true,
    splitting: true,
    minify,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker"],
    external: ["cloudflare:*", "node:*"],
    logLevel: "warning",
  });
  mkdirSync(dir, { recursive: true });
  for (const file of outputFiles) write(file);
  const names = new Set(outputFiles.map(({ path }) => basename(path)));
  for (const name of readdirSync(dir)) if (!names.has(name)) rmSync(join(dir, name), { recursive: true });
  return { files: outputFiles, imports: metafile.outputs };
}

/** A file that is the same stays untouched, so that a gateway which runs from it does not start over. */
function write({ path, contents }: OutputFile): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  writeFileSync(path, contents);
}
