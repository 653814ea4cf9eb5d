import { holds, Machine, type Side } from "./machine.ts";
import type { Program } from "./program.ts";

/** Code points that a program cannot tell apart. */
interface Kind {
  readonly index: number;
  readonly side: Side;
  readonly takenBy: readonly boolean[];
}

/** Where the machine may be before a code point, what was before that, and the steps taken from here by kind. */
interface State {
  readonly at: readonly number[];
  readonly before: Side;
  readonly after: (State | undefined)[];
}

const matched: State = { at: [], before: "edge", after: [] };
const dead: State = { at: [], before: "edge", after: [] };
const asciiMax = 0x7f;
// What is kept per instruction, in steps and places: memory stays in proportion to the document.
const keptMax = (size: number) => 1_024 + 8 * size;

/**
 * Tells whether a program matches anywhere in a text, in time linear in both. The steps taken are kept, so that a text
 * like the ones before runs through a table; past the bound they are taken anew.
 */
export class Matcher {
  readonly #program: Program;
  readonly #machine: Machine;
  readonly #end: Kind;
  readonly #sided: boolean;
  #left = 0;
  #first: State | null = null;
  readonly #states = new Map<string, State>();
  readonly #kinds = new Map<string, Kind>();
  readonly #ascii: (Kind | undefined)[] = [];
  readonly #wide = new Map<number, Kind>();

  constructor(program: Program) {
    this.#program = program;
    this.#machine = new Machine(program);
    this.#sided = program.code.some((instruction) => instruction.kind === "pass");
    this.#end = { index: 0, side: "edge", takenBy: [] };
  }

  test(text: string): boolean {
    if (this.#left <= 0) this.#forget();
    this.#first ??= this.#state([this.#program.start], "edge");
    let state = this.#first;
    const ascii = this.#ascii;
    for (let index = 0; index < text.length; index++) {
      let codePoint = text.charCodeAt(index);
      if (codePoint >= 0xd800) {
        codePoint = text.codePointAt(index) ?? codePoint;
        if (codePoint > 0xffff) index++;
      }
      const kind = ascii[codePoint] ?? this.#kindOf(codePoint);
      state = state.after[kind.index] ?? this.#step(state, kind);
      if (state === matched) return true;
      if (state === dead) return false;
    }
    return (state.after[0] ?? this.#step(state, this.#end)) === matched;
  }

  #forget(): void {
    this.#left = keptMax(this.#program.code.length);
    this.#first = null;
    this.#states.clear();
    this.#kinds.clear();
    this.#ascii.length = 0;
    this.#wide.clear();
  }

  #step(state: State, kind: Kind): State {
    const next = this.#stepped(state, kind);
    if (kind.index >= 0 && this.#left-- > 0) state.after[kind.index] = next;
    return next;
  }

  #stepped(state: State, kind: Kind): State {
    const taking = this.#machine.reach(state.at, (place) => holds(place, state.before, kind.side));
    if (taking === null) return matched;
    const at = this.#machine.advance(taking, kind.takenBy);
    return at.length === 0 ? dead : this.#state(at, kind.side);
  }

  #state(at: readonly number[], before: Side): State {
    if (this.#left <= 0) return { at, before, after: [] };
    const key = `${before} ${at.toSorted((one, other) => one - other).join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state: State = { at, before, after: [] };
    this.#left -= 1 + at.length;
    this.#states.set(key, state);
    return state;
  }

  #kindOf(codePoint: number): Kind {
    const known = this.#wide.get(codePoint);
    if (known !== undefined) return known;
    const takenBy = this.#program.sets.map((set) => set.has(codePoint));
    const side = this.#sided ? sideOf(codePoint) : "other";
    if (this.#left <= 0) return { index: -1, side, takenBy };
    const key = `${side} ${takenBy.map(Number).join("")}`;
    const kind = this.#kinds.get(key) ?? { index: this.#kinds.size + 1, side, takenBy };
    this.#left -= 1 + takenBy.length;
    this.#kinds.set(key, kind);
    if (codePoint <= asciiMax) this.#ascii[codePoint] = kind;
    else this.#wide.set(codePoint, kind);
    return kind;
  }
}

// RE2's \b knows ASCII words only.
function sideOf(codePoint: number): Side {
  if (codePoint === 0x0a) return "newline";
  return /^\w$/.test(String.fromCodePoint(codePoint)) ? "word" : "other";
}
