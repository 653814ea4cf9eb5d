import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../http/harness.ts";
import { type Compared, failedOf, passedOf } from "./examine.ts";
import { type Revision, revisions, type Scenario } from "./suite.ts";

const file = join(root, "docs/conformance.md");
const [begin, end] = ["<!-- results -->\n", "<!-- /results -->"] as const;

/** The page's results as they stand, and as they ought to. */
export function results(compared: readonly Compared[]): { readonly stand: string; readonly ought: string } {
  const page = readFileSync(file, "utf8");
  const stand = page.slice(page.indexOf(begin) + begin.length, page.indexOf(end));
  return { stand, ought: text(compared) };
}

/** Puts the results into the page. */
export function write(compared: readonly Compared[]): void {
  const { stand, ought } = results(compared);
  const page = readFileSync(file, "utf8");
  writeFileSync(
    file,
    page.replace(begin + stand + end, () => begin + ought + end),
  );
}

function text(compared: readonly Compared[]): string {
  const summary = table(
    ["revision", "", "scenarios passed", "checks passed", "checks failed"],
    revisions.flatMap((revision) => summaryRows(revision, compared)),
  );
  const details = revisions.map((revision) => {
    const rows = compared.filter((one) => one.revision === revision).map(detailRow);
    const head = ["scenario", "directly", "through the gateway"];
    return `\n### ${revision}, scenario by scenario\n\n${table(head, rows)}`;
  });
  return summary + details.join("");
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");

function summaryRows(revision: Revision, compared: readonly Compared[]): string[][] {
  const required = compared.filter((one) => one.revision === revision && one.direct.required);
  const row = (how: string, scenarios: readonly Scenario[]): string[] => [
    revision,
    how,
    `${scenarios.filter(isPassed).length} of ${scenarios.length}`,
    String(scenarios.flatMap(passedOf).length),
    String(scenarios.flatMap(failedOf).length),
  ];
  return [
    row(
      "directly",
      required.map(({ direct }) => direct),
    ),
    row(
      "through the gateway",
      required.map(({ through }) => through),
    ),
  ];
}

/** Whether all that was checked was found right, and something was. */
export const isPassed = (scenario: Scenario): boolean =>
  passedOf(scenario).length > 0 && failedOf(scenario).length === 0;

function detailRow({ direct, through }: Compared): string[] {
  const counted = (scenario: Scenario): string => `${passedOf(scenario).length} of ${scenario.checks.length}`;
  const name = direct.required ? `\`${direct.name}\`` : `\`${direct.name}\` (not required)`;
  return [name, counted(direct), counted(through)];
}
