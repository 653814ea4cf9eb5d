import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { check } from "./check.ts";
import { quiet, root } from "./start/wrangler.ts";

const report = z.object({ numPassedTests: z.int(), numFailedTests: z.int() });

interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** Runs one vitest project. A run that breaks down without a failed test (a file that does not load) counts as one. */
function suite(project: string, dir: string): Count {
  console.log(`\n${project} suite`);
  const file = join(dir, `${project}.json`);
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const done = spawnSync(process.execPath, [vitest, "run", "--project", project, ...reporters], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...quiet },
  });
  const { numPassedTests, numFailedTests } = readReport(file);
  const broken = done.status !== 0 && numFailedTests === 0;
  return { passed: numPassedTests, failed: broken ? 1 : numFailedTests };
}

function readReport(file: string): z.infer<typeof report> {
  try {
    return report.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0 };
  }
}

/** Builds the Worker as a deployment would, which fails past its size budget. */
function build(): Count {
  const done = spawnSync(process.execPath, [join(root, "scripts/build.ts")], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return done.status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

const dir = mkdtempSync(join(tmpdir(), "portcullis-test-"));
try {
  const counts = [build(), await check(), suite("runtime", dir), suite("http", dir)];
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
