import { type ReadPolicy, readPolicy } from "../policy/document.ts";

// Documents are up to 256 KiB; what is kept is read many times over, or soon pushed out.
const keptChars = 1_000_000;

/**
 * Policies by their exact text. Grants mostly share a few documents, and gates share isolates: a push to a thousand of them
 * reads its document once in each isolate, and its compiled form is in memory once. A policy is never changed.
 */
export class ReadPolicies {
  readonly #read = new Map<string, ReadPolicy>();
  #chars = 0;

  /** As `readPolicy`; what cannot be read is read again. */
  read(text: string): ReadPolicy {
    const known = this.#read.get(text);
    if (known) {
      this.#forget(text);
      this.#keep(text, known);
      return known;
    }
    const read = readPolicy(text);
    if (read.ok) this.#keep(text, read);
    return read;
  }

  #keep(text: string, read: ReadPolicy): void {
    this.#read.set(text, read);
    this.#chars += text.length;
    for (const oldest of this.#read.keys()) {
      if (this.#chars <= keptChars) return;
      this.#forget(oldest);
    }
  }

  #forget(text: string): void {
    this.#read.delete(text);
    this.#chars -= text.length;
  }
}
