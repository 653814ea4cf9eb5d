import type { Finding } from "../../fault.ts";
import type { Json, JsonObject } from "../../json/value.ts";
import type { CompileRegex } from "../regex.ts";
import { finding, type Mapping, type Node } from "./yaml.ts";

/** Whose rules are read: a tool's, or those of `"*"`. */
export interface Target {
  /** What Intercept's state paths call it: the tool's name, or `_global`. */
  readonly scope: string;
  /** Whether it is every tool. */
  readonly every: boolean;
}

/** Something that the document's rule gets. */
export type Part =
  | { readonly to: "require" | "limits"; readonly value: JsonObject }
  | { readonly to: "action"; readonly action: "deny" | "approve"; readonly reason: string | null }
  | { readonly to: "expires"; readonly seconds: number }
  /** An argument, by its names from outside in, that must be there and not null. */
  | { readonly to: "present"; readonly names: readonly string[] };

/** What became of one rule: its parts and what to know of them, or why it has no equal and its tools are denied. */
export type Carried = { readonly parts: readonly Part[]; readonly notes: readonly string[] } | Unequal;
export interface Unequal {
  readonly why: string;
}
export const isUnequal = (value: object): value is Unequal => "why" in value;

/** What one import may spend and has found; mistakes are told together. */
export interface Reading {
  readonly errors: Finding[];
  readonly regex: CompileRegex;
}

/** Notes a mistake. Null stands for what it made unreadable. */
export function fail({ errors }: Reading, at: Pick<Node, "line" | "pointer">, message: string): null {
  errors.push(finding(at, message));
  return null;
}

/** A member of a mapping, or undefined where there is none or it is null. */
export function member(mapping: Mapping, key: string): Node | undefined {
  const value = mapping.members.find((candidate) => candidate.key === key)?.value;
  return value?.kind === "scalar" && value.value === null ? undefined : value;
}

/** The keys of a mapping that are none of these. */
export const strangers = (mapping: Mapping, known: readonly string[]): string[] =>
  mapping.members.flatMap(({ key }) => (known.includes(key) ? [] : [key]));

export const noEqual = (strange: readonly string[]): Unequal => ({
  why: `${strange.map((key) => JSON.stringify(key)).join(", ")} has no equal here`,
});

/** A text, as Intercept reads one: any scalar as it is written. Undefined where it is absent, null after a mistake. */
export function textOf(mapping: Mapping, key: string, reading: Reading): string | undefined | null {
  const node = member(mapping, key);
  if (!node) return undefined;
  return node.kind === "scalar" ? node.text : fail(reading, node, `${key} takes a text`);
}

/** The members of a list; none where it is absent, null after a mistake. */
export function itemsOf(mapping: Mapping, key: string, reading: Reading): readonly Node[] | null {
  const node = member(mapping, key);
  if (!node) return [];
  return node.kind === "sequence" ? node.items : fail(reading, node, `${key} takes a list`);
}

/** A node as JSON, its numbers as they are written; null after a mistake. */
export function jsonOf(node: Node, reading: Reading): { readonly json: Json } | null {
  if (node.kind === "scalar") {
    if (node.value !== undefined) return { json: node.value };
    const message = `readers of YAML disagree on ${node.text}: write a number as JSON does, or put it in quotes`;
    return fail(reading, node, message);
  }
  if (node.kind === "sequence") {
    const items = node.items.map((item) => jsonOf(item, reading));
    return items.includes(null) ? null : { json: items.flatMap((item) => (item ? [item.json] : [])) };
  }
  const members = node.members.map(({ key, value }) => [key, jsonOf(value, reading)] as const);
  if (members.some(([, value]) => value === null)) return null;
  return { json: new Map(members.flatMap(([key, value]) => (value ? [[key, value.json]] : []))) };
}
