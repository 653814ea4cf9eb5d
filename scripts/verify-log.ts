import { createReadStream, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ExportCheck, type Jwks } from "./record/check.ts";

const usage = `npm run verify-log -- EXPORT.jsonl --jwks FILE|URL [--checkpoints FILE]

  EXPORT.jsonl   from GET /v1/teams/{team}/log/export
  --jwks         the gateway's /.well-known/jwks.json, kept or asked for now
  --checkpoints  checkpoints that you kept: one JWS a line, or the JSON of GET …/log/checkpoints`;

async function readJwks(from: string): Promise<Jwks> {
  if (!/^https?:/.test(from)) return JSON.parse(readFileSync(from, "utf8")) as Jwks;
  const answer = await fetch(from);
  if (!answer.ok) throw new Error(`${from} answered ${answer.status}`);
  return (await answer.json()) as Jwks;
}

function readCheckpoints(file: string): string[] {
  const text = readFileSync(file, "utf8").trim();
  if (!text.startsWith("{")) return text.split(/\s+/).filter((line) => line !== "");
  const { items } = JSON.parse(text) as { items: { jws: string }[] };
  return items.map(({ jws }) => jws);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { jwks: { type: "string" }, checkpoints: { type: "string" } },
});
const [file] = positionals;
if (!file || !values.jwks) {
  console.error(usage);
  process.exit(2);
}
async function verify(file: string, jwks: string, kept: string | undefined): Promise<boolean> {
  const check = new ExportCheck(await readJwks(jwks), kept ? readCheckpoints(kept) : []);
  // Not by readline, which also breaks lines at U+2028: JSON may hold that in a text.
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "utf8" })) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) check.line(line);
  }
  check.line(rest);
  const report = check.end();
  console.log(JSON.stringify(report, null, 2));
  if (report.ok && report.sealed < report.to) {
    console.error(`Entries ${report.sealed + 1} to ${report.to} are not covered by a checkpoint yet.`);
  }
  return report.ok;
}

try {
  process.exitCode = (await verify(file, values.jwks, values.checkpoints)) ? 0 : 1;
} catch (error) {
  console.error(`It could not be checked: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}
