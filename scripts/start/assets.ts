import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Trouble } from "./trouble.ts";

const script = join(import.meta.dirname, "../build-assets.ts");

/** Writes what is served as it is (the API's description and its docs) into `public/`. */
export function buildAssets(): void {
  const done = spawnSync(process.execPath, [script], { encoding: "utf8" });
  if (done.status !== 0) throw new Trouble(`The assets could not be built:\n\n${done.stdout}${done.stderr}`);
}
