import { type Category, classify, type Level, type Risk } from "../../src/risk/classify.ts";
import type { LabelledTool } from "./tool_file.ts";
import { type Wrong, whatIsWrong } from "./wrong_label.ts";

export interface Judged {
  readonly tool: LabelledTool;
  readonly risk: Risk;
  readonly wrong: Wrong;
}

export const categories = ["Read", "Write", "Execute", "Financial", "Destructive"] as const;
const levels: readonly Level[] = ["low", "medium", "high", "critical"];

export function judgeAll(tools: readonly LabelledTool[]): Judged[] {
  const wrong = whatIsWrong(tools);
  return tools.map((tool, i) => ({
    tool,
    risk: classify(tool.definition),
    wrong: wrong[i] ?? { author: null, label: null },
  }));
}

const reads = ({ risk }: Judged): boolean => risk.category === "Read";

/** Said Read where the author says that it is not: the mistake that lets something through. */
export const isFalseSafe = (one: Judged): boolean => reads(one) && one.tool.readOnly === false;
export const isFalseAlarm = (one: Judged): boolean => !reads(one) && one.tool.readOnly === true;

const share = (part: number, whole: number): number | null =>
  whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000;

/** Read or not Read, against the authors' `readOnly`; shares are of all annotated tools. */
export function againstAuthors(judged: readonly Judged[]) {
  const annotated = judged.filter(({ tool }) => tool.readOnly !== null);
  const falseSafe = annotated.filter(isFalseSafe);
  const falseAlarms = annotated.filter(isFalseAlarm).length;
  return {
    annotated: annotated.length,
    accuracy: share(annotated.length - falseSafe.length - falseAlarms, annotated.length),
    false_safe: falseSafe.length,
    false_safe_share: share(falseSafe.length, annotated.length),
    false_safe_destructive: falseSafe.filter(({ tool }) => tool.destructive).length,
    false_alarms: falseAlarms,
  };
}

const labels = new Set<string>(categories);
export const isLabelled = ({ tool }: Judged): boolean => tool.label !== null && labels.has(tool.label);
const grave = new Set(["Destructive", "Financial", "Execute"]);

/** All five categories, against the labels that somebody published; other labels (`Other`) say nothing. */
export function againstLabels(judged: readonly Judged[]) {
  const labelled = judged.filter(isLabelled);
  const safe = labelled.filter((one) => reads(one) && one.tool.label !== "Read");
  return {
    labelled: labelled.length,
    agreement: share(
      labelled.filter(({ tool, risk }) => tool.label === risk.category).length,
      labelled.length,
    ),
    labelled_false_safe: safe.length,
    labelled_false_safe_grave: safe.filter(({ tool }) => grave.has(tool.label ?? "")).length,
  };
}

/** Rows: what others say; columns: what we say. */
export function confusion(judged: readonly Judged[]): Record<string, Record<Category, number>> {
  const rowOf = ({ tool }: Judged): string =>
    tool.label ?? (tool.readOnly === null ? "(nothing)" : tool.readOnly ? "readOnly" : "not readOnly");
  const count = (of: readonly Judged[]) =>
    Object.fromEntries(
      categories.map((category) => [category, of.filter(({ risk }) => risk.category === category).length]),
    ) as Record<Category, number>;
  return Object.fromEntries([...Map.groupBy(judged, rowOf)].map(([row, of]) => [row, count(of)]));
}

export const unknownShare = (judged: readonly Judged[]): number | null =>
  share(judged.filter(({ risk }) => risk.confidence === "low").length, judged.length);

/** The tools that would pass for less if their description were left away: none may. */
export function loweredByDropping(judged: readonly Judged[]): Judged[] {
  return judged.filter(({ tool, risk }) => {
    const bare = classify(new Map([...tool.definition].filter(([key]) => key !== "description")));
    return (
      categories.indexOf(bare.category) < categories.indexOf(risk.category) ||
      levels.indexOf(bare.level) < levels.indexOf(risk.level)
    );
  });
}

/** Tools a second on one core, from parsed definitions: the best of `rounds` over all of them, as others use the machine too. */
export function throughput(tools: readonly LabelledTool[], rounds: number): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    for (const { definition } of tools) classify(definition);
    bestMs = Math.min(bestMs, performance.now() - start);
  }
  return Math.round(tools.length / (bestMs / 1_000));
}
