import { charClass } from "./char-class.ts";
import { type CharSet, dot, letterSet } from "./char-set.ts";
import { escapedCodePoint, escapedSet } from "./escape.ts";
import { NotPattern, PatternText } from "./pattern-text.ts";

/** Where an assertion holds; `line` ones are those of (?m). */
export type Place = "text start" | "text end" | "line start" | "line end" | "word edge" | "no word edge";

/** A pattern's tree. Captures and laziness are gone: neither changes whether there is a match. */
export type Node =
  | { readonly kind: "one"; readonly set: CharSet; readonly literal: string | null }
  | { readonly kind: "at"; readonly place: Place }
  | { readonly kind: "sequence"; readonly nodes: readonly Node[] }
  | { readonly kind: "choice"; readonly nodes: readonly Node[] }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number };

interface Flags {
  readonly fold: boolean;
  readonly lines: boolean;
  readonly dotAll: boolean;
}

// RE2's own limit: of one count, and of the product of nested ones.
const repeatMax = 1_000;

/** Reads RE2 syntax with its Perl extensions; throws NotPattern. */
export function parsePattern(pattern: string): Node {
  const parser = new Parser(pattern);
  return parser.parse();
}

class Parser {
  readonly #text: PatternText;
  readonly #names = new Set<string>();
  #flags: Flags = { fold: false, lines: false, dotAll: false };

  constructor(pattern: string) {
    this.#text = new PatternText(pattern);
  }

  parse(): Node {
    const node = this.#choice();
    if (!this.#text.ended) throw new NotPattern(") closes no group");
    return node;
  }

  #choice(): Node {
    const nodes = [this.#sequence()];
    while (this.#text.skip("|")) nodes.push(this.#sequence());
    const only = nodes.length === 1 ? nodes[0] : undefined;
    return only ?? { kind: "choice", nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    let repeatedAt: number | null = null;
    while (!this.#text.ended && !/[|)]/.test(this.#text.next)) {
      const start = this.#text.at;
      const count = this.#count();
      if (count === null) nodes.push(...this.#item());
      else nodes.push(this.#repeated(nodes.pop(), count, start, repeatedAt));
      repeatedAt = count === null ? null : start;
    }
    return { kind: "sequence", nodes };
  }

  /** The bounds of `*`, `+`, `?` or `{n,m}` and the lazy mark after it; braces of another form are literal. */
  #count(): readonly [number, number] | null {
    const found = this.#text.match(/([*+?])\??|\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}\??/y);
    if (found === null) return null;
    const [, sign, min, comma, max] = found;
    if (sign !== undefined) return [sign === "+" ? 1 : 0, sign === "?" ? 1 : Number.POSITIVE_INFINITY];
    if (comma === undefined) return [Number(min), Number(min)];
    return [Number(min), max === undefined ? Number.POSITIVE_INFINITY : Number(max)];
  }

  #repeated(
    node: Node | undefined,
    [min, max]: readonly [number, number],
    start: number,
    before: number | null,
  ): Node {
    if (before !== null) this.#text.refuse("a repetition of a repetition", before);
    if (node === undefined) return this.#text.refuse("nothing to repeat", start);
    const counted = Number.isFinite(max) ? max : min;
    if (counted > repeatMax || min > max) this.#text.refuse("no such repetition", start);
    const repeat: Node = { kind: "repeat", node, min, max };
    const braces = /^\{/.test(this.#text.since(start));
    if (braces && counted >= 2 && !withinProduct(repeat, repeatMax)) {
      this.#text.refuse(`nested repetitions count past ${repeatMax}`, start);
    }
    return repeat;
  }

  #item(): readonly Node[] {
    const text = this.#text;
    switch (text.next) {
      case "(":
        return this.#group();
      case "[":
        return [one(charClass(text, this.#flags.fold))];
      case "\\":
        return this.#escape();
      case ".":
        text.take();
        return [one(dot(this.#flags.dotAll))];
      case "^":
        text.take();
        return [at(this.#flags.lines ? "line start" : "text start")];
      case "$":
        text.take();
        return [at(this.#flags.lines ? "line end" : "text end")];
      default:
        return [this.#literal(text.take().codePointAt(0) ?? 0)];
    }
  }

  #literal(codePoint: number): Node {
    const { fold } = this.#flags;
    const letter = String.fromCodePoint(codePoint);
    // Half a surrogate pair is no code point of any text, though a search would find it.
    const literal = !fold && letter.isWellFormed() ? letter : null;
    return { kind: "one", set: letterSet(codePoint, fold), literal };
  }

  #escape(): readonly Node[] {
    const text = this.#text;
    if (text.skip("\\A")) return [at("text start")];
    if (text.skip("\\z")) return [at("text end")];
    if (text.skip("\\b")) return [at("word edge")];
    if (text.skip("\\B")) return [at("no word edge")];
    const quoted = text.match(/\\Q(.*?)(?:\\E|$)/sy)?.[1];
    if (quoted !== undefined) return [...quoted].map((letter) => this.#literal(letter.codePointAt(0) ?? 0));
    const set = escapedSet(text, this.#flags.fold);
    return [set === undefined ? this.#literal(escapedCodePoint(text)) : one(set)];
  }

  /** A group with its content, or flags for the rest of this one, which are no item. */
  #group(): readonly Node[] {
    const start = this.#text.at;
    const outer = this.#flags;
    this.#text.skip("(");
    if (this.#text.skip("?") && !this.#named(start) && this.#switched(start)) return [];
    const node = this.#choice();
    if (!this.#text.skip(")")) this.#text.refuse("( is never closed", start);
    this.#flags = outer;
    return [node];
  }

  #named(start: number): boolean {
    if (this.#text.match(/<[=!]|[=!]/y) !== null) this.#text.refuse("look-around is no part of it", start);
    if (this.#text.match(/P?</y) === null) return false;
    const name =
      this.#text.match(/(\w+)>/y)?.[1] ?? this.#text.refuse("a group's name is letters, digits and _", start);
    if (this.#names.has(name)) this.#text.refuse("two groups of one name", start);
    this.#names.add(name);
    return true;
  }

  /** Reads flags: true where they are for the rest of the group, false where a group of their own follows. */
  #switched(start: number): boolean {
    const found = this.#text.match(/([imsU]*)(?:-([imsU]+))?([:)])/y);
    if (found === null) {
      this.#text.take();
      return this.#text.refuse("no such group or flag", start);
    }
    const [, on = "", off = "", end] = found;
    const flag = (letter: string, now: boolean) => !off.includes(letter) && (on.includes(letter) || now);
    const { fold, lines, dotAll } = this.#flags;
    this.#flags = { fold: flag("i", fold), lines: flag("m", lines), dotAll: flag("s", dotAll) };
    return end === ")";
  }
}

function one(set: CharSet): Node {
  return { kind: "one", set, literal: null };
}

function at(place: Place): Node {
  return { kind: "at", place };
}

function withinProduct(node: Node, left: number): boolean {
  if (node.kind === "sequence" || node.kind === "choice")
    return node.nodes.every((each) => withinProduct(each, left));
  if (node.kind !== "repeat" || node.max === 0) return true;
  const counted = Number.isFinite(node.max) ? node.max : node.min;
  return counted <= left && withinProduct(node.node, counted > 0 ? Math.trunc(left / counted) : left);
}
