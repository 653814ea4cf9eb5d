import type { Place } from "./parse.ts";
import type { Program } from "./program.ts";

/** What stands beside a place in the text: its edge, or a code point as the assertions see it. */
export type Side = "edge" | "newline" | "word" | "other";

/** Walks all ways through a program at once, so that a code point costs at most the program's size. */
export class Machine {
  readonly #program: Program;
  readonly #seen: Int32Array;
  #round = 0;
  /** No way begins but at the start of the text. */
  readonly anchored: boolean;

  constructor(program: Program) {
    this.#program = program;
    this.#seen = new Int32Array(program.code.length);
    const inside = this.reach([program.start], (place) => place !== "text start");
    this.anchored = inside !== null && inside.length === 0;
  }

  /** The instructions reached from these that take a code point; null where the pattern has matched. */
  reach(from: readonly number[], holds: (place: Place) => boolean): readonly number[] | null {
    const { code } = this.#program;
    this.#round++;
    const taking: number[] = [];
    const waiting = [...from];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (this.#seen[at] === this.#round) continue;
      this.#seen[at] = this.#round;
      const instruction = code[at];
      if (instruction === undefined || instruction.kind === "done") return null;
      if (instruction.kind === "take") taking.push(at);
      else if (instruction.kind === "fork") waiting.push(instruction.next, instruction.other);
      else if (holds(instruction.place)) waiting.push(instruction.next);
    }
    return taking;
  }

  /** Where these lead over a code point of the marked sets, and where a match may begin after it. */
  advance(taking: readonly number[], takenBy: readonly boolean[]): readonly number[] {
    const { code, start } = this.#program;
    this.#round++;
    const next: number[] = [];
    for (const at of taking) {
      const instruction = code[at];
      if (instruction?.kind === "take" && takenBy[instruction.set] === true)
        this.#once(instruction.next, next);
    }
    if (!this.anchored) this.#once(start, next);
    return next;
  }

  #once(at: number, into: number[]): void {
    if (this.#seen[at] === this.#round) return;
    this.#seen[at] = this.#round;
    into.push(at);
  }
}

/** Whether an assertion holds between two sides. */
export function holds(place: Place, before: Side, after: Side): boolean {
  switch (place) {
    case "text start":
      return before === "edge";
    case "text end":
      return after === "edge";
    case "line start":
      return before === "edge" || before === "newline";
    case "line end":
      return after === "edge" || after === "newline";
    case "word edge":
      return (before === "word") !== (after === "word");
    case "no word edge":
      return (before === "word") === (after === "word");
  }
}
