import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./start/wrangler.ts";

const code = ["src", "test", "scripts"];
const tools: readonly { what: string; command: string; args: readonly string[] }[] = [
  { what: "format and lint", command: "biome", args: ["check", "--error-on-warnings", "."] },
  { what: "types", command: "tsc", args: ["-p", "tsconfig.json"] },
  { what: "promises", command: "oxlint", args: ["--type-aware", ...code] },
  { what: "import rules", command: "depcruise", args: ["--output-type", "err-long", ...code] },
  { what: "dead code", command: "knip", args: ["--no-progress", "--treat-config-hints-as-errors"] },
];

function run(command: string, args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  return new Promise((done, failed) => {
    const child = spawn(join(root, "node_modules", ".bin", command), args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const add = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    child.on("error", failed);
    child.on("close", (status) => done({ ok: status === 0, output }));
  });
}

/** Runs every tool at once, prints what those that failed have to say, and counts. */
export async function check(): Promise<{ passed: number; failed: number }> {
  const began = Date.now();
  const results = await Promise.all(
    tools.map(async ({ what, command, args }) => {
      const { ok, output } = await run(command, args);
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      console.log(`${ok ? "ok    " : "FAILED"} ${what} (${seconds} s)${ok ? "" : `\n\n${output.trim()}\n`}`);
      return ok;
    }),
  );
  const passed = results.filter(Boolean).length;
  return { passed, failed: results.length - passed };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { failed } = await check();
  process.exitCode = failed === 0 ? 0 : 1;
}
