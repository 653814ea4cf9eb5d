import type { LabelledTool } from "./tool_file.ts";

// Shares no words with src/risk on purpose: only verbs that nobody could take for anything else.
const only = {
  reads: /^(?:get|list|read|describe|count|search|find|retrieve|fetch)(?:e?s)?$/,
  changes: /^(?:create|update|delete|remove|insert|rename|upload|send|publish|revoke)s?$/,
} as const;

const negation = /\b(?:read[- ]?only|without (?:chang|modif)ing|does(?: not|n't) (?:change|modify))\b/i;
const change =
  /\b(?:creat|updat|delet|remov|modif|writ|chang|insert|overwrit|sav|upload|execut|run|submit|trigger|start)/i;

/** Why what others say of a tool is set aside in the second set of figures: the author's `readOnly`, the published label. */
export interface Wrong {
  readonly author: string | null;
  readonly label: string | null;
}

/** Judges what others say of the tools, strictly and apart from the classifier. */
export function whatIsWrong(tools: readonly LabelledTool[]): Wrong[] {
  const said = Map.groupBy(tools, identity);
  return tools.map((tool) => ({
    author: contradicted(said.get(identity(tool)) ?? []) ?? authorContradicts(tool),
    label: labelContradicts(tool),
  }));
}

const identity = ({ server, name, description }: LabelledTool): string =>
  `${server}\n${name}\n${description.slice(0, 100)}`;

/** One tool, told twice with opposite annotations: no judge can be right about both. */
function contradicted(same: readonly LabelledTool[]): string | null {
  const said = new Set(same.flatMap(({ readOnly }) => readOnly ?? []));
  return said.size > 1 ? "the file has it with readOnly true and with readOnly false" : null;
}

function authorContradicts(tool: LabelledTool): string | null {
  const { readOnly } = tool;
  if (readOnly === null) return null;
  const why = saysOtherwise(tool, readOnly ? "changes" : "reads");
  return why && `${why}, and said to be readOnly: ${readOnly}`;
}

function labelContradicts(tool: LabelledTool): string | null {
  if (tool.label === null || tool.label === "Other") return null;
  const why = saysOtherwise(tool, tool.label === "Read" ? "changes" : "reads");
  return why && `${why}, and labelled ${tool.label}`;
}

/** The name's own verb and the description's first one are both of that kind, and nothing else speaks for the other. */
function saysOtherwise(tool: LabelledTool, kind: keyof typeof only): string | null {
  const verb = verbOf(tool.name);
  const [first = ""] = /[A-Za-z]+/.exec(tool.description) ?? [];
  if (!only[kind].test(verb) || !only[kind].test(first.toLowerCase())) return null;
  const defends = kind === "changes" ? negation : change;
  return defends.test(tool.description) ? null : `named "${verb}", described as "${first} …"`;
}

/** The verb of a name that has exactly one of these verbs. */
function verbOf(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const found = words.filter((word) => only.reads.test(word) || only.changes.test(word));
  return found.length === 1 ? (found[0] ?? "") : "";
}
