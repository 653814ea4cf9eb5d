/** A compiled glob: `*` is any run without `/` (or across it), `?` is one character. */
export interface Glob {
  readonly tokens: readonly Token[];
  readonly crossesSlash: boolean;
}
type Token = number | "*" | "?";

const slash = 0x2f;

export function compileGlob(pattern: string, crossesSlash: boolean): Glob {
  const tokens: Token[] = [];
  for (const character of pattern) {
    if (character === "*" && tokens.at(-1) === "*") continue;
    tokens.push(character === "*" || character === "?" ? character : (character.codePointAt(0) ?? 0));
  }
  return { tokens, crossesSlash };
}

/**
 * Whether the whole of `text` matches. Walks all positions at once instead of backtracking, so time is at most
 * pattern × text whatever the pattern.
 */
export function matchesGlob(glob: Glob, text: string): boolean {
  const { tokens } = glob;
  let states = withStarsSkipped(tokens, [0]);
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const next: number[] = [];
    for (const state of states) {
      const token = tokens[state];
      if (token === "*") {
        if (glob.crossesSlash || code !== slash) next.push(state);
      } else if (token === "?" || token === code) next.push(state + 1);
    }
    if (next.length === 0) return false;
    states = withStarsSkipped(tokens, next);
  }
  return states.includes(tokens.length);
}

/** Adds the position behind every star (a star may match nothing). Positions come in order; each is kept once. */
function withStarsSkipped(tokens: readonly Token[], states: readonly number[]): number[] {
  const all: number[] = [];
  let last = -1;
  for (const state of states) {
    if (state <= last) continue;
    all.push(state);
    last = state;
    if (tokens[state] === "*") all.push(++last);
  }
  return all;
}

export const hasWildcard = (pattern: string): boolean => /[*?]/.test(pattern);

/** How many characters of the pattern match only themselves: the measure of how specific it is. */
export const literalCharacters = (pattern: string): number =>
  [...pattern].filter((c) => c !== "*" && c !== "?").length;
