import type { Finding } from "../../fault.ts";
import type { Json } from "../../json/value.ts";
import { pointerOf } from "../pointer.ts";
import { Cursor, Unacceptable } from "./cursor.ts";
import { type Read, readBlockText, readKey, readPlain, readQuoted } from "./inline.ts";

/** A value of a YAML text, with the line (from 1) and the pointer of its place. */
export type Node = Scalar | Sequence | Mapping;

interface At {
  readonly line: number;
  readonly pointer: string;
}
export interface Scalar extends At {
  readonly kind: "scalar";
  readonly text: string;
  /** undefined: a number or date that readers of YAML take for different things. */
  readonly value: Json | undefined;
}
export interface Sequence extends At {
  readonly kind: "sequence";
  readonly items: readonly Node[];
}
export interface Mapping extends At {
  readonly kind: "mapping";
  readonly members: readonly Member[];
}
export interface Member {
  readonly key: string;
  /** Where the key stands. */
  readonly line: number;
  readonly value: Node;
}

export type ReadYaml =
  | { readonly ok: true; readonly root: Node }
  | { readonly ok: false; readonly errors: readonly Finding[] };

/** What a text may cost: as much as a policy document (policy.md §9). */
const bytesMax = 262_144;
const depthMax = 16;
// biome-ignore lint/suspicious/noControlCharactersInRegex: YAML 1.2.2 §5.1 forbids them, so they are named here.
const unprintable = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/;

/**
 * Reads the YAML that people write policies in: block and flow collections, quoted, plain and block texts. Refused is
 * what makes two readers differ or a small text large: anchors, aliases, tags, merge keys, duplicate keys, complex keys,
 * texts without a block that go over several rows, tabs, directives and a second document.
 */
export function readYaml(source: string): ReadYaml {
  const text = source.startsWith("\ufeff") ? source.slice(1) : source;
  const refused = (message: string): ReadYaml => ({ ok: false, errors: [{ pointer: "", message }] });
  if (new TextEncoder().encode(text).length > bytesMax) return refused("a policy has at most 256 KiB");
  if (!text.isWellFormed() || unprintable.test(text)) return refused("a character that YAML does not take");
  const cursor = new Cursor(text);
  try {
    return { ok: true, root: document(cursor) };
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error;
    return { ok: false, errors: [finding({ line: error.line, pointer: "" }, error.message)] };
  }
}

/** A mistake at a place of the text. */
export const finding = ({ line, pointer }: At, message: string): Finding => ({
  pointer,
  message: `line ${line}: ${message}`,
});

function document(cursor: Cursor): Node {
  if (cursor.content() < 0 && cursor.rest.startsWith("---")) {
    cursor.column += 3;
    cursor.endRow();
  }
  const column = cursor.content();
  if (column < 0) cursor.fail("there is no YAML value here");
  const root = block(cursor, column, { line: cursor.line, pointer: "" }, 1);
  if (cursor.content() >= 0) cursor.fail("this row stands in no column that continues what is above");
  if (cursor.rest.startsWith("...")) {
    cursor.column += 3;
    cursor.endRow();
  }
  if (cursor.content() >= 0 || !cursor.ended) cursor.fail("a second document begins");
  return root;
}

