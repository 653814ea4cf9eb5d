/**
 * A compiled glob: `*` is any run without `/` (or across it), `?` is one character. Its positions are bits, 32 a word:
 * `at` has, for each character, those that it moves on from, `any` those of `?`, `stars` those that a star stays at.
 */
export interface Glob {
  readonly crossesSlash: boolean;
  readonly end: number;
  readonly words: number;
  readonly at: ReadonlyMap<number, Uint32Array>;
  readonly any: Uint32Array;
  readonly stars: Uint32Array;
  /** What every match begins with; all of it where there is no wildcard. */
  readonly head: string;
  readonly exact: boolean;
  /** What every match ends with. */
  readonly tail: string;
}

const slash = 0x2f;

export function compileGlob(pattern: string, crossesSlash: boolean): Glob {
  const tokens = [...pattern].filter((token, index, all) => token !== "*" || all[index - 1] !== "*");
  const words = (tokens.length >> 5) + 1;
  const bits = (holds: (token: string) => boolean): Uint32Array => {
    const found = new Uint32Array(words);
    tokens.forEach((token, index) => {
      if (holds(token)) found[index >> 5] = (found[index >> 5] ?? 0) | (1 << (index & 31));
    });
    return found;
  };
  const exact = !hasWildcard(pattern);
  const literals = new Set(exact ? [] : tokens.filter((token) => !hasWildcard(token)));
  return {
    exact,
    crossesSlash,
    end: tokens.length,
    words,
    at: new Map([...literals].map((one) => [codeOf(one), bits((token) => token === one || token === "?")])),
    any: bits((token) => token === "?"),
    stars: bits((token) => token === "*"),
    head: /^[^*?]*/.exec(pattern)?.[0] ?? "",
    tail: /[^*?]*$/.exec(pattern)?.[0] ?? "",
  };
}

const codeOf = (character: string): number => character.codePointAt(0) ?? 0;

/**
 * Whether the whole of `text` matches. Walks all positions at once instead of backtracking, so time is at most
 * text × pattern / 32 whatever the pattern.
 */
export function matchesGlob(glob: Glob, text: string): boolean {
  if (glob.exact) return text === glob.head;
  if (!text.startsWith(glob.head) || !text.endsWith(glob.tail)) return false;
  const states = new Uint32Array(glob.words);
  states[0] = 1;
  skipStars(glob, states);
  let last = -1;
  let moves = glob.any;
  for (let index = 0; index < text.length; index++) {
    const code = text.codePointAt(index) ?? 0;
    if (code > 0xffff) index++;
    if (code !== last) moves = glob.at.get(code) ?? glob.any;
    last = code;
    if (!step(glob, states, moves, code !== slash || glob.crossesSlash)) return false;
  }
  return (((states[glob.end >> 5] ?? 0) >>> (glob.end & 31)) & 1) === 1;
}

/** One character: the positions in `moves` go one on, those of a star may stay. False where none is left. */
function step({ words, stars }: Glob, states: Uint32Array, moves: Uint32Array, stays: boolean): boolean {
  let carry = 0;
  let carriedStar = 0;
  let left = 0;
  for (let word = 0; word < words; word++) {
    const here = states[word] ?? 0;
    const star = stars[word] ?? 0;
    const moved = here & (moves[word] ?? 0);
    const next = (moved << 1) | carry | (stays ? here & star : 0);
    carry = moved >>> 31;
    // A star may match nothing, so its position and the one behind it are held together.
    const starred = next & star;
    states[word] = next | (starred << 1) | carriedStar;
    carriedStar = starred >>> 31;
    left |= states[word] ?? 0;
  }
  return left !== 0;
}

function skipStars({ stars }: Glob, states: Uint32Array): void {
  if ((stars[0] ?? 0) & 1) states[0] = 3;
}

export const hasWildcard = (pattern: string): boolean => /[*?]/.test(pattern);

/** How many characters of the pattern match only themselves: the measure of how specific it is. */
export const literalCharacters = (pattern: string): number =>
  [...pattern].filter((c) => c !== "*" && c !== "?").length;
