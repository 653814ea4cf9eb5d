import type { Json } from "../json/value.ts";

/** Says whether a string holds text that a tool fills in only later (policy.md §7). */
export type Template = (text: string) => boolean;

// `$word.`, `$word[`, `${` and `{{`; a word may be of any script, because a wider net only denies more.
const usual = /\$[\p{L}\p{N}_]+[.[]|\$\{|\{\{/u;
export const usualTemplate: Template = (text) => usual.test(text);

/** Remembers, for one call, which of its containers hold a template at any depth, in a key or a value. */
export class Templates {
  readonly #patterns: readonly Template[];
  readonly #known = new Map<object, boolean>();

  constructor(patterns: readonly Template[]) {
    this.#patterns = patterns;
  }

  in(value: Json): boolean {
    if (typeof value === "string") return this.#patterns.some((pattern) => pattern(value));
    if (!Array.isArray(value) && !(value instanceof Map)) return false;
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const found = Array.isArray(value)
      ? value.some((element) => this.in(element))
      : [...value].some(([key, member]) => this.in(key) || this.in(member));
    this.#known.set(value, found);
    return found;
  }

  /** A key that is filled in later may become any key. */
  inKeys(value: Json): boolean {
    return value instanceof Map && [...value.keys()].some((key) => this.in(key));
  }
}
