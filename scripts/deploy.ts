import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as z from "zod";
import { buildAssets } from "./start/assets.ts";
import { newSecrets } from "./start/secrets.ts";
import { Trouble } from "./start/trouble.ts";
import { root, wrangler } from "./start/wrangler.ts";

const placeholder = "00000000-0000-0000-0000-000000000000";
const secretNames = z.array(z.object({ name: z.string() }));

function readOrigin(): string {
  const { values } = parseArgs({ options: { origin: { type: "string" } } });
  const url = URL.parse(values.origin ?? "");
  if (url?.protocol === "https:" && url.href === `${url.origin}/`) return url.origin;
  throw new Trouble(
    "Say where people will reach the gateway: npm run deploy -- --origin https://portcullis.example.com\n" +
      "Tokens are bound to this address, so choose the one that stays.",
  );
}

function checkDatabase(): void {
  if (!readFileSync(join(root, "wrangler.toml"), "utf8").includes(placeholder)) return;
  throw new Trouble(
    "wrangler.toml names no database yet. Make one with `npx wrangler d1 create portcullis`, and put the id that it prints into wrangler.toml as database_id.",
  );
}

function checkAccount(): void {
  const { code, output } = wrangler(["whoami"]);
  if (code === 0 && !/not authenticated/i.test(output)) return;
  throw new Trouble(
    "wrangler is signed in to no Cloudflare account. Run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID.",
  );
}

/** Whether the deployed Worker has its keys. A Worker that is not there yet has none; keys are never replaced here. */
function hasSecrets(): boolean {
  const { code, output, stdout } = wrangler(["secret", "list", "--format", "json"]);
  if (code !== 0) {
    if (/not found|10007|does not exist/i.test(output)) return false;
    throw new Trouble(`The Worker's secrets could not be listed:\n\n${output.trim()}`);
  }
  const names = secretNames.parse(JSON.parse(stdout)).map((secret) => secret.name);
  return names.includes("MASTER_KEYS") && names.includes("SIGNING_KEYS");
}

function step(what: string, args: readonly string[]): void {
  console.log(`${what} …`);
  const { code, output } = wrangler(args);
  if (code !== 0) throw new Trouble(`${what} failed:\n\n${output.trim()}`);
  console.log(output.trim());
}

function deploy(origin: string, dir: string): void {
  const args = ["deploy", "--var", `PUBLIC_ORIGIN:${origin}`];
  if (!hasSecrets()) {
    const file = join(dir, "secrets.json");
    writeFileSync(file, JSON.stringify(newSecrets()), { mode: 0o600 });
    args.push("--secrets-file", file);
    console.log("New keys are made and kept as the Worker's secrets only.");
  }
  step("Migrating the database", ["d1", "migrations", "apply", "portcullis", "--remote"]);
  step("Deploying", args);
}

const dir = mkdtempSync(join(tmpdir(), "portcullis-deploy-"));
try {
  const origin = readOrigin();
  checkDatabase();
  checkAccount();
  buildAssets();
  deploy(origin, dir);
} catch (error) {
  if (!(error instanceof Trouble)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
