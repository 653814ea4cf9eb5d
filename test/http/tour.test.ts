import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Cmux, startCmux } from "../support/cmux.ts";
import { root } from "./harness.ts";

const between = "==== next ====";

/** The commands of the README's tour, block by block. */
function tour(): string[] {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const section = readme.split("<!-- tour -->")[1]?.split("<!-- /tour -->")[0] ?? "";
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
}

/** Runs all blocks in one shell, as a reader would, and returns what each printed. */
async function run(blocks: readonly string[]): Promise<string[]> {
  const script = blocks.join(`\necho '${between}'\n`);
  const { stdout } = await promisify(execFile)("sh", ["-euc", script]);
  return stdout.split(`${between}\n`).map((text) => text.trim());
}

let cmux: Cmux;
let printed: string[];

beforeAll(async () => {
  cmux = await startCmux();
  const [addresses = "", ...rest] = tour();
  const here = addresses
    .replace("http://127.0.0.1:8787", inject("gateway").url)
    .replace("http://127.0.0.1:8788/mcp", cmux.url);
  expect(here).toContain(cmux.url);
  printed = await run([here, ...rest]);
});
afterAll(() => cmux.stop());

const lines = (block: number): string[] => (printed[block] ?? "").split("\n");

describe("the README's tour", () => {
  it("registers a server and gets its gateway URL", () => {
    expect(printed[2]).toBe(`${inject("gateway").url}/mcp/engines/cmux`);
  });

  it("lists the server's tools", () => {
    expect(lines(3)).toHaveLength(9);
    expect(printed[3]).toContain("cmux_close_all");
  });

  it("saves the first revision of a policy", () => {
    expect(printed[4]).toBe("1");
  });

  it("has one call pass and two refused, each with its reason", () => {
    const [sent, submitted, closed] = lines(6);
    expect(sent).toContain("Typed 5 characters into main-1.");
    expect(submitted).toContain("[POLICY DENIED] Nothing is deleted from here.");
    expect(closed).toContain("[POLICY DENIED] Denied by rule (default deny).");
  });

  it("runs into the limit at the fourth send", () => {
    const [second, third, fourth] = lines(7);
    expect(second).toContain("Typed 5 characters");
    expect(third).toContain("Typed 5 characters");
    expect(fourth).toContain("[RATE LIMITED] 3 per minute reached for cmux_send.");
  });

  it("edits and revokes with effect on the next call", () => {
    expect(printed[8]).toContain("pending: 0");
    expect(printed[8]).toContain("Denied by rule (default deny).");
    expect(printed[8]).toContain("A valid bearer token is needed");
  });

  it("finds every decision in the log, newest first", () => {
    expect(lines(9)).toEqual([
      "denied  cmux_workspace_snapshot  (default deny)",
      "limited  cmux_send  /tools/cmux_send/limits/sends-per-minute",
      expect.stringMatching(/^allowed {2}cmux_send/),
      expect.stringMatching(/^allowed {2}cmux_send/),
      "denied  cmux_close_all  (default deny)",
      "denied  cmux_send_submit  /tools/cmux_send_submit/deny_if/args.text-contains",
      expect.stringMatching(/^allowed {2}cmux_send/),
    ]);
  });
});
