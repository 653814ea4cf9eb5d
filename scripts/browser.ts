import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** What lets a browser run in a container, and keeps it from talking to anybody but the gateway. */
export const browserFlags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where a Chromium is; on Debian it is installed where there is none and we may. Throws with what to do. */
export function browserPath(): string {
  const found = foundPath() ?? (mayInstall() && install() ? foundPath() : null);
  if (found) return found;
  throw new Error(
    "No Chromium was found. Install one (on Debian: apt-get install chromium), or say where it is in CHROMIUM.",
  );
}

const foundPath = (): string | null =>
  [process.env["CHROMIUM"] ?? "", ...places].find((path) => path !== "" && existsSync(path)) ?? null;

const mayInstall = (): boolean => process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");

function install(): boolean {
  console.error("Installing Debian's chromium, for the tests that look at pages …");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = (...args: string[]) => spawnSync("apt-get", args, { env, stdio: "ignore" }).status === 0;
  const packages = ["install", "--yes", "--no-install-recommends", "chromium"];
  return run(...packages) || (run("update") && run(...packages));
}

if (process.argv[1] === import.meta.filename) console.log(browserPath());
