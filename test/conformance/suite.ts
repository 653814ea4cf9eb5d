import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import * as z from "zod";
import { root, scratch } from "../http/harness.ts";

export const revisions = ["2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof revisions)[number];

/** What came of one scenario. */
export interface Scenario {
  readonly name: string;
  readonly required: boolean;
  readonly checks: readonly Check[];
}

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** What the suite says of one that failed. */
  readonly because: string;
}

const packageDir = join(root, "node_modules/@modelcontextprotocol/conformance");
const requirements = z.object({
  server: z.array(z.string()),
  not_scored: z.array(z.object({ scenario: z.string(), leg: z.string() })),
});
const checks = z.array(
  z.object({ id: z.string(), name: z.string(), status: z.string(), errorMessage: z.string().optional() }),
);

/** Runs the official suite's requirements of one revision against a server, and returns every check that it judged. */
export async function runSuite(url: string, revision: Revision): Promise<readonly Scenario[]> {
  const { dir, drop } = scratch();
  try {
    await run(["server", "--url", url, "--requirements", revision, "--output-dir", dir]);
    const set = requirements.parse(
      load(readFileSync(join(packageDir, "requirements", `${revision}.yaml`), "utf8")),
    );
    const unscored = set.not_scored.filter(({ leg }) => leg === "server").map(({ scenario }) => scenario);
    return [...set.server, ...unscored].map((name) => ({
      name,
      required: set.server.includes(name),
      checks: readChecks(dir, name),
    }));
  } finally {
    drop();
  }
}

/** Its exit code says only whether all passed, which the checks say better. */
function run(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(packageDir, "dist/index.js"), ...args], { stdio: "ignore" });
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", () => done());
  });
}

function readChecks(dir: string, scenario: string): Check[] {
  // The folder is named by the scenario and the time, and one scenario's name may begin another's.
  const folder = readdirSync(dir).find(
    (name) => name.replace(/-\d{4}-\d\d-\d\dT.*$/, "") === `server-${scenario}`,
  );
  if (folder === undefined) return [];
  const judged = checks
    .parse(JSON.parse(readFileSync(join(dir, folder, "checks.json"), "utf8")))
    .filter(({ status }) => status !== "INFO" && status !== "SKIPPED");
  return judged.map(({ id, name, status, errorMessage }) => ({
    name: `${id} (${name})`,
    passed: status === "SUCCESS",
    because: errorMessage ?? status,
  }));
}
