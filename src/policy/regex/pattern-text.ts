/** Why a text is not a pattern; leaves the parser's recursion and never these files. */
export class NotPattern extends Error {}

/** A pattern and a place in it, in UTF-16 units from 0. */
export class PatternText {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    return this.at >= this.#text.length;
  }

  /** The code point at this place, or "" at the end. */
  get next(): string {
    const codePoint = this.#text.codePointAt(this.at);
    return codePoint === undefined ? "" : String.fromCodePoint(codePoint);
  }

  get rest(): string {
    return this.#text.slice(this.at);
  }

  since(start: number): string {
    return this.#text.slice(start, this.at);
  }

  /** Steps over one code point and gives it; "" at the end. */
  take(): string {
    const taken = this.next;
    this.at += taken.length;
    return taken;
  }

  /** Steps over this text if it stands here. */
  skip(text: string): boolean {
    const stands = this.#text.startsWith(text, this.at);
    if (stands) this.at += text.length;
    return stands;
  }

  /** Steps over what the sticky expression matches here. */
  match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.at;
    const found = expression.exec(this.#text);
    if (found !== null) this.at += found[0].length;
    return found;
  }

  /** Refuses the pattern, quoting it from `start` to here. */
  refuse(why: string, start: number): never {
    throw new NotPattern(`${why}: \`${this.since(start)}\``);
  }
}
