import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** The project's root. */
export const root = join(import.meta.dirname, "../..");
export const wranglerBin = join(root, "node_modules/wrangler/bin/wrangler.js");

/** Keeps wrangler from asking, reporting and looking anything up. */
export const quiet = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  DO_NOT_TRACK: "1",
};

/** Runs one wrangler command to its end. `output` is all that it wrote, `stdout` the part without its remarks. */
export function wrangler(args: readonly string[]): { code: number; output: string; stdout: string } {
  const done = spawnSync(process.execPath, [wranglerBin, ...args], {
    cwd: root,
    env: { ...process.env, ...quiet },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { code: done.status ?? 1, output: `${done.stdout}${done.stderr}`, stdout: done.stdout };
}
