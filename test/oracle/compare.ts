import { readJson } from "../../src/json/read.ts";
import type { JsonObject } from "../../src/json/value.ts";
import { readPolicy } from "../../src/policy/document.ts";
import { evaluate } from "../../src/policy/evaluate.ts";
import type { Situation } from "./asked.ts";
import { covered } from "./coverage.ts";
import type { Asking } from "./generate/call.ts";
import { isObj, type Obj, parse, write } from "./value.ts";
import { countLine, type Verdict, verdictOf } from "./verdict.ts";

type Policy = Extract<ReturnType<typeof readPolicy>, { ok: true }>["policy"];

/** Both documents as texts, read by each evaluator for itself. */
export interface Documents {
  readonly texts: { readonly team: string | null; readonly server: string | null };
  readonly engine: { readonly team: Policy | null; readonly server: Policy | null };
  readonly oracle: { readonly team: Obj | null; readonly server: Obj | null };
}

/** Throws when the validator refuses a document: the generator writes valid ones only. */
export function readBoth(texts: Documents["texts"]): Documents {
  return {
    texts,
    engine: { team: engineReads(texts.team), server: engineReads(texts.server) },
    oracle: { team: oracleReads(texts.team), server: oracleReads(texts.server) },
  };
}

function engineReads(text: string | null): Policy | null {
  if (text === null) return null;
  const read = readPolicy(text);
  if (!read.ok) throw new Error(`a generated document was refused: ${JSON.stringify(read.errors)}\n${text}`);
  return read.policy;
}

function oracleReads(text: string | null): Obj | null {
  const value = text === null ? null : parse(text);
  return isObj(value) ? value : null;
}

export interface Answer {
  readonly effect: string;
  readonly rule: string;
  readonly reason: string;
  readonly counts: string[];
}

/** Asks both; null when they agree on effect, rule, reason and, for an allowed call, on what it counts. */
export function disagreement(
  documents: Documents,
  asking: Asking,
  pins: Situation["pins"],
  hit: (name: string) => void,
): { engine: Answer; oracle: Verdict } | null {
  const text = asking.args === undefined ? null : write(asking.args);
  const engine = askEngine(documents.engine, asking, text, pins);
  const { frozen, context, kind, name } = asking;
  const situation = { ...documents.oracle, frozen, pins, context, hit };
  const { verdict, all } = verdictOf(situation, { kind, name, args: oracleReads(text) ?? undefined });
  covered(situation, kind, verdict, all);
  return agree(engine, verdict) ? null : { engine, oracle: verdict };
}

const agree = (engine: Answer, oracle: Verdict): boolean =>
  engine.effect === oracle.effect &&
  engine.rule === oracle.rule &&
  (oracle.exact ? engine.reason === oracle.reason : engine.reason.startsWith(oracle.reason)) &&
  engine.counts.join("\n") === oracle.counts.join("\n");

const methods = { tool: "tools/call", resource: "resources/read", prompt: "prompts/get" } as const;

function askEngine(
  policies: Documents["engine"],
  { kind, name, frozen, context }: Asking,
  text: string | null,
  tools: Situation["pins"],
): Answer {
  const call = { method: methods[kind], kind, name, arguments: argumentsOf(text) };
  const { effect, rule, reason, obligations } = evaluate({ call, ...policies, frozen, tools, context });
  const counting = effect === "allow" ? obligations.filter((duty) => duty.type === "count") : [];
  const counts = new Set(counting.map((duty) => countLine(duty.rule, duty.amount, duty.shadow)));
  return { effect, rule, reason, counts: [...counts].sort() };
}

function argumentsOf(text: string | null): JsonObject | undefined {
  if (text === null) return undefined;
  const read = readJson(text);
  if (read.ok && read.value instanceof Map) return read.value;
  throw new Error(`generated arguments were refused: ${text}`);
}
