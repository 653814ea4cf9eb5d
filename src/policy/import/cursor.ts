/** Why a text is not acceptable YAML, and on which line; leaves the reader's recursion and never these files. */
export class Unacceptable extends Error {
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** A place in the lines of a text. Columns count UTF-16 units from 0. */
export class Cursor {
  readonly #rows: readonly string[];
  row = 0;
  column = 0;

  constructor(text: string) {
    this.#rows = text.split(/\r\n|\r|\n/);
  }

  get line(): number {
    return Math.min(this.row + 1, this.#rows.length);
  }

  /** What is left of the row. */
  get rest(): string {
    return (this.#rows[this.row] ?? "").slice(this.column);
  }

  get ended(): boolean {
    return this.row >= this.#rows.length;
  }

  fail(message: string): never {
    throw new Unacceptable(message, this.line);
  }

  nextRow(): void {
    this.row++;
    this.column = 0;
  }

  skipSpaces(): void {
    this.column += this.rest.length - this.rest.replace(/^ +/, "").length;
  }

  /** Whether nothing but a comment is left of the row; a comment needs a space before it. */
  get atRowEnd(): boolean {
    return this.column === 0 ? /^ *(?:#|$)/.test(this.rest) : /^ *$|^ +#/.test(this.rest) || this.#atComment;
  }

  get #atComment(): boolean {
    return this.rest.startsWith("#") && this.#rows[this.row]?.[this.column - 1] === " ";
  }

  /** Moves to the next content, past empty rows and comments; its column, or -1 at the end of the document. */
  content(): number {
    while (!this.ended && this.atRowEnd) this.nextRow();
    if (this.ended || this.atMarker) return -1;
    this.skipSpaces();
    if (this.rest.startsWith("\t")) this.fail("a tab: indent with spaces");
    return this.column;
  }

  /** At `---` or `...`, which end a document. */
  get atMarker(): boolean {
    return this.column === 0 && /^(?:---|\.\.\.)(?:[ \t]|$)/.test(this.rest);
  }

  /** Ends a row after a value. */
  endRow(): void {
    if (!this.atRowEnd) this.fail(`unexpected ${JSON.stringify(this.rest.trim().slice(0, 32))}`);
    this.nextRow();
  }
}
