import type { Finding } from "../../fault.ts";
import type { Json, JsonObject } from "../../json/value.ts";
import { compactJson } from "../../json/write.ts";
import { type Policy, readPolicy } from "../document.ts";
import { hasWildcard } from "../glob.ts";
import { suggestion } from "../nearest.ts";
import { pointerOf } from "../pointer.ts";
import { documentRegex } from "../regex.ts";
import { fail, itemsOf, member, type Reading, strangers, textOf } from "./carried.ts";
import { objectOf } from "./draft.ts";
import { importTool, type Line } from "./tool.ts";
import { finding, type Mapping, type Node, readYaml } from "./yaml.ts";

export type { Line } from "./tool.ts";

export type Imported =
  | {
      readonly ok: true;
      /** The document's text, in this language. */
      readonly text: string;
      readonly policy: Policy;
      readonly report: readonly Line[];
      readonly warnings: readonly Finding[];
    }
  /** Every mistake, with its line; pointers are into the YAML. */
  | { readonly ok: false; readonly errors: readonly Finding[] };

const known = ["version", "description", "default", "hide", "tools", "approvals"];

/**
 * Translates a policy of PolicyLayer's Intercept (its POLICY.md, and `require_approval`) so that the document permits no
 * call that Intercept would refuse; what has no equal here denies its tool, and the report says so. Never throws on any text.
 */
export function importIntercept(yaml: string): Imported {
  const read = readYaml(yaml);
  if (!read.ok) return read;
  const reading: Reading = { errors: [], regex: documentRegex() };
  const { root } = read;
  if (root.kind !== "mapping")
    return { ok: false, errors: [finding(root, "a policy has a version and tools")] };
  const written = writeDocument(root, reading);
  if (reading.errors.length > 0) return { ok: false, errors: reading.errors };
  const text = compactJson(written.document);
  const result = readPolicy(text);
  if (!result.ok) return { ok: false, errors: result.errors.map((error) => sourceOf(error, written.report)) };
  const { policy, warnings } = result;
  return { ok: true, text, policy, report: written.report, warnings };
}

/** The whole document, with the report's lines in the order of the YAML. */
function writeDocument(root: Mapping, reading: Reading): { document: JsonObject; report: readonly Line[] } {
  const report: Line[] = [];
  readVersion(root, reading);
  const posture = readDefault(root, report, reading);
  const hide = readHide(root, report, reading);
  const { everyTool, tools } = readTools(root, report, reading);
  refuseStrangers(root, report, reading);
  const document = objectOf([
    ["version", "1"],
    ["default", posture],
    ["description", textOf(root, "description", reading) ?? null],
    ["hide", hide.length > 0 ? hide : null],
    ["all_tools", everyTool],
    ["tools", tools],
  ]);
  return { document, report: report.sort((a, b) => a.line - b.line) };
}

function readVersion(root: Mapping, reading: Reading): void {
  const version = textOf(root, "version", reading);
  if (version === "1" || version === null) return;
  fail(reading, member(root, "version") ?? root, 'version must be "1"');
}

function readDefault(root: Mapping, report: Line[], reading: Reading): "allow" | "deny" {
  const at = member(root, "default");
  const text = textOf(root, "default", reading) || "allow";
  if (at && text !== "allow" && text !== "deny") fail(reading, at, 'default must be "allow" or "deny"');
  const posture = text === "deny" ? "deny" : "allow";
  const became = ["/default"];
  const open = "resources and prompts too; deny is the safer choice";
  if (posture === "deny") {
    const note =
      "refuses tools that are not listed; resources and prompts too, which Intercept does not judge";
    report.push({ line: at?.line ?? 1, rule: "default", became, note });
  } else if (at)
    report.push({ line: at.line, rule: "default", became, note: `lets pass what is not listed, ${open}` });
  else {
    const note = `absent, which in Intercept lets pass what is not listed, ${open}`;
    report.push({ line: root.line, rule: "default", became, note });
  }
  return posture;
}

/** Names to hide. Intercept takes them literally; where this language reads a glob, it hides more and never less. */
function readHide(root: Mapping, report: Line[], reading: Reading): Json[] {
  const names = new Set<string>();
  for (const [index, item] of (itemsOf(root, "hide", reading) ?? []).entries()) {
    const name = item.kind === "scalar" ? item.text : "";
    if (name.trim() === "") fail(reading, item, "an entry of hide is a tool's name");
    else if (names.has(name)) fail(reading, item, `duplicate entry ${JSON.stringify(name)}`);
    names.add(name);
    const glob = name !== "*" && hasWildcard(name);
    const note = glob ? "read as a glob here: hides every name that it matches" : "";
    report.push({ line: item.line, rule: `hide: ${name}`, became: [`/hide/${index}`], note });
  }
  return [...names];
}

function readTools(
  root: Mapping,
  report: Line[],
  reading: Reading,
): { everyTool: JsonObject | null; tools: JsonObject | null } {
  const at = member(root, "tools");
  if (at && at.kind !== "mapping") fail(reading, at, "tools takes a tool under each key");
  let everyTool: JsonObject | null = null;
  const tools: JsonObject = new Map();
  for (const { key, line, value } of at?.kind === "mapping" ? at.members : []) {
    const imported = importTool(key, line, value, reading);
    report.push(...imported.lines);
    if (key === "*") everyTool = imported.rule.size > 0 ? imported.rule : null;
    else tools.set(key, imported.rule);
  }
  return { everyTool, tools: tools.size > 0 ? tools : null };
}

function refuseStrangers(root: Mapping, report: Line[], reading: Reading): void {
  for (const key of strangers(root, known)) {
    const at = root.members.find((candidate) => candidate.key === key);
    const place = { line: at?.line ?? root.line, pointer: pointerOf([key]) };
    fail(reading, place, `unknown key ${JSON.stringify(key)}${suggestion(key, known)}`);
  }
  const approvals: Node | undefined = member(root, "approvals");
  if (!approvals) return;
  const note = "not carried over: who approves, and how they hear of it, is the team's affair here";
  report.push({ line: approvals.line, rule: "approvals", became: [], note });
}

/** A mistake that only the finished document shows, at the line whose rule became it. */
function sourceOf({ pointer, message }: Finding, report: readonly Line[]): Finding {
  const within = (part: string) => pointer === part || pointer.startsWith(`${part}/`);
  const owner = (text: string) => text.split("/").slice(0, 3).join("/");
  const line =
    report.find(({ became }) => became.some(within)) ??
    report.find(({ became }) => became.some((part) => owner(part) === owner(pointer)));
  const where = line ? `line ${line.line} (${line.rule}) ` : "";
  return { pointer: "", message: `${where}becomes ${pointer || "a document"}: ${message}` };
}