/** A value that begins in this column of the row: a list, an object, or one value. */
function block(cursor: Cursor, column: number, at: At, depth: number): Node {
  if (depth > depthMax) cursor.fail(`nested deeper than ${depthMax}`);
  if (atDash(cursor)) return sequence(cursor, column, at, depth);
  if (/^[[{]/.test(cursor.rest)) return inline(cursor, column - 1, at, depth);
  return readKey(peeked(cursor), false) === null
    ? inline(cursor, column - 1, at, depth)
    : mapping(cursor, column, at, depth);
}

/** A copy of the place, to look ahead with. */
function peeked(cursor: Cursor): Cursor {
  return Object.assign(new Cursor(cursor.rest), { fail: (message: string) => cursor.fail(message) });
}

const atDash = (cursor: Cursor): boolean => /^-(?: |$)/.test(cursor.rest);

function sequence(cursor: Cursor, column: number, at: At, depth: number): Sequence {
  const items: Node[] = [];
  while (cursor.content() === column && atDash(cursor)) {
    const place = { line: cursor.line, pointer: at.pointer + pointerOf([items.length]) };
    cursor.column++;
    if (cursor.atRowEnd) items.push(below(cursor, column, false, place, depth));
    else {
      cursor.skipSpaces();
      items.push(block(cursor, cursor.column, place, depth + 1));
    }
  }
  return { ...at, kind: "sequence", items };
}

function mapping(cursor: Cursor, column: number, at: At, depth: number): Mapping {
  const members = new Map<string, Member>();
  while (cursor.content() === column && !atDash(cursor)) {
    const { line } = cursor;
    const key = readKey(cursor, false);
    if (key === null) return cursor.fail("expected a key with a colon and a space behind it");
    if (members.has(key)) cursor.fail(`duplicate key ${JSON.stringify(key.slice(0, 64))}`);
    const place = { line, pointer: at.pointer + pointerOf([key]) };
    const value = cursor.atRowEnd
      ? below(cursor, column, true, place, depth)
      : inline(cursor, column, place, depth + 1);
    members.set(key, { key, line, value });
  }
  return { ...at, kind: "mapping", members: [...members.values()] };
}

/** A value on the rows below its key or dash. A list may stand in its key's own column. */
function below(cursor: Cursor, column: number, ofKey: boolean, at: At, depth: number): Node {
  const found = cursor.content();
  const deeper = found > column || (ofKey && found === column && atDash(cursor));
  if (!deeper) return { ...at, kind: "scalar", text: "", value: null };
  return block(cursor, found, { ...at, line: cursor.line }, depth + 1);
}

/** A value that begins on its key's row; `indent` is the column that its further rows must stand deeper than. */
function inline(cursor: Cursor, indent: number, at: At, depth: number): Node {
  cursor.skipSpaces();
  const text = readBlockText(cursor, indent);
  if (text) return scalar(at, text);
  const node = flow(cursor, indent, false, at, depth);
  cursor.endRow();
  return node;
}

const scalar = (at: At, read: Read): Scalar => ({ ...at, kind: "scalar", ...read });

function flow(cursor: Cursor, indent: number, inFlow: boolean, at: At, depth: number): Node {
  if (depth > depthMax) cursor.fail(`nested deeper than ${depthMax}`);
  const place = { line: cursor.line, pointer: at.pointer };
  const open = cursor.rest[0];
  if (open !== "[" && open !== "{") return scalar(place, readQuoted(cursor) ?? readPlain(cursor, inFlow));
  const items: Node[] = [];
  const members = new Map<string, Member>();
  const close = open === "[" ? "]" : "}";
  cursor.column++;
  for (;;) {
    flowSpace(cursor, indent);
    if (cursor.rest.startsWith(close)) break;
    if (open === "[") {
      items.push(
        flow(cursor, indent, true, { ...place, pointer: at.pointer + pointerOf([items.length]) }, depth + 1),
      );
    } else {
      const member = flowMember(cursor, indent, at, depth);
      if (members.has(member.key)) cursor.fail(`duplicate key ${JSON.stringify(member.key.slice(0, 64))}`);
      members.set(member.key, member);
    }
    flowSpace(cursor, indent);
    if (cursor.rest.startsWith(",")) cursor.column++;
    else if (!cursor.rest.startsWith(close)) cursor.fail(`expected , or ${close}`);
  }
  cursor.column++;
  return open === "["
    ? { ...place, kind: "sequence", items }
    : { ...place, kind: "mapping", members: [...members.values()] };
}

function flowMember(cursor: Cursor, indent: number, at: At, depth: number): Member {
  const { line } = cursor;
  const key = readKey(cursor, true);
  if (key === null) return cursor.fail("expected a key with a colon and a space behind it");
  flowSpace(cursor, indent);
  const value = flow(cursor, indent, true, { line, pointer: at.pointer + pointerOf([key]) }, depth + 1);
  return { key, line, value };
}

/** To the next thing inside brackets, which may stand on a row below. */
function flowSpace(cursor: Cursor, indent: number): void {
  if (!cursor.atRowEnd) {
    cursor.skipSpaces();
    return;
  }
  cursor.nextRow();
  if (cursor.content() <= indent) cursor.fail("a list or object in brackets does not end");
}
