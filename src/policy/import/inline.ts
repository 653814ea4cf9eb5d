import type { Json } from "../../json/value.ts";
import type { Cursor } from "./cursor.ts";
import { plainValue } from "./scalar.ts";

/** A scalar as it stands in its row. */
export interface Read {
  readonly text: string;
  readonly value: Json | undefined;
}

const escapes: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  " ": " ",
  '"': '"',
  "/": "/",
  "\\": "\\",
};
const escapeSequence = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0abtnvfre "/\\]))/g;

/** A text in quotes that end on the same row; null where none begins here. */
export function readQuoted(cursor: Cursor): Read | null {
  const quote = cursor.rest[0];
  if (quote !== '"' && quote !== "'") return null;
  const found = (quote === '"' ? /^"((?:[^"\\]|\\.)*)"/ : /^'((?:[^']|'')*)'/).exec(cursor.rest);
  if (!found) return cursor.fail("a text in quotes ends on the row on which it begins");
  const [whole, inside = ""] = found;
  const text = quote === "'" ? inside.replaceAll("''", "'") : unescaped(inside, cursor);
  if (!text.isWellFormed()) cursor.fail("a lone surrogate");
  cursor.column += whole.length;
  return { text, value: text };
}

function unescaped(inside: string, cursor: Cursor): string {
  if (inside.replace(escapeSequence, "").includes("\\")) cursor.fail("an escape that is not taken here");
  return inside.replace(escapeSequence, (_, hex?: string, unit?: string, letter?: string) =>
    letter === undefined
      ? String.fromCharCode(Number.parseInt(hex ?? unit ?? "", 16))
      : (escapes[letter] ?? ""),
  );
}

// No indicator begins a text without quotes, but for a dash that is not a list's (YAML 1.2.2 §7.3.3).
const plainStart = /^(?!---)(?:-(?![\s,[\]{}]|$)|[^-?:,[\]{}#&*!|>'"%@`\s])/;

/** A text without quotes: up to a colon with a space behind it, a comment or the row's end; in `[` or `{` also `,[]{}`. */
export function readPlain(cursor: Cursor, inFlow: boolean): Read {
  const { rest } = cursor;
  if (!plainStart.test(rest))
    return cursor.fail(`a value cannot begin with ${JSON.stringify(rest[0] ?? "")}`);
  const end = rest.search(inFlow ? /[,[\]{}]| #|:(?:[\s,[\]{}]|$)/ : / #|:(?:\s|$)/);
  const text = withoutLast(end < 0 ? rest : rest.slice(0, end), " ");
  if (text.includes("\t")) cursor.fail("a tab: use spaces");
  cursor.column += text.length;
  return { text, value: plainValue(text) };
}

/** A key and its colon, where the row goes on so; else null, and nothing is read. */
export function readKey(cursor: Cursor, inFlow: boolean): string | null {
  const { column } = cursor;
  const quoted = readQuoted(cursor);
  const { text, value } = quoted ?? readPlain(cursor, inFlow);
  const colon = (inFlow && quoted ? /^ *:/ : /^ *:(?=[ ]|$)/).exec(cursor.rest);
  if (!colon) {
    cursor.column = column;
    return null;
  }
  cursor.column += colon[0].length;
  if (!quoted && text === "<<") cursor.fail("merge keys (<<) are not taken: write the members out");
  if (value === null || text.length > 1_024) cursor.fail("a key is a name of at most 1,024 characters");
  return text;
}

/** A `|` or `>` text: the rows below that stand deeper than `indent`. */
export function readBlockText(cursor: Cursor, indent: number): Read | null {
  const header = /^([|>])(-?) *(?: #.*)?$/.exec(cursor.rest);
  if (!header) return null;
  cursor.nextRow();
  const rows: string[] = [];
  let depth = -1;
  for (; !cursor.ended; cursor.nextRow()) {
    const spaces = cursor.rest.search(/[^ ]|$/);
    const empty = spaces === cursor.rest.length;
    if (!empty && spaces <= indent) break;
    if (!empty && depth < 0) depth = spaces;
    if (!empty && (spaces < depth || cursor.rest[spaces] === "\t"))
      cursor.fail("rows of a text start in one column");
    if (empty && depth < 0 && spaces > indent + 1) cursor.fail("a row of spaces before the text begins");
    rows.push(empty && depth < 0 ? "" : cursor.rest.slice(depth));
  }
  return chomped(header[1] === ">" ? folded(rows, cursor) : rows.join("\n"), header[2] === "-");
}

/** Rows as one, an empty row for each break that stays. */
function folded(rows: readonly string[], cursor: Cursor): string {
  if (rows.some((row) => /^[ \t]/.test(row))) cursor.fail("a row of a folded text that stands deeper: use |");
  let text = "";
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1];
    if (row === "") text += "\n";
    else text += before === undefined || before === "" ? row : ` ${row}`;
  }
  return text;
}

function chomped(text: string, strip: boolean): Read {
  const bare = withoutLast(text, "\n");
  const kept = strip || bare === "" ? bare : `${bare}\n`;
  return { text: kept, value: kept };
}

/** The text without this character at its end; a pattern would try every run of it anew. */
function withoutLast(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}
