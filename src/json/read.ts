import { type Json, JsonNumber, type JsonObject } from "./value.ts";

/** What a body may cost before it is refused, counted while reading (security.md §2: caps before parsing). */
export interface Caps {
  readonly depthMax: number;
  /** Keys and elements of the whole document together. */
  readonly membersMax: number;
  /** UTF-16 units of one string. */
  readonly stringMax: number;
}

export const messageCaps: Caps = { depthMax: 64, membersMax: 10_000, stringMax: 262_144 };

/** Why a text is not acceptable, and where (an offset in UTF-16 units and a JSON pointer). */
export interface ReadError {
  readonly problem: string;
  readonly offset: number;
  readonly pointer: string;
}

export type ReadResult = { readonly ok: true; readonly value: Json } | ({ readonly ok: false } & ReadError);

/**
 * Reads RFC 8259 JSON so that no second parser can read it differently: one value, no duplicate key at any depth, no
 * lone surrogate, no byte-order mark, numbers kept as written.
 */
export function readJson(text: string, caps: Caps = messageCaps): ReadResult {
  const reader = new Reader(text, caps);
  try {
    return { ok: true, value: reader.document() };
  } catch (error) {
    if (error instanceof Unacceptable) {
      return { ok: false, problem: error.message, offset: error.offset, pointer: reader.pointer() };
    }
    throw error;
  }
}

// As much of a hostile key as a message repeats.
const shownMax = 64;

/** Leaves the recursion; never leaves this file. */
class Unacceptable extends Error {
  readonly offset: number;
  constructor(problem: string, offset: number) {
    super(problem);
    this.offset = offset;
  }
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// A run that needs no decoding: no quote, no backslash, no control character, no surrogate.
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 §7 forbids them raw inside strings, so they are named here.
const plainRun = /[^"\\\u0000-\u001f\ud800-\udfff]*/y;
const escapes: Record<string, string> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Reader {
  readonly #text: string;
  readonly #caps: Caps;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #members = 0;

  constructor(text: string, caps: Caps) {
    this.#text = text;
    this.#caps = caps;
  }

  pointer(): string {
    return this.#path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  }

  document(): Json {
    if (this.#text.charCodeAt(0) === 0xfeff) this.#fail("a byte-order mark is not allowed");
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail("there is more text after the JSON value");
    return value;
  }

  #fail(problem: string): never {
    throw new Unacceptable(problem, this.#at);
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #value(depth: number): Json {
    this.#space();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(this.#deeper(depth));
      case "[":
        return this.#array(this.#deeper(depth));
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      case undefined:
        return this.#fail("the text ends where a value is expected");
      default:
        return this.#number();
    }
  }

  #deeper(depth: number): number {
    if (depth >= this.#caps.depthMax) this.#fail(`nested deeper than ${this.#caps.depthMax}`);
    return depth + 1;
  }

  #word<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail("not a JSON value");
    this.#at += word.length;
    return value;
  }

  #number(): JsonNumber {
    numberPattern.lastIndex = this.#at;
    const found = numberPattern.exec(this.#text);
    if (!found) return this.#fail("not a JSON value");
    this.#at = numberPattern.lastIndex;
    return new JsonNumber(found[0]);
  }

  #countMember(): void {
    if (++this.#members > this.#caps.membersMax) {
      this.#fail(`more than ${this.#caps.membersMax} keys and elements`);
    }
  }

  #array(depth: number): Json[] {
    const elements: Json[] = [];
    this.#at++;
    this.#space();
    if (this.#take("]")) return elements;
    for (;;) {
      this.#countMember();
      this.#path.push(elements.length);
      elements.push(this.#value(depth));
      this.#path.pop();
      this.#space();
      if (this.#take("]")) return elements;
      if (!this.#take(",")) this.#fail("expected , or ]");
    }
  }

  #object(depth: number): JsonObject {
    const members: JsonObject = new Map();
    this.#at++;
    this.#space();
    if (this.#take("}")) return members;
    for (;;) {
      this.#countMember();
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail("expected a key in double quotes");
      const key = this.#string();
      // C parsers end a key at NUL, so "a\u0000" and "a" are one key to them.
      if (key.includes("\0")) this.#fail("a NUL inside a key");
      if (members.has(key)) this.#fail(`duplicate key ${JSON.stringify(key.slice(0, shownMax))}`);
      this.#path.push(key);
      this.#space();
      if (!this.#take(":")) this.#fail("expected :");
      members.set(key, this.#value(depth));
      this.#path.pop();
      this.#space();
      if (this.#take("}")) return members;
      if (!this.#take(",")) this.#fail("expected , or }");
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #string(): string {
    let out = "";
    this.#at++;
    for (;;) {
      plainRun.lastIndex = this.#at;
      out += plainRun.exec(this.#text)?.[0] ?? "";
      this.#at = plainRun.lastIndex;
      if (out.length > this.#caps.stringMax) this.#fail(`a string longer than ${this.#caps.stringMax}`);
      const next = this.#text[this.#at];
      if (next === '"') {
        this.#at++;
        return out;
      }
      if (next === undefined) this.#fail("the text ends inside a string");
      out += next === "\\" ? this.#escape() : this.#surrogates();
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? "";
    const simple = escapes[letter];
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    if (letter !== "u") return this.#fail("not a JSON escape");
    const unit = this.#hexUnit();
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    // Parsers disagree on a lone surrogate (kept, replaced, refused), so only whole pairs pass.
    if (unit > 0xdbff || !this.#text.startsWith("\\u", this.#at)) this.#fail("a lone surrogate");
    const low = this.#hexUnit();
    if (low < 0xdc00 || low > 0xdfff) this.#fail("a lone surrogate");
    return String.fromCharCode(unit, low);
  }

  #hexUnit(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail("not a JSON escape");
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #surrogates(): string {
    const code = this.#text.codePointAt(this.#at) ?? 0;
    if (code < 0x20) this.#fail("a control character inside a string");
    if (code <= 0xffff) this.#fail("a lone surrogate");
    this.#at += 2;
    return String.fromCodePoint(code);
  }
}
