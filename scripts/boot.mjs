// Plain JavaScript for any Node that knows modules: it brings the dependencies in and hands over to the locked Node.
import { spawn } from "child_process";
import fs from "fs";
import path from "path";
import { fileURLToPath } from "url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const oldestNode = [22, 18];

/** Installs what is missing, then runs `script` (from the project's root) with the given arguments, and ends with it. */
export async function boot(script, args) {
  try {
    if (!isInstalled()) await install();
    await run(findNode(), [path.join(root, script)].concat(args));
  } catch (error) {
    process.stderr.write("\n" + error.message + "\n");
    process.exit(1);
  }
}

/** Whether node_modules holds every package of the lock file, at the locked version. */
function isInstalled() {
  const wanted = readPackages(path.join(root, "package-lock.json"));
  const present = readPackages(path.join(root, "node_modules", ".package-lock.json"));
  if (present === null) return false;
  return Object.keys(wanted).every((name) => {
    if (name === "") return true;
    const found = present[name];
    return found ? found.version === wanted[name].version : wanted[name].optional === true;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")).packages;
  } catch (_error) {
    return null;
  }
}

async function install() {
  process.stderr.write("Installing the dependencies (once, about half a minute) …\n");
  const npm = npmCommand();
  const args = npm.args.concat(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  const { code, output } = await collect(npm.command, args);
  if (code === 0) return;
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET/.test(output)) {
    throw new Error(
      "The npm registry cannot be reached. Check the network (or npm's proxy settings) and start again.",
    );
  }
  throw new Error("npm could not install the dependencies:\n\n" + output.trim());
}

function npmCommand() {
  const cli = process.env.npm_execpath;
  if (cli && /\.c?js$/.test(cli)) return { command: process.execPath, args: [cli] };
  return { command: "npm", args: [] };
}

function collect(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const add = (chunk) => {
      output += chunk;
    };
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    child.on("error", () =>
      reject(new Error("npm was not found. Install Node.js 20 or newer, which brings it along.")),
    );
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** The Node that npm installed beside the dependencies, or else this one where it is new enough. */
function findNode() {
  const local = path.join(root, "node_modules", ".bin", "node");
  if (fs.existsSync(local)) return local;
  const version = process.versions.node.split(".").map(Number);
  if (version[0] > oldestNode[0] || (version[0] === oldestNode[0] && version[1] >= oldestNode[1])) {
    return process.execPath;
  }
  throw new Error(
    "This needs Node.js " +
      oldestNode.join(".") +
      " or newer, and here is " +
      process.versions.node +
      ". On Linux (x64, arm64) npm installs a newer one by itself, unless optional packages are left out;" +
      " elsewhere install Node.js 24.",
  );
}

/** Runs to the end, passing signals on, and exits as the child did. When this process loses its parent, so does the child. */
function run(command, args) {
  return new Promise((_resolve, reject) => {
    const bin = path.join(root, "node_modules", ".bin") + path.delimiter;
    const env = Object.assign({}, process.env, { PATH: bin + (process.env.PATH || "") });
    const child = spawn(command, args, { cwd: root, stdio: "inherit", env });
    ["SIGINT", "SIGTERM", "SIGHUP"].forEach((signal) => {
      process.on(signal, () => child.kill(signal));
    });
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid !== parent) child.kill("SIGTERM");
    }, 1000);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      clearInterval(watch);
      process.exit(code === null ? (signal === "SIGINT" ? 130 : 143) : code);
    });
  });
}
