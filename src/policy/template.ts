import type { Json, JsonObject } from "../json/value.ts";
import { matchPrice, spend, type Work } from "./work.ts";

/** Says whether a string holds text that a tool fills in only later (policy.md §7); `size` is its pattern's. */
export interface Template {
  readonly size: number;
  readonly holds: (text: string) => boolean;
}

// `$word.`, `$word[`, `${` and `{{`; a word may be of any script, because a wider net only denies more.
const usual = /\$[\p{L}\p{N}_]+[.[]|\$\{|\{\{/u;
export const usualTemplate: Template = { size: 1, holds: (text) => usual.test(text) };

/** Remembers, for one call, which of its values hold a template at any depth, in a key or a value. */
export class Templates {
  readonly #patterns: readonly Template[];
  readonly #known = new Map<Json, boolean>();

  readonly #work: Work;

  constructor(patterns: readonly Template[], work: Work) {
    this.#patterns = patterns;
    this.#work = work;
  }

  in(value: Json): boolean {
    if (typeof value !== "string" && !Array.isArray(value) && !(value instanceof Map)) return false;
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const found = this.#search(value);
    this.#known.set(value, found);
    return found;
  }

  #search(value: string | Json[] | JsonObject): boolean {
    if (typeof value === "string") return this.#patterns.some((pattern) => this.#holds(pattern, value));
    if (Array.isArray(value)) return value.some((element) => this.in(element));
    return [...value].some(([key, member]) => this.in(key) || this.in(member));
  }

  /** A text that there is no time to search may hold one. */
  #holds({ size, holds }: Template, text: string): boolean {
    return !spend(this.#work, matchPrice(size, text)) || holds(text);
  }

  /** A key that is filled in later may become any key. */
  inKeys(value: Json): boolean {
    return value instanceof Map && [...value.keys()].some((key) => this.in(key));
  }
}
