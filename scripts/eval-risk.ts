import { existsSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import {
  againstAuthors,
  againstLabels,
  categories,
  confusion,
  isFalseAlarm,
  isFalseSafe,
  isLabelled,
  type Judged,
  judgeAll,
  loweredByDropping,
  throughput,
  unknownShare,
} from "./eval/figures.ts";
import { refusedPolicies } from "./eval/policies.ts";
import { type Fold, type LabelledTool, readTools } from "./eval/tool_file.ts";

const usual = "../shared/data/tools.jsonl";
const usage = `npm run eval:risk [-- FILE] [--fold dev|held] [--verbose]

  FILE       tools with their authors' annotations, JSON Lines; ${usual} where none is given
  --fold     dev, the servers by which the rules were written, or held, a quarter of them that nobody looked into
  --verbose  every tool that others judge otherwise, and why we judge as we do

Annotations are not shown to the classifier: they are what it is measured by.`;

function main(): number {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { fold: { type: "string" }, verbose: { type: "boolean" }, help: { type: "boolean" } },
  });
  const [path = usual] = positionals;
  if (values.help || positionals.length > 1 || !isFold(values.fold)) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  if (positionals.length === 0 && !existsSync(path)) {
    console.log(`SKIPPED: there is no ${relative(".", path)}; name a file of tools to measure by.`);
    return 0;
  }
  report(path, readTools(path, values.fold), values.fold, values.verbose === true);
  return 0;
}

const isFold = (text: string | undefined): text is Fold | undefined =>
  text === undefined || text === "dev" || text === "held";

function report(
  path: string,
  tools: readonly LabelledTool[],
  fold: Fold | undefined,
  verbose: boolean,
): void {
  const judged = judgeAll(tools);
  console.log("What others say (rows) and what we say (columns):");
  console.table(confusion(judged));
  showWrong(judged);
  const lowered = loweredByDropping(judged);
  for (const { tool } of lowered) console.log(`LOWERED without its description: ${tool.server} ${tool.name}`);
  const policies = refusedPolicies(tools);
  for (const one of policies.refused) console.log(`REFUSED, though recommended: ${one}`);
  if (verbose) showDisagreements(judged);
  const figures = {
    file: path,
    fold: fold ?? "all",
    tools: judged.length,
    servers: new Set(tools.map(({ server }) => server)).size,
    ...againstAuthors(judged),
    ...againstLabels(judged),
    unknown_share: unknownShare(judged),
    lowered_without_description: lowered.length,
    policies_recommended: policies.made,
    policies_refused: policies.refused.length,
    tools_per_second: throughput(tools, 20),
    without_wrong: {
      ...againstAuthors(judged.filter(({ wrong }) => wrong.author === null)),
      ...againstLabels(judged.filter(({ wrong }) => wrong.label === null)),
    },
  };
  console.log(JSON.stringify(figures));
}

function showWrong(judged: readonly Judged[]): void {
  const lines = judged.flatMap(({ tool, wrong }) =>
    [wrong.author, wrong.label].flatMap((why) => (why ? [`  ${tool.server} ${tool.name}: ${why}`] : [])),
  );
  if (lines.length === 0) return;
  console.log("Contradicted by name and description, or by another line; set aside in `without_wrong`:");
  for (const line of new Set(lines)) console.log(line);
}

function showDisagreements(judged: readonly Judged[]): void {
  const show = (title: string, of: readonly Judged[]): void => {
    console.log(`\n${title}: ${of.length}`);
    for (const one of of) console.log(describe(one));
  };
  const annotated = judged.filter(({ tool }) => tool.readOnly !== null);
  show("FALSE SAFE", annotated.filter(isFalseSafe));
  show("FALSE ALARM", annotated.filter(isFalseAlarm));
  const other = judged.filter((one) => isLabelled(one) && one.tool.label !== one.risk.category);
  for (const label of categories) {
    show(
      `LABELLED ${label}`,
      other.filter(({ tool }) => tool.label === label),
    );
  }
  show(
    "UNKNOWN",
    judged.filter(({ risk }) => risk.confidence === "low"),
  );
}

function describe({ tool, risk }: Judged): string {
  const [said] = risk.evidence;
  const text = tool.description.replace(/\s+/g, " ").slice(0, 150);
  return `  ${tool.server} ${tool.name}: ${risk.category}/${risk.level} by ${said?.source} ${said?.token} | ${text}`;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(`Nothing was measured: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}
