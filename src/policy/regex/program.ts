import type { CharSet } from "./char-set.ts";
import type { Node, Place } from "./parse.ts";

/** One instruction: take a code point, go two ways, pass where an assertion holds, or be done. */
export type Instruction =
  | { readonly kind: "take"; readonly set: number; readonly next: number }
  | { readonly kind: "fork"; next: number; readonly other: number }
  | { readonly kind: "pass"; readonly place: Place; readonly next: number }
  | { readonly kind: "done" };

/** A pattern as a nondeterministic machine over the code points of `sets`. */
export interface Program {
  readonly code: readonly Instruction[];
  readonly start: number;
  readonly sets: readonly CharSet[];
}

/** How many instructions a program of this tree has, known without writing it. */
export function programSize(node: Node): number {
  return 1 + sizeOf(node);
}

function sizeOf(node: Node): number {
  switch (node.kind) {
    case "one":
    case "at":
      return 1;
    case "sequence":
      return sum(node.nodes);
    case "choice":
      return sum(node.nodes) + node.nodes.length - 1;
    case "repeat": {
      const size = sizeOf(node.node);
      return Number.isFinite(node.max)
        ? node.max * size + node.max - node.min
        : Math.max(1, node.min) * size + 1;
    }
  }
}

function sum(nodes: readonly Node[]): number {
  return nodes.reduce((total, node) => total + sizeOf(node), 0);
}

/** Writes the program of a tree, by Thompson's construction, from its end to its start. */
export function compileProgram(node: Node): Program {
  const writer = new Writer();
  const start = writer.write(node, writer.done);
  return { code: writer.code, start, sets: writer.sets };
}

class Writer {
  readonly code: Instruction[] = [];
  readonly sets: CharSet[] = [];
  readonly #indexes = new Map<string, number>();
  readonly done = this.#add({ kind: "done" });

  /** Gives the instruction where `node`, followed by what is at `next`, begins. */
  write(node: Node, next: number): number {
    switch (node.kind) {
      case "one":
        return this.#add({ kind: "take", set: this.#set(node.set), next });
      case "at":
        return this.#add({ kind: "pass", place: node.place, next });
      case "sequence":
        return node.nodes.reduceRight((after, each) => this.write(each, after), next);
      case "choice":
        return node.nodes
          .map((each) => this.write(each, next))
          .reduceRight((other, each) => this.#add({ kind: "fork", next: each, other }));
      case "repeat":
        return this.#repeat(node.node, node.min, node.max, next);
    }
  }

  #repeat(node: Node, min: number, max: number, next: number): number {
    let start = next;
    if (Number.isFinite(max)) {
      for (let at = min; at < max; at++)
        start = this.#add({ kind: "fork", next: this.write(node, start), other: next });
    } else {
      start = this.#loop(node, min > 0, next);
    }
    const still = Number.isFinite(max) ? min : min - 1;
    for (let at = 0; at < still; at++) start = this.write(node, start);
    return start;
  }

  #loop(node: Node, atLeastOnce: boolean, next: number): number {
    const fork: Instruction = { kind: "fork", next, other: next };
    const start = this.#add(fork);
    fork.next = this.write(node, start);
    return atLeastOnce ? fork.next : start;
  }

  #add(instruction: Instruction): number {
    return this.code.push(instruction) - 1;
  }

  #set(set: CharSet): number {
    const index = this.#indexes.get(set.key) ?? this.sets.length;
    if (index === this.sets.length) this.sets.push(set);
    this.#indexes.set(set.key, index);
    return index;
  }
}
